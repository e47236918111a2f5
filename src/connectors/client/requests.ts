import type { Clock } from '../../base/clock.ts'
import { asError, type ErrorData, errorToData, VertigoError } from '../../base/errors.ts'
import { clientTextLengthMax } from '../../component/client-port.ts'
import type { KeptOutcome, TrackFailure, TrackInsights } from '../../component/tracking.ts'
import { requestFailed } from '../request-failure.ts'
import { jsonText } from '../json-text.ts'

/** Who waits for the answer to a request. */
export interface Asker {
  /** The answer at once, before it is committed. */
  readonly uncommitted: boolean
  /** The message is in the network, or in the journal before it. */
  taken(): void
  /** As JSON; undefined where nobody answered. */
  answered(text: string | undefined): void
  refused(error: ErrorData): void
}

export interface RequestBookMeans {
  readonly clock: Clock
  /** What is taken is not lost with the instance. */
  readonly isJournaled: boolean
}

/** Requests that are under way, and those whose outcome is kept. */
export const requestsMax = 10_000
/** Characters of messages and answers that are under way; with more, nothing new is taken. */
export const underWayLengthMax = 64 * 1024 * 1024
/** Characters of outcomes that nobody has heard so far; with more, nothing new is taken. */
const untoldLengthMax = 8 * 1024 * 1024
/** Of those that somebody has heard: kept for who asks again, and in each snapshot. */
const toldLengthMax = 1024 * 1024
/** How long an outcome is kept for who asks again, in milliseconds: as long as a request may take. */
export const outcomeKeptMs = 60_000
/** About what an outcome takes beside its text. */
const overhead = 100

type Outcome = Pick<KeptOutcome, 'text' | 'failure'>

interface Entry {
  readonly key: string
  readonly askers: Map<number, Asker>
  /** `waiting`: it was not given on; `taken`: it is in the journal, or sent; `sent`. */
  state: 'waiting' | 'taken' | 'sent'
  /** What it was answered so far: the first counts. */
  answer: Outcome | undefined
  outcome: Outcome | undefined
  /** All has been handled; the commit may be to come. */
  early: Outcome | undefined
  isTold: boolean
  /** Of its message and its answer, until it has an outcome; then of that. */
  length: number
  untilMs: number
}

/**
 * Requests of clients: tracked messages that want answers.
 *
 * - RB-1 A request is known by its key, from when it is asked until `outcomeKeptMs` behind its outcome, in the snapshots too: its message
 *   is sent once, whoever asks how often. Of outcomes that somebody has heard, those of long ago go first where there are too many.
 * - RB-2 Who asks hears of it once: when it was acknowledged, so where snapshots are taken with the commit; or, where they want it so,
 *   when all has been handled.
 * - RB-3 What is under way and what is kept is bounded: with more, a request is refused, and not in the network.
 */
export class RequestBook implements TrackInsights {
  readonly #means: RequestBookMeans
  readonly #entries = new Map<string, Entry>()
  /** Those with an outcome, in the order of these. */
  readonly #told = new Map<string, Entry>()
  readonly #untold = new Map<string, Entry>()
  #toldLength = 0
  #untoldLength = 0
  #underWayLength = 0

  constructor(means: RequestBookMeans) {
    this.#means = means
  }

