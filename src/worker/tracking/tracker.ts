import type { Cancel, Clock } from '../../base/clock.ts'
import { Pool } from '../../base/pool.ts'
import { openMessagesMaxMax, type TrackFailure } from '../../component/tracking.ts'
import type { OutputPort } from '../../messaging/output-port.ts'

/**
 * The trees of one source: what is open, what has become of it, what is to be sent again.
 *
 * - TR-1 A tree is open until its token is zero, a handler has failed, or its time is over; of each, the source hears one.
 * - TR-2 What comes back for a tree that is over, or for another attempt, changes nothing: its stamp is another one.
 * - TR-3 With replay, a tree that has failed begins again under a new stamp, up to the limit; the source hears of the last.
 * - TR-4 Where snapshots are taken, `ack` is told after the commit of one whose cut came after the tree was complete: all
 *   that its handlers did came before their cuts, or is channel state. So is `fail`: whoever stops its instance has the
 *   network go back to the snapshot before, and the message is handled again; what is rejected is so for good with the commit.
 * - TR-5 A tree costs one object, which is used again; the source is not polled while as many are open as may be.
 * - TR-6 What was said behind an instance's cut of a snapshot, an answer or a failure, is not told with the commit of that one: the
 *   message is handled again by who goes back to it.
 */

export interface TrackerOptions {
  readonly timeoutMs: number
  readonly openMessagesMax: number
  readonly replay: { readonly times: number; readonly delayMs: number; readonly delayMsMax: number }
  readonly waitsForCommit: boolean
}

export interface TrackerMeans {
  readonly clock: Clock
  /** A random number of 32 bits. */
  readonly random: () => number
  /** There is something to be told, or to be sent again. */
  readonly due: () => void
  /** Its outcome is known, though it may have to wait to be told. */
  readonly over: (tree: Tree) => void
}

export type Outcome =
  | { readonly type: 'ack' }
  | { readonly type: 'timeout' }
  /** `cut`: the last snapshot that who failed had taken the cut of. */
  | { readonly type: 'fail'; readonly failure: TrackFailure; readonly cut: number }
  /** It was handled, and what it was answered is gone with a failure. */
  | { readonly type: 'lost' }

export const acked: Outcome = { type: 'ack' }
const timedOut: Outcome = { type: 'timeout' }

/** What a component has given. Of several the first counts: also of another attempt, or of the life before. */
export interface Answer {
  readonly value: unknown
  /** The last snapshot that who gave it had taken the cut of. */
  readonly cut: number
}

/** TR-6: who goes back to the snapshot does not handle again what this answer stands on. */
export function isAnsweredIn({ answer }: Pick<Tree, 'answer'>, snapshot: number): boolean {
  return answer !== undefined && answer.cut < snapshot
}

/** TR-6: who goes back to the snapshot handles again what failed. */
export function hasFailedBehind({ outcome }: Pick<Tree, 'outcome'>, snapshot: number): boolean {
  return outcome.type === 'fail' && outcome.cut >= snapshot
}

/** Times are looked at that often at most, in milliseconds: a message is told of by so much late. */
const sweepMsMin = 10

/** Numbers, since it is compared for each message. */
export const treeState = {
  /** It is nobody's. */
  free: 0,
  /** It is on its way. */
  sent: 1,
  /** For its next attempt. */
  waiting: 2,
  /** To be sent again now. */
  due: 3,
  /** Its outcome is known. */
  over: 4,
} as const

/** First what is read and written for each message that comes back: it is in one line of a cache. */
export class Tree {
  readonly index: number
  /** Of the attempt; another one where it is not on its way. */
  stamp = 0
  a = 0
  b = 0
  state: (typeof treeState)[keyof typeof treeState] = treeState.free
  wantsAnswers = false
  outcome: Outcome = acked
  id: unknown = undefined
  message: unknown = undefined
  port: OutputPort | undefined = undefined
  /** On the monotonic clock: when its time is over, or its next attempt begins. Whole, since a fraction is an object of its own. */
  dueMs = 0
  timeoutMs = 0
  attempt = 0
  answer: Answer | undefined = undefined
  /** Its token, the same for all attempts and messages (TK-2). */
  readonly wholeA: number
  readonly wholeB: number

  /** `random`: gives numbers of 32 bits. */
  constructor(index: number, random: () => number) {
    this.index = index
    this.stamp = random() | 0
    this.wholeA = random() | 1
    this.wholeB = random() | 0
  }
}

