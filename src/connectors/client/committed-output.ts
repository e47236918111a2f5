import type { Cancel, Clock } from '../../base/clock.ts'
import { errorToData, VertigoError } from '../../base/errors.ts'
import {
  clientBatchMessagesMax,
  type ClientPortCommand,
  type ClientPortLine,
} from '../../component/client-port.ts'
import {
  type ClientPosition,
  comparePositions,
  firstPosition,
  positionOf,
  positionText,
} from '../../component/client-position.ts'
import type { Sink, SinkBatch, SinkSnapshot } from '../../component/sink.ts'
import { clientText } from './client-text.ts'
import { behind, type LogPlace, type OutputPiece, OutputLog, type SavedLog } from './output-log.ts'

/** Characters of a part, unless its only message has more. */
const partLengthMax = 256 * 1024
/** How long something is kept for a reader that comes back, in milliseconds; and how much, in characters. */
export const keptMs = 30_000
export const keptLength = 4 * 1024 * 1024
/** After a failure, readers have to find the port first: so long, what they have not got is kept, however much it is. */
export const returnMs = 5_000
/** How long the end of the component waits for readers that have just gone, where `readersMs` is not over before. */
export const endMs = 3_000
/** Characters that wait for readers, or for the next snapshot: above each of them, it is full. */
const lengthMax = 16 * 1024 * 1024

export interface CommittedOutputMeans {
  readonly clock: Clock
  readonly line: ClientPortLine
  /** It is not full any more. */
  readonly room: () => void
  /** So many messages that nobody read were let go. */
  readonly letGo: (count: number) => void
  /** How long its end waits at most for those who read, in milliseconds. */
  readonly readersMs: number
  /** That was too short for some, who are told. */
  readonly cutOff: (what: Untaken) => void
}

/** What was committed, and has not been taken when the time was over. */
export interface Untaken {
  readonly readers: number
  /** Of all of them together: the same one may count more than once. */
  readonly messages: number
  /** Somebody had just gone, and might have come back for the rest. */
  readonly hasAway: boolean
}

/** What a snapshot has. */
export interface StagedOutput extends SavedLog {
  readonly texts: readonly string[]
}

interface Follower {
  readonly place: LogPlace
  /** What is not behind it, it is not given. */
  readonly from: ClientPosition
  isWanting: boolean
}

/**
 * An exported output whose readers get what is committed, in its order and once: CP-5 and CP-6 of `component/client-port.ts`.
 *
 * What is received waits for the cut, goes into the snapshot, and is given to readers when the store says that it is committed. What was given
 * is kept a while in the instance, and in the snapshots that follow: a reader that comes back, also to another life of the instance, says
 * where it was.
 *
 * - CM-1 Where nobody reads or has just read, nothing is kept. After a failure there may have been readers: for `keptMs`, all is kept.
 * - CM-2 It is full while too much waits for a cut or for readers: then it gets no messages (IS-5), but snapshots go on; no handler waits. Readers that take nothing
 *   are ended by their node, and who has left holds up nothing.
 * - CM-3 At its end, that of its inputs or of a network that is undeployed, those who read get all of it, as far as they are there, or come back
 *   within `endMs`. It waits for that no longer than `readersMs` from the first commit on that brings the end, whoever comes and goes.
 * - CM-4 Each of them is told whether it has got all (CP-7); so is the network's log, where somebody has not.
 */
export class CommittedOutput implements Sink<StagedOutput> {
  private readonly means: CommittedOutputMeans
  private readonly log = new OutputLog()
  private readonly followers = new Map<number, Follower>()
  private staged: string[] = []
  private stagedLength = 0
  /** Behind what was given to a snapshot that is not committed as far as is known. */
  private preparedAt: ClientPosition | undefined
  /** Behind the last cut. */
  private cutAt: ClientPosition = firstPosition
  /** Something that came behind the last cut was let go. */
  private isLacking = false
  /** When the last reader left, or the instance went on from a snapshot. */
  private awaySinceMs: number | undefined
  private restoredMs = -Infinity
  /** Something waits for readers of what is not committed. */
  private isHeld = false
  private wasFull = false
  private timers: Cancel[] = []
  /** Before that, what is committed is what the instance goes on from; whoever reads already has to wait until it is there. */
  private isStarted = false
  private early: ClientPortCommand[] = []
  private isOver = false
  /** The snapshot that has all there was, once it is prepared. */
  private lastCut: ClientPosition | undefined
  /** That was committed. */
  private isWhole = false
  private isUndeployed = false
  /** CM-3 */
  private ending: { readonly atMs: number; readonly cancel: Cancel } | undefined
  private isClosed = false
  private taken: (() => void)[] = []

  constructor(means: CommittedOutputMeans) {
    this.means = means
  }