  /**
   * True: its message is to be given on; false: it was already. `id`: of the asker, for `leave`. `again`: it may have been asked before.
   * `length`: of its message, in characters.
   * Errors: PORT_BUSY, REQUEST_LOST.
   */
  ask(key: string, id: number, asker: Asker, { again, length }: { again: boolean; length: number }): boolean {
    this.#tend()
    const known = this.#entries.get(key)
    if (known !== undefined) {
      if (known.state !== 'waiting') asker.taken()
      const outcome = known.outcome ?? (asker.uncommitted ? known.early : undefined)
      if (outcome !== undefined) {
        tell(asker, outcome)
        this.#tellOf(known)
      } else known.askers.set(id, asker)
      return false
    }
    this.#tend(1)
    if (again && !this.#means.isJournaled)
      throw new VertigoError(
        'REQUEST_LOST',
        'The instance that had taken the request is gone, and it with it.',
      )
    if (this.#entries.size >= requestsMax || this.#untoldLength >= untoldLengthMax)
      throw new VertigoError(
        'PORT_BUSY',
        `${this.#entries.size} requests are known to the exported port already.`,
      )
    if (this.#underWayLength >= underWayLengthMax)
      throw new VertigoError(
        'PORT_BUSY',
        `Requests of ${this.#underWayLength} characters, with their answers, are under way at the exported port already.`,
      )
    const entry = this.#add(key, 'waiting')
    entry.askers.set(id, asker)
    this.#grow(entry, length)
    return true
  }

  /** The asker does not wait any more. True: nobody does, and it was not given on. */
  leave(key: string, id: number): boolean {
    const entry = this.#entries.get(key)
    entry?.askers.delete(id)
    return entry !== undefined && entry.state === 'waiting' && entry.askers.size === 0
  }

  /** It was given on, and is kept. */
  taken(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    if (entry.state === 'waiting') entry.state = 'taken'
    for (const asker of entry.askers.values()) asker.taken()
  }

  /** It was not given on, or nobody knows whether. */
  refused(key: string, error: unknown): void {
    const entry = this.#entries.get(key)
    // Its message is in the journal of another life, too.
    if (entry === undefined || entry.state === 'sent' || entry.outcome !== undefined) return
    this.#grow(entry, -entry.length)
    this.#entries.delete(key)
    for (const asker of entry.askers.values()) asker.refused(errorToData(error))
  }

  begins(id: unknown): boolean {
    const key = id as string
    const entry = this.#entries.get(key) ?? this.#add(key, 'waiting')
    if (entry.state === 'sent' || entry.outcome !== undefined) return false
    entry.state = 'sent'
    return true
  }

  answer(id: unknown, value: unknown): void {
    const entry = this.#entries.get(id as string)
    if (entry === undefined || entry.answer !== undefined) return
    try {
      entry.answer = { text: value === undefined ? undefined : answerText(value) }
    } catch (error) {
      entry.answer = { failure: errorToData(error) }
    }
    this.#grow(entry, lengthOf(entry.answer))
  }

  complete(id: unknown, failure: TrackFailure | undefined): void {
    const entry = this.#entries.get(id as string)
    if (entry === undefined || entry.outcome !== undefined) return
    entry.early = failure === undefined ? (entry.answer ?? {}) : { failure: failedOf(failure) }
    for (const [asker, one] of entry.askers) {
      if (!one.uncommitted) continue
      entry.askers.delete(asker)
      tell(one, entry.early)
      entry.isTold = true
    }
  }

  ack(id: unknown): void {
    this.#settle(id, undefined)
  }

  fail(id: unknown, failure: TrackFailure): void {
    this.#settle(id, failedOf(failure))
  }

  timeout(id: unknown): void {
    const message = 'What came of the request was not handled in its time, or is lost.'
    this.#settle(id, errorToData(new VertigoError('REQUEST_TIMED_OUT', message)))
  }

  lost(id: unknown): void {
    const message = 'The request was handled, and its answer is lost with a failure.'
    this.#settle(id, errorToData(new VertigoError('REQUEST_ANSWER_LOST', message)))
  }

  kept(): KeptOutcome[] {
    this.#tend()
    const kept = [...this.#told.values(), ...this.#untold.values()]
    return kept.map(({ key, outcome }) => ({ id: key, ...outcome }))
  }

  recall(kept: readonly KeptOutcome[], open: readonly unknown[]): void {
    for (const { id, text, failure } of kept) this.#keep(this.#add(id, 'sent'), { text, failure })
    for (const id of open) if (!this.#entries.has(id as string)) this.#add(id as string, 'sent')
  }

  #add(key: string, state: Entry['state']): Entry {
    const entry: Entry = {
      key,
      askers: new Map(),
      state,
      answer: undefined,
      outcome: undefined,
      early: undefined,
      isTold: false,
      length: 0,
      untilMs: 0,
    }
    this.#entries.set(key, entry)
    return entry
  }

  #settle(id: unknown, failure: ErrorData | undefined): void {
    const entry = this.#entries.get(id as string)
    if (entry === undefined || entry.outcome !== undefined) return
    const outcome = failure === undefined ? (entry.answer ?? {}) : { failure }
    if (entry.askers.size > 0) entry.isTold = true
    for (const asker of entry.askers.values()) tell(asker, outcome)
    entry.askers.clear()
    this.#keep(entry, outcome)
    this.#tend()
  }

  #keep(entry: Entry, outcome: Outcome): void {
    this.#grow(entry, -entry.length)
    entry.outcome = outcome
    entry.answer = undefined
    entry.early = undefined
    entry.length = overhead + entry.key.length + lengthOf(outcome)
    entry.untilMs = this.#means.clock.monotonic() + outcomeKeptMs
    if (entry.isTold) {
      this.#told.set(entry.key, entry)
      this.#toldLength += entry.length
    } else {
      this.#untold.set(entry.key, entry)
      this.#untoldLength += entry.length
    }
  }

  /** Of one that is under way. */
  #grow(entry: Entry, length: number): void {
    entry.length += length
    this.#underWayLength += length
  }

  /** Somebody has heard its outcome. */
  #tellOf(entry: Entry): void {
    if (entry.isTold) return
    entry.isTold = true
    if (entry.outcome === undefined) return
    this.#untold.delete(entry.key)
    this.#untoldLength -= entry.length
    this.#told.set(entry.key, entry)
    this.#toldLength += entry.length
  }

  /** `room`: for so many more. */
  #tend(room = 0): void {
    const nowMs = this.#means.clock.monotonic()
    for (const entry of this.#told.values()) {
      const isTooMuch = this.#entries.size > requestsMax - room || this.#toldLength > toldLengthMax
      if (entry.untilMs > nowMs && !isTooMuch) break
      this.#told.delete(entry.key)
      this.#toldLength -= entry.length
      this.#entries.delete(entry.key)
    }
    for (const entry of this.#untold.values()) {
      if (entry.untilMs > nowMs) break
      this.#untold.delete(entry.key)
      this.#untoldLength -= entry.length
      this.#entries.delete(entry.key)
    }
  }
}

function tell(asker: Asker, { text, failure }: Outcome): void {
  if (failure === undefined) asker.answered(text)
  else asker.refused(failure)
}

/** Errors: REQUEST_ANSWER_UNFIT. */
function answerText(value: unknown): string {
  let text: string
  try {
    text = jsonText(value)
  } catch (cause) {
    const message = `The answer cannot be written as JSON: ${asError(cause).message}.`
    throw new VertigoError('REQUEST_ANSWER_UNFIT', message, { cause })
  }
  if (text.length <= clientTextLengthMax) return text
  throw new VertigoError(
    'REQUEST_ANSWER_UNFIT',
    `The answer has ${text.length} characters as JSON; who asks gets ${clientTextLengthMax} at most.`,
  )
}

function failedOf(failure: TrackFailure): ErrorData {
  // Whose stack this is, nobody wants to know.
  const { stack: _, ...data } = errorToData(requestFailed(failure))
  return data
}

function lengthOf({ text, failure }: Outcome): number {
  return (
    (text?.length ?? 0) + (failure === undefined ? 0 : failure.message.length + (failure.stack?.length ?? 0))
  )
}