/** A message, as a snapshot has kept it. */
interface Kept {
  readonly port: OutputPort
  readonly message: unknown
  readonly id: unknown
  readonly timeoutMs: number
  readonly wantsAnswers: boolean
  readonly answer?: Pick<Answer, 'value'>
}

export class Tracker {
  readonly options: TrackerOptions
  /** Trees that are not free. */
  open = 0
  private readonly means: TrackerMeans
  private readonly trees: Tree[] = []
  private readonly free = new Pool<Tree>(openMessagesMaxMax)
  /** The first `settledCount`. Two lists that take turns: one that grows anew each time is copied each time. */
  private settled: Tree[] = []
  private settledCount = 0
  private spare: Tree[] = []
  private replays: Tree[] = []
  /** Complete, and in no cut so far. */
  private uncut: Tree[] = []
  /** In the cut of a snapshot that is not known to be committed; in the order of the snapshots. */
  private cuts: { readonly snapshot: number; readonly trees: readonly Tree[] }[] = []
  /** Within a turn of the source the clock is read once. */
  private turnMs: number | undefined
  private timer: { readonly atMs: number; readonly cancel: Cancel } | undefined

  constructor(options: TrackerOptions, means: TrackerMeans) {
    this.options = options
    this.means = means
  }

  beginTurn(): void {
    this.turnMs = this.wholeMs()
  }

  endTurn(): void {
    this.turnMs = undefined
  }

  get isFull(): boolean {
    return this.open >= this.options.openMessagesMax
  }

  get room(): number {
    return Math.max(1, this.options.openMessagesMax - this.open)
  }

  get hasSettled(): boolean {
    return this.settledCount > 0
  }

  get hasReplays(): boolean {
    return this.replays.length > 0
  }

  begin(
    port: OutputPort,
    message: unknown,
    id: unknown,
    timeoutMs: number | undefined,
    wantsAnswers: boolean,
  ): Tree {
    const tree = this.prepare(port, message, id, timeoutMs ?? this.options.timeoutMs, wantsAnswers)
    this.attempt(tree)
    return tree
  }

  /** It goes on from a snapshot. */
  restore({ port, message, id, timeoutMs, wantsAnswers, answer }: Kept, outcome: Outcome | undefined): void {
    const tree = this.prepare(port, message, id, timeoutMs, wantsAnswers)
    // It stands before each cut of this life.
    if (answer !== undefined) tree.answer = { value: answer.value, cut: 0 }
    if (outcome !== undefined) this.settle(tree, outcome)
    else this.replay(tree)
  }

  private prepare(
    port: OutputPort,
    message: unknown,
    id: unknown,
    timeoutMs: number,
    wantsAnswers: boolean,
  ): Tree {
    const tree = this.free.take() ?? this.makeTree()
    this.open++
    tree.id = id
    tree.message = message
    tree.port = port
    tree.wantsAnswers = wantsAnswers
    tree.timeoutMs = Math.ceil(timeoutMs)
    tree.attempt = 0
    return tree
  }

  /** Part of a tree's token has come back. */
  report(index: number, stamp: number, a: number, b: number): void {
    const tree = this.sent(index, stamp)
    if (tree === undefined) return
    tree.a ^= a
    tree.b ^= b
    if ((tree.a | tree.b) !== 0) return
    this.complete(tree, acked)
  }

  /** `cut`: see `Outcome`. */
  fail(index: number, stamp: number, failure: TrackFailure, cut: number): void {
    const tree = this.sent(index, stamp)
    if (tree !== undefined) this.tryAgain(tree, { type: 'fail', failure, cut })
  }

  /** The tree that is on its way under this stamp. */
  sent(index: number, stamp: number): Tree | undefined {
    const tree = this.trees[index]
    return tree !== undefined && tree.state === treeState.sent && tree.stamp === stamp ? tree : undefined
  }

  /** What is to be told of; given to `release` by `tell`, which says whether to go on: what is left comes first the next time. */
  takeSettled(tell: (tree: Tree) => boolean): void {
    const { settled, settledCount } = this
    this.settled = this.spare
    this.spare = settled
    this.settledCount = 0
    for (let at = 0; at < settledCount; at++)
      if (!tell(settled[at]!)) {
        this.leave(settled.slice(at + 1, settledCount))
        return
      }
  }

  /** Before those that were settled meanwhile. */
  private leave(rest: readonly Tree[]): void {
    this.settled = [...rest, ...this.settled.slice(0, this.settledCount)]
    this.settledCount += rest.length
  }