  obey(command: ClientPortCommand): void {
    if (!this.isStarted) {
      this.early.push(command)
      return
    }
    switch (command.type) {
      case 'follow':
        this.follow(command.id, command.after)
        break
      case 'unfollow':
        if (this.followers.delete(command.id)) this.away()
        break
      case 'next': {
        const follower = this.followers.get(command.id)
        if (follower === undefined) break
        follower.isWanting = true
        this.give(command.id, follower)
        break
      }
      default:
        return
    }
    this.tend()
  }

  /** All that it goes on from is known. */
  start(): void {
    if (this.isStarted) return
    this.isStarted = true
    for (const command of this.early.splice(0)) this.obey(command)
  }

  /** False where nobody is to get it. */
  put(message: unknown): boolean {
    if (!this.log.isKept) {
      this.isLacking = true
      return false
    }
    let text = ''
    try {
      text = clientText(message)
    } catch {
      // Whoever reads is told when it comes to it.
    }
    this.staged.push(text)
    this.stagedLength += text.length
    return true
  }

  /** The component handles no more. */
  end(): void {
    this.isOver = true
  }

  undeployed(): void {
    this.isUndeployed = true
  }

  close(): void {
    this.isClosed = true
    this.cancelTimers()
    this.ending?.cancel()
    if (this.isWhole || (this.isUndeployed && this.preparedAt === undefined)) this.tellEnd()
    for (const resolve of this.taken.splice(0)) resolve()
  }

  restored(snapshot: SinkSnapshot, isOver: boolean): void {
    this.isOver = isOver
    this.isWhole = isOver
    this.cutAt = behind(snapshot)
    if (isOver) this.lastCut = this.cutAt
    this.restoredMs = this.nowMs
    this.log.begin(this.cutAt)
    this.away()
  }

  /** Readers of what is not committed have to be waited for, or not any more. */
  hold(isHeld: boolean): void {
    this.isHeld = isHeld
    this.makeRoom()
  }

  /** CM-2 */
  isFull(): boolean {
    this.wasFull = this.isHeld || this.stagedLength >= lengthMax || this.log.length >= lengthMax
    return this.wasFull
  }

  recover(): undefined {
    return undefined
  }

  prepare(snapshot: SinkSnapshot): StagedOutput | undefined {
    this.start()
    this.cutAt = behind(snapshot)
    this.log.began(snapshot)
    this.tend()
    this.isLacking = false
    const hasBeenCut = this.lastCut !== undefined
    if (this.isOver) this.lastCut ??= this.cutAt
    if (!this.log.isKept || (hasBeenCut && this.staged.length === 0 && this.isTaken)) return undefined
    const texts = this.staged
    this.staged = []
    this.stagedLength = 0
    this.preparedAt = this.cutAt
    this.makeRoom()
    return { texts, ...this.log.saved() }
  }

  commit({ snapshot, staged }: SinkBatch<StagedOutput>): void | Promise<void> {
    const { nowMs } = this
    const { texts } = staged
    if (!this.isStarted) this.log.restore(staged, nowMs)
    const committed = behind(snapshot)
    if (this.preparedAt !== undefined && comparePositions(committed, this.preparedAt) >= 0)
      this.preparedAt = undefined
    if (this.lastCut !== undefined && comparePositions(committed, this.lastCut) >= 0) this.isWhole = true
    // Forgotten meanwhile, since nobody was there.
    if (!this.log.isKept) {
      this.means.letGo(texts.length)
      return undefined
    }
    this.log.add({ snapshot, texts }, nowMs)
    for (const [id, follower] of this.followers) this.give(id, follower)
    this.tend()
    if (!(this.isOver || this.isUndeployed) || !this.isStarted || this.isClosed) return undefined
    this.beginEnd()
    if (this.isTaken) return undefined
    return new Promise((resolve) => {
      this.taken.push(resolve)
    })
  }

  private get nowMs(): number {
    return this.means.clock.monotonic()
  }

  /** CM-1 From here on, all is kept. Behind the cut something may lack: who was there before has missed that. */
  private keep(): void {
    const { incarnation, snapshot } = this.cutAt
    this.log.begin(this.isLacking ? { incarnation, snapshot: snapshot + 1, index: 0 } : this.cutAt)
  }

  private follow(id: number, after: string | undefined): void {
    this.keep()
    const wanted = after === undefined ? this.cutAt : positionOf(after)
    const found = wanted && this.log.placeBehind(wanted)
    // Somebody else's position, or one of long ago: all that there is comes.
    const missed = after !== undefined && found === undefined
    const from = missed || wanted === undefined ? this.oldest : wanted
    this.followers.set(id, { place: found ?? this.log.beginning, from, isWanting: false })
    this.means.line.tell({ type: 'following', id, at: positionText(from), missed })
  }

  /** The floor is told only where a cut is behind it: else who has it might have been there before something was let go, or after. */
  private get oldest(): ClientPosition {
    const { floor } = this.log
    return comparePositions(floor, this.cutAt) < 0 ? floor : this.cutAt
  }

