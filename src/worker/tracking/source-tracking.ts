import { asError, VertigoError } from '../../base/errors.ts'
import type { Clock } from '../../base/clock.ts'
import { isThenable } from '../../base/values.ts'
import {
  openMessagesMaxMax,
  type TrackedOptions,
  type TrackFailure,
  type TrackInsights,
  type TrackOptions,
} from '../../component/tracking.ts'
import type { OutputPort } from '../../messaging/output-port.ts'
import { Lender, type TokenSource } from '../../messaging/tracks.ts'
import type { Guarantee } from '../../model/network.ts'
import type { TurnPace } from '../turn-pace.ts'
import { OpenAtCut, type SavedTree, savedTree } from './saved-trees.ts'
import { type Answer, type Outcome, Tracker, type TrackerOptions, type Tree, treeState } from './tracker.ts'
import { type TreeOwner, treeNumber, type WorkerTracking } from './worker-tracking.ts'

export interface SourceTrackingMeans {
  readonly clock: Clock
  /** Of the source's turns; begun before `work`. */
  readonly pace: TurnPace
  readonly tracking: WorkerTracking
  readonly options: TrackOptions
  readonly guarantee: Guarantee
  readonly takesSnapshots: boolean
  /** Whether messages may be sent: no output is without credit. */
  readonly maySend: () => boolean
  /** There is something to do for it. */
  readonly due: () => void
  readonly failed: (error: unknown) => void
  /** Sending a message again has not helped. */
  readonly deadLetter: (port: string, message: unknown, error: VertigoError) => void
}

const timeoutMsDefault = 30_000
const openMessagesMaxDefault = 65_536
const replayTimesDefault = 3
const replayDelayMsDefault = 100
const replayDelayMsMaxDefault = 10_000

/** What a source has to do with the messages that it tracks: it sends them, and its author hears what became of them. */
export class SourceTracking implements TreeOwner {
  private readonly tracker: Tracker
  private readonly tokens: TokenSource
  private readonly lender = new Lender()
  private readonly number: number
  private readonly means: SourceTrackingMeans
  private answers: { readonly id: unknown; readonly answer: unknown }[] = []
  /** What is over, and told after a commit only. */
  private completed: { readonly id: unknown; readonly outcome: Outcome }[] = []
  private openAtCut: OpenAtCut | undefined

  constructor(means: SourceTrackingMeans) {
    const { clock, tracking, due } = means
    this.means = means
    this.tokens = tracking.tokens
    const over = (tree: Tree): void => this.over(tree)
    this.tracker = new Tracker(trackerOptions(means), { clock, due, over, random: () => this.tokens.step() })
    this.number = tracking.add(this)
  }

  get hasDue(): boolean {
    const { tracker } = this
    const hasNews = this.answers.length > 0 || this.completed.length > 0
    return tracker.hasSettled || hasNews || (tracker.hasReplays && this.means.maySend())
  }

  get isFull(): boolean {
    return this.tracker.isFull
  }

  get room(): number {
    return this.tracker.room
  }

  /** Something that it has sent is not over, or has not been told. */
  get isUnfinished(): boolean {
    return this.tracker.open > 0
  }

  beginTurn(): void {
    this.tracker.beginTurn()
  }

  endTurn(): void {
    this.tracker.endTurn()
  }

  open(port: OutputPort, message: unknown, options: TrackedOptions | undefined): void {
    const wantsAnswers = options?.wantsAnswers === true
    this.send(this.tracker.begin(port, message, options?.id, options?.timeoutMs, wantsAnswers))
  }

  report(index: number, stamp: number, a: number, b: number): void {
    this.tracker.report(index, stamp, a, b)
  }

  fail(index: number, stamp: number, failure: TrackFailure, cut: number): void {
    this.tracker.fail(index, stamp, failure, cut)
  }

  answer(index: number, stamp: number, answer: Answer): void {
    const tree = this.tracker.sent(index, stamp)
    if (tree === undefined) return
    tree.answer ??= answer
    this.answers.push({ id: tree.id, answer: answer.value })
    this.means.due()
  }

  /** Tells what there is to tell, as long as the turn has time, and sends again what is to be sent again. */
  work(handlers: TrackInsights): void {
    const { answers, completed, tracker } = this
    const { clock, pace } = this.means
    this.answers = []
    this.completed = []
    for (const { id, answer } of answers) this.call(handlers.answer?.(id, answer))
    for (const { id, outcome } of completed)
      handlers.complete?.(id, outcome.type === 'fail' ? outcome.failure : undefined)
    let inStep = 0
    tracker.takeSettled((tree) => {
      const { id, message, outcome, port } = tree
      tracker.release(tree)
      this.tell(handlers, id, message, outcome, port!)
      if (!pace.isDue(++inStep)) return true
      const isOver = pace.isOver(clock.monotonic(), inStep)
      inStep = 0
      return !isOver
    })
    while (this.means.maySend()) {
      const tree = tracker.takeReplay()
      if (tree === undefined) break
      this.send(tree)
    }
  }

  cut(snapshot: number): void {
    this.tracker.cut(snapshot)
  }

  committed(snapshot: number): void {
    this.tracker.committed(snapshot)
  }

