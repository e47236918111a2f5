import { isWanted, type LogFilter, type LogLine } from '../client/index.ts'

/** A line as its node holds it: whose it is goes without saying. */
export type OwnLine = Omit<LogLine, 'node'>

/** Up to where a reader has read: a number means something only within the life of one ring. */
export interface LogPosition {
  readonly epoch: string
  readonly number: number
}

/** Lines behind a position. */
export interface LogPart {
  readonly lines: readonly OwnLine[]
  /** Let go before they could be read. */
  readonly lost: number
  readonly position: LogPosition
}

export interface RingLimits {
  readonly linesMax: number
  readonly bytesMax: number
}

/** Of one network on one node. */
export const ringLimits: RingLimits = { linesMax: 4_096, bytesMax: 1024 * 1024 }

/** What one answer, or one item of a stream, may hold. */
export interface PartLimits {
  readonly linesMax: number
  readonly bytesMax: number
}

interface Held {
  readonly line: OwnLine
  readonly bytes: number
}

/**
 * The newest lines of a log.
 *
 * - LR-1 Lines are numbered 1, 2, ... within an epoch; what a reader has missed follows from its position.
 * - LR-2 No more than `limits` are held, the newest line aside.
 */
export class LogRing {
  readonly epoch: string
  private readonly limits: RingLimits
  private held: Held[] = []
  /** In `held`: those before it were let go. */
  private start = 0
  private bytes = 0
  private lastNumber = 0

  constructor(epoch: string, limits: RingLimits = ringLimits) {
    this.epoch = epoch
    this.limits = limits
  }

  get end(): LogPosition {
    return { epoch: this.epoch, number: this.lastNumber }
  }

  /** `bytes`: of the line as JSON, about. */
  add(line: OwnLine, bytes: number): void {
    this.held.push({ line, bytes })
    this.bytes += bytes
    this.lastNumber++
    while (this.held.length - this.start > 1 && this.isOver()) {
      this.bytes -= this.held[this.start]!.bytes
      this.start++
    }
    // Moved seldom, and never more than was let go since.
    if (this.start > 64 && this.start * 2 > this.held.length) {
      this.held = this.held.slice(this.start)
      this.start = 0
    }
  }

  /** The oldest first, from behind the position on; a position of another epoch is one before all. */
  after(position: LogPosition | undefined, filter: LogFilter, limits: PartLimits): LogPart {
    const from = position?.epoch === this.epoch ? Math.min(position.number, this.lastNumber) : 0
    const letGo = this.lastNumber - (this.held.length - this.start)
    const lost = Math.max(0, letGo - from)
    const lines: OwnLine[] = []
    let bytes = 0
    let number = Math.max(from, letGo)
    for (; number < this.lastNumber; number++) {
      const one = this.held[this.start + number - letGo]!
      if (!isWanted(one.line, filter)) continue
      if (lines.length > 0 && (lines.length >= limits.linesMax || bytes + one.bytes > limits.bytesMax)) break
      lines.push(one.line)
      bytes += one.bytes
    }
    return { lines, lost, position: { epoch: this.epoch, number } }
  }

  /** The newest, the oldest of them first. Those that the limits leave out are not lost: nobody has asked for them. */
  newest(filter: LogFilter, limits: PartLimits): LogPart {
    const lines: OwnLine[] = []
    let bytes = 0
    for (let at = this.held.length - 1; at >= this.start; at--) {
      const one = this.held[at]!
      if (!isWanted(one.line, filter)) continue
      if (lines.length > 0 && bytes + one.bytes > limits.bytesMax) break
      if (lines.length >= limits.linesMax) break
      lines.push(one.line)
      bytes += one.bytes
    }
    const isWhole = lines.length < limits.linesMax && bytes < limits.bytesMax
    const lost = isWhole ? this.lastNumber - (this.held.length - this.start) : 0
    return { lines: lines.toReversed(), lost, position: this.end }
  }

  private isOver(): boolean {
    const { linesMax, bytesMax } = this.limits
    return this.held.length - this.start > linesMax || this.bytes > bytesMax
  }
}