  private give(id: number, follower: Follower): void {
    const { place, from, isWanting } = follower
    if (!isWanting) return
    for (;;) {
      const piece = this.log.piece(place.piece)
      if (piece === undefined) return
      const isLeft = place.text < piece.texts.length && comparePositions(behind(piece.snapshot), from) > 0
      if (isLeft) {
        this.givePart(id, follower, piece)
        return
      }
      place.piece++
      place.text = 0
    }
  }

  private givePart(id: number, follower: Follower, { snapshot, texts }: OutputPiece): void {
    const { place } = follower
    const begin = place.text
    let end = begin
    for (let length = 0; end < texts.length && end - begin < clientBatchMessagesMax; end++) {
      const next = texts[end]!.length
      if (next === 0 || (end > begin && length + next > partLengthMax)) break
      length += next
    }
    if (end === begin) {
      this.followers.delete(id)
      this.means.line.tell({ type: 'unfollowed', id, error: errorToData(unfit()) })
      return
    }
    follower.isWanting = false
    place.text = end
    const at = positionText({ incarnation: snapshot.incarnation, snapshot: snapshot.id, index: begin + 1 })
    this.means.line.tell({ type: 'part', id, at, texts: texts.slice(begin, end) })
  }

  private away(): void {
    this.awaySinceMs = this.nowMs
    this.cancelTimers()
    const tend = (): void => this.tend()
    for (const ms of [endMs, returnMs, keptMs])
      this.timers.push(this.means.clock.after(ms, tend, { background: true }))
  }

  private isAwayFor(ms: number): boolean {
    return this.awaySinceMs !== undefined && this.nowMs - this.awaySinceMs < ms
  }

  /** CM-3 */
  private get isTaken(): boolean {
    if (this.isTimeOver) return true
    if (this.isAwayFor(endMs)) return false
    for (const { place } of this.followers.values()) if (this.log.hasBehind(place)) return false
    return true
  }

  private get isTimeOver(): boolean {
    return this.ending !== undefined && this.nowMs >= this.ending.atMs
  }

  private beginEnd(): void {
    if (this.ending !== undefined) return
    const { clock, readersMs } = this.means
    const cancel = clock.after(readersMs, () => this.endIsOver(), { background: true })
    this.ending = { atMs: this.nowMs + readersMs, cancel }
  }

  private endIsOver(): void {
    if (this.isClosed) return
    let readers = 0
    let messages = 0
    for (const { place } of this.followers.values()) {
      const left = this.log.countBehind(place)
      messages += left
      if (left > 0) readers++
    }
    const hasAway = this.isAwayFor(endMs)
    if (this.taken.length > 0 && (readers > 0 || hasAway)) this.means.cutOff({ readers, messages, hasAway })
    this.tend()
  }

  /** CM-4. Who has not got all while there is time looks for the next life of the instance, which may have the rest. */
  private tellEnd(): void {
    for (const [id, { place }] of this.followers) {
      const left = this.log.countBehind(place)
      if (left > 0 && !this.isTimeOver) continue
      this.followers.delete(id)
      const error = errorToData(left === 0 ? allGiven() : cutOff(left))
      this.means.line.tell({ type: 'unfollowed', id, error })
    }
  }

  private tend(): void {
    const { nowMs } = this
    const isNobody = this.followers.size === 0 && !this.isAwayFor(keptMs)
    if (isNobody && this.log.isKept) {
      this.means.letGo(this.log.forget() + this.staged.length)
      this.isLacking ||= this.staged.length > 0
      this.staged = []
      this.stagedLength = 0
    } else if (nowMs - this.restoredMs >= returnMs) {
      let needed = this.log.end
      for (const { place } of this.followers.values()) needed = Math.min(needed, place.piece)
      this.log.trim(needed, nowMs, { keptMs, keptLength })
    }
    this.makeRoom()
    if (this.taken.length > 0 && this.isTaken) for (const resolve of this.taken.splice(0)) resolve()
  }

  private makeRoom(): void {
    if (this.wasFull && !this.isFull()) this.means.room()
  }

  private cancelTimers(): void {
    for (const cancel of this.timers.splice(0)) cancel()
  }
}

function allGiven(): VertigoError {
  return new VertigoError(
    'PORT_CLOSED',
    'The network is at its end, and the reader has all that was committed.',
  )
}

function cutOff(messages: number): VertigoError {
  const what = messages === 1 ? 'one message that was committed' : `${messages} messages that were committed`
  return new VertigoError('READER_CUT_OFF', `The network has ended, and the reader had not taken ${what}.`)
}

function unfit(): VertigoError {
  return new VertigoError(
    'CLIENT_MESSAGE_TOO_LARGE',
    'The next message is too large, or cannot be written as JSON.',
  )
}