  /**
   * What is open at the cut. All that was sent before the cut is handled before the cuts of those that it comes to, or is
   * state of their channels: where nothing is replayed, it counts as complete then. Where it is replayed, it is sent again,
   * since a part of it may fail yet. Answers come behind the cut: they are waited for (`OpenAtCut`), and then it is a promise.
   */
  saved(snapshot: number): readonly SavedTree[] | Promise<readonly SavedTree[]> {
    const replays = this.tracker.options.replay.times > 0
    this.openAtCut?.end()
    this.openAtCut = undefined
    const trees = [...this.tracker.unsettled()]
    const isOpen = ({ state, wantsAnswers }: Tree): boolean => wantsAnswers && state !== treeState.over
    if (replays || !trees.some(isOpen)) return trees.map((tree) => savedTree(tree, snapshot, replays))
    this.openAtCut = new OpenAtCut(this.means.clock, snapshot, trees)
    return this.openAtCut.saved
  }

  restore(saved: readonly SavedTree[], ports: readonly OutputPort[]): void {
    for (const one of saved) {
      const port = ports.find(({ name }) => name === one.port)
      if (one.answer !== undefined) this.answers.push({ id: one.id, answer: one.answer.value })
      if (port !== undefined) this.tracker.restore({ ...one, port }, one.outcome)
    }
  }

  close(): void {
    this.openAtCut?.end()
    this.tracker.stop()
    this.means.tracking.remove(this.number)
  }

  private over(tree: Tree): void {
    const { id, outcome, wantsAnswers } = tree
    if (!wantsAnswers) return
    this.openAtCut?.over(tree)
    // What was too slow, or is lost, waits for no commit, and is told as what it is.
    const isComplete = outcome.type === 'ack' || outcome.type === 'fail'
    if (this.means.takesSnapshots && isComplete) this.completed.push({ id, outcome })
    this.means.due()
  }

  private send({ index, stamp, a, b, port, message, wantsAnswers }: Tree): void {
    const { lender } = this
    const { tracking } = this.means
    const number = treeNumber(this.number, index, wantsAnswers)
    lender.track = this.tokens.track(tracking.worker, number, stamp, a, b)
    try {
      port!.sendTracked(message, lender)
    } catch (error) {
      // What has gone out by then has parts of its own. The rest never comes back: the message was not sent to all.
      lender.leave()
      lender.track = null
      throw error
    }
    lender.settleTrack(tracking)
  }

  private tell(
    handlers: TrackInsights,
    id: unknown,
    message: unknown,
    outcome: Outcome,
    port: OutputPort,
  ): void {
    if (outcome.type === 'lost' && handlers.lost !== undefined) {
      this.call(handlers.lost(id, message))
      return
    }
    if (outcome.type === 'ack' || outcome.type === 'lost') {
      this.call(handlers.ack?.(id, message))
      return
    }
    const { replay, timeoutMs } = this.tracker.options
    if (replay.times > 0) this.means.deadLetter(port.name, message, errorOf(outcome, replay.times, timeoutMs))
    if (outcome.type === 'fail') this.call(handlers.fail?.(id, outcome.failure, message))
    else this.call(handlers.timeout?.(id, message))
  }

  /** What the author's handlers give is not waited for, but heard. */
  private call(result: unknown): void {
    if (isThenable(result)) result.then(undefined, (error: unknown) => this.means.failed(asError(error)))
  }
}

function errorOf(
  outcome: Exclude<Outcome, { readonly type: 'ack' | 'lost' }>,
  times: number,
  timeoutMs: number,
): VertigoError {
  const tries = `${times + 1} times`
  if (outcome.type === 'timeout')
    return new VertigoError('TRACKED_TIMED_OUT', `not complete within ${timeoutMs} ms; it was sent ${tries}`)
  const { component, instance, port, error } = outcome.failure
  return new VertigoError(
    'TRACKED_FAILED',
    `${component}[${instance}] failed at port "${port}": ${error.message}; it was sent ${tries}`,
  )
}

function trackerOptions({ options, guarantee, takesSnapshots }: SourceTrackingMeans): TrackerOptions {
  const { timeoutMs = timeoutMsDefault, openMessagesMax = openMessagesMaxDefault } = options
  checkPositive('timeoutMs', timeoutMs, Number.MAX_SAFE_INTEGER)
  checkPositive('openMessagesMax', openMessagesMax, openMessagesMaxMax)
  return { timeoutMs, openMessagesMax, waitsForCommit: takesSnapshots, replay: replayOf(options, guarantee) }
}

function replayOf({ replay }: TrackOptions, guarantee: Guarantee): TrackerOptions['replay'] {
  const isOn = guarantee === 'exactly-once' ? false : (replay ?? guarantee === 'at-least-once')
  const given = typeof isOn === 'object' ? isOn : {}
  const {
    times = replayTimesDefault,
    delayMs = replayDelayMsDefault,
    delayMsMax = replayDelayMsMaxDefault,
  } = given
  return { times: isOn === false ? 0 : times, delayMs, delayMsMax }
}

function checkPositive(name: string, value: number, max: number): void {
  if (value > 0 && value <= max) return
  throw new VertigoError('SOURCE_MISUSED', `track.${name} is ${value}; it is above 0, and ${max} at most`)
}