  release(tree: Tree): void {
    tree.state = treeState.free
    tree.id = undefined
    tree.message = undefined
    tree.port = undefined
    tree.answer = undefined
    if (tree.outcome !== acked) tree.outcome = acked
    this.open--
    this.free.give(tree)
  }

  /** The next that is to be sent again, under way from now on. */
  takeReplay(): Tree | undefined {
    const tree = this.replays.shift()
    if (tree !== undefined) this.attempt(tree)
    return tree
  }

  /** TR-4, TR-6. */
  cut(snapshot: number): void {
    if (this.uncut.length === 0) return
    const isIn = (tree: Tree): boolean =>
      !hasFailedBehind(tree, snapshot) && (tree.answer === undefined || isAnsweredIn(tree, snapshot))
    const trees = this.uncut.filter(isIn)
    this.uncut = this.uncut.filter((tree) => !isIn(tree))
    if (trees.length > 0) this.cuts.push({ snapshot, trees })
  }

  committed(snapshot: number): void {
    const before = this.settledCount
    while (this.cuts[0] !== undefined && this.cuts[0].snapshot <= snapshot)
      for (const tree of this.cuts.shift()!.trees) this.settled[this.settledCount++] = tree
    if (before === 0 && this.settledCount > 0) this.means.due()
  }

  /** What has not been told of. */
  *unsettled(): Generator<Tree> {
    for (const tree of this.trees) if (tree.state !== treeState.free) yield tree
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
  }

  private makeTree(): Tree {
    const tree = new Tree(this.trees.length, this.means.random)
    this.trees.push(tree)
    return tree
  }

  private attempt(tree: Tree): void {
    tree.a = tree.wholeA
    tree.b = tree.wholeB
    tree.stamp = (tree.stamp + 1) | 0
    tree.state = treeState.sent
    this.setDue(tree, tree.timeoutMs)
  }

  private tryAgain(tree: Tree, outcome: Outcome): void {
    const { times, delayMs, delayMsMax } = this.options.replay
    if (tree.attempt >= times) {
      if (outcome.type === 'fail') this.complete(tree, outcome)
      else this.settle(tree, outcome)
      return
    }
    tree.outcome = outcome
    tree.attempt++
    if (outcome.type === 'timeout') {
      this.replay(tree)
      return
    }
    tree.state = treeState.waiting
    this.setDue(tree, Math.ceil(Math.min(delayMsMax, delayMs * 2 ** (tree.attempt - 1))))
  }

  /** TR-4. */
  private complete(tree: Tree, outcome: Outcome): void {
    if (!this.options.waitsForCommit) {
      this.settle(tree, outcome)
      return
    }
    this.end(tree, outcome)
    this.uncut.push(tree)
  }

  private replay(tree: Tree): void {
    tree.state = treeState.due
    this.replays.push(tree)
    if (this.replays.length === 1) this.means.due()
  }

  private settle(tree: Tree, outcome: Outcome): void {
    this.end(tree, outcome)
    this.settled[this.settledCount++] = tree
    if (this.settledCount === 1) this.means.due()
  }

  private end(tree: Tree, outcome: Outcome): void {
    tree.state = treeState.over
    if (tree.outcome !== outcome) tree.outcome = outcome
    this.means.over(tree)
  }

  private setDue(tree: Tree, ms: number): void {
    tree.dueMs = (this.turnMs ?? this.wholeMs()) + ms
    if (this.timer === undefined || tree.dueMs < this.timer.atMs - sweepMsMin) this.sweepAt(tree.dueMs)
  }

  private wholeMs(): number {
    return Math.ceil(this.means.clock.monotonic())
  }

  private sweepAt(atMs: number): void {
    this.timer?.cancel()
    const { clock } = this.means
    const delayMs = Math.max(0, atMs - clock.monotonic())
    this.timer = { atMs, cancel: clock.after(delayMs, () => this.sweep()) }
  }

  /** One look at all of them, instead of a timer for each. */
  private sweep(): void {
    this.timer = undefined
    const nowMs = this.means.clock.monotonic()
    let nextMs = Number.POSITIVE_INFINITY
    for (const tree of this.trees) {
      if (tree.state !== treeState.sent && tree.state !== treeState.waiting) continue
      if (tree.dueMs <= nowMs) {
        if (tree.state === treeState.sent) this.tryAgain(tree, timedOut)
        else this.replay(tree)
      }
      // Also what `tryAgain` has set anew.
      if (tree.state === treeState.sent || tree.state === treeState.waiting)
        nextMs = Math.min(nextMs, tree.dueMs)
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.sweepAt(Math.max(nextMs, nowMs + sweepMsMin))
  }
}
