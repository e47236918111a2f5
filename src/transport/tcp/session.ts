import { VertigoError } from '../../base/errors.ts'
import type { LineLimits } from './limits.ts'
import { ackRecord, RecordReader } from './record.ts'
import { SendLog } from './send-log.ts'

/**
 * One end of a link over lines that break: a state machine without input, output, clock and timers. What drives it
 * (`resuming-link.ts`) gives it bytes and writes what it takes out.
 *
 * - TL-1 A frame that `send` took reaches the other end's `deliver` exactly once, in the order sent, while both ends live
 *   and lines can be made: it is kept until the other end has confirmed it.
 * - TL-2 A frame counts as received when it is given to `deliver`, and never before. What a line carried after its last
 *   whole record is sent again.
 * - TL-3 Ends know each other by a name made at random. An end goes on with the one that it met first; another one in its
 *   place has lost its memory, which is said (`lost`), never mended in silence.
 * - TL-4 One line counts at a time: the one whose attempt is the highest. A line that comes late is turned away.
 * - TL-5 What cannot be (a number that leaves a gap, the confirmation of what was not sent) breaks the line, not the link.
 */
export class Session {
  readonly end: string
  peerEnd: string | null = null
  /** Number of the last frame delivered. */
  received = 0
  private readonly log = new SendLog()
  private readonly limits: LineLimits
  private readonly deliver: (frame: Uint8Array) => void
  private reader: RecordReader | undefined
  /** The highest attempt of the other end that was met. */
  private metAttempt = -1
  private bytesSinceAck = 0

  constructor(end: string, limits: LineLimits, deliver: (frame: Uint8Array) => void) {
    this.end = end
    this.limits = limits
    this.deliver = deliver
  }

  /** Takes the frame's bytes, or throws and takes nothing. Errors: LINK_BACKLOG_FULL. */
  send(frame: Uint8Array): void {
    if (frame.length > this.limits.frameBytesMax) {
      throw new VertigoError(
        'LINK_BACKLOG_FULL',
        `a frame of ${frame.length} bytes; a link takes ${this.limits.frameBytesMax} (frameBytesMax)`,
      )
    }
    if (this.log.heldBytes >= this.limits.unackedBytesMax) {
      throw new VertigoError(
        'LINK_BACKLOG_FULL',
        `the other end has not confirmed ${this.log.heldBytes} bytes; at most ${this.limits.unackedBytesMax} are kept (unackedBytesMax)`,
      )
    }
    this.log.append(frame, this.received)
    this.noteAck()
  }

  /** Bytes kept for sending again. */
  get heldBytes(): number {
    return this.log.heldBytes
  }

  /** Frames sent that the other end has not confirmed. */
  get unconfirmed(): number {
    return this.log.last - this.log.confirmed
  }

  /** What the other end's hello means; nothing is changed by asking. */
  judge(hello: Meeting): Judgement {
    if (hello.peerEnd !== null && hello.peerEnd !== this.end) {
      return lost('own', 'this end of the link is new; the other end knows an earlier one')
    }
    if (this.peerEnd !== null && hello.end !== this.peerEnd) {
      return lost('other', 'the other end of the link is new; this end knows an earlier one')
    }
    if (hello.attempt <= this.metAttempt) return { type: 'late' }
    if (hello.received < this.log.confirmed || hello.received > this.log.last) {
      return lost(
        'other',
        `the other end has received frame ${hello.received}; ${this.log.last} were sent and ${this.log.confirmed} confirmed`,
      )
    }
    return { type: 'fits' }
  }

  /** A line is up, after both hellos were judged to fit; it replaces any earlier one. */
  lineUp(hello: Meeting): void {
    this.lineDown()
    this.peerEnd = hello.end
    this.metAttempt = hello.attempt
    this.log.rewind(hello.received)
    // The other end learned it from the hello.
    this.noteAck()
    const reader = new RecordReader(
      {
        frame: (number, ack, frame) => {
          this.confirm(ack)
          this.take(number, frame)
        },
        ack: (ack) => this.confirm(ack),
      },
      this.limits.frameBytesMax,
    )
    this.reader = reader
  }

  lineDown(): void {
    this.reader?.stop()
    this.reader = undefined
  }

  /** Bytes of the line that is up. Errors: LINK_DATA_INVALID, after which the line is to be broken. */
  bytes(bytes: Uint8Array): void {
    this.reader?.push(bytes)
  }

  get hasOutput(): boolean {
    return this.log.hasUnwritten || this.owesAck
  }

  private get owesAck(): boolean {
    return this.bytesSinceAck >= this.limits.ackBytes
  }

  /** What is to be written to the line now. */
  takeOutput(): Uint8Array[] {
    const parts = this.log.takeUnwritten()
    if (this.owesAck) parts.unshift(this.takeSign())
    return parts
  }

  /** A sign of life, which confirms what was received. */
  takeSign(): Uint8Array {
    this.noteAck()
    return ackRecord(this.received)
  }

  clear(): void {
    this.lineDown()
    this.log.clear()
  }

  private noteAck(): void {
    this.bytesSinceAck = 0
  }

  /** TL-2, TL-5. */
  private take(number: number, frame: Uint8Array): void {
    const expected = (this.received + 1) >>> 0
    if (number !== expected) {
      throw new VertigoError(
        'LINK_DATA_INVALID',
        `a line carries frame ${number} where ${expected} comes next`,
      )
    }
    this.received++
    this.bytesSinceAck += frame.length
    this.deliver(frame)
  }

  /** `ack` holds the low 32 bits only; those of a frame sent again may be old. */
  private confirm(ack: number): void {
    const { confirmed, written } = this.log
    const ahead = (ack - confirmed) | 0
    if (ahead <= 0) return
    if (confirmed + ahead > written) {
      throw new VertigoError(
        'LINK_DATA_INVALID',
        `a line confirms frame ${confirmed + ahead}; ${written} were sent`,
      )
    }
    this.log.confirm(confirmed + ahead)
  }
}

/** What of a hello a session goes by. */
export interface Meeting {
  readonly end: string
  readonly peerEnd: string | null
  readonly attempt: number
  readonly received: number
}

export type Judgement =
  | { readonly type: 'fits' }
  | { readonly type: 'late' }
  /** `memory`: whose is gone. */
  | { readonly type: 'lost'; readonly memory: 'own' | 'other'; readonly message: string }

function lost(memory: 'own' | 'other', message: string): Judgement {
  return { type: 'lost', memory, message }
}
