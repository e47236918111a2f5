import { type Clock, pause } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import { type EventLog, eventsAtOnceMax, type NewEvent } from './event-log.ts'

export interface EventWriterMeans {
  readonly log: Pick<EventLog, 'appendAll'>
  readonly node: string
  readonly clock: Clock
  /** The store does not take them; it is tried again. */
  readonly troubled: (error: Error) => void
}

/** Events that may wait for the store. */
const waitingMax = 256
/** The same said again within that time is not written. */
export const repeatMs = 30_000
/** Texts that are remembered for that. */
const rememberedMax = 512
/** Events that one node writes at once, and how many a second after those. */
export const burstMax = 100
const perSecond = 2
const retryMsMin = 100
const retryMsMax = 5_000
/** How long a node that ends waits for the store. */
const closeMsMax = 2_000

/**
 * Writes what one node sees into the log of events.
 *
 * - EW-1 Telling never waits, and never throws. What the store does not take waits, in bounds.
 * - EW-2 There are no storms: what was said a moment ago is not said again, and a node has its share of writes. What is left
 *   out is counted, and the count is written when there is room.
 */
export class EventWriter {
  private readonly means: EventWriterMeans
  private readonly ending = new AbortController()
  private waiting: NewEvent[] = []
  private writing: Promise<void> | undefined
  /** When it was said last, by what was said. */
  private readonly said = new Map<string, number>()
  private allowance = burstMax
  private allowedAtMs: number
  private leftOut = 0

  constructor(means: EventWriterMeans) {
    this.means = means
    this.allowedAtMs = means.clock.monotonic()
  }

  tell(event: Omit<NewEvent, 'atMs'>): void {
    if (this.ending.signal.aborted || this.wasSaid(event)) return
    if (!this.isAllowed() || this.waiting.length >= waitingMax) {
      this.leftOut++
      return
    }
    this.tellLeftOut()
    this.waiting.push({ ...event, atMs: this.means.clock.now() })
    this.writing ??= this.write().finally(() => {
      this.writing = undefined
    })
  }

  /** Fulfilled when all is written, or the store has not taken it for `closeMsMax`. */
  async close(): Promise<void> {
    const { clock, troubled } = this.means
    const cancel = clock.after(closeMsMax, () => this.ending.abort())
    try {
      await this.writing
    } finally {
      cancel()
      this.ending.abort()
    }
    if (this.waiting.length > 0)
      troubled(new Error(`${this.waiting.length} events were not written before the node ended`))
  }

  private wasSaid({ type, node, network, text, once }: Omit<NewEvent, 'atMs'>): boolean {
    const { said } = this
    const nowMs = this.means.clock.monotonic()
    const key = JSON.stringify([type, node, network, text, once])
    const lastMs = said.get(key)
    if (lastMs !== undefined && nowMs - lastMs < repeatMs) return true
    said.delete(key)
    said.set(key, nowMs)
    const [oldest] = said.keys()
    if (said.size > rememberedMax && oldest !== undefined) said.delete(oldest)
    return false
  }

  private isAllowed(): boolean {
    const nowMs = this.means.clock.monotonic()
    this.allowance = Math.min(burstMax, this.allowance + ((nowMs - this.allowedAtMs) / 1000) * perSecond)
    this.allowedAtMs = nowMs
    if (this.allowance < 1) return false
    this.allowance--
    return true
  }

  private tellLeftOut(): void {
    if (this.leftOut === 0) return
    const { node, clock } = this.means
    const text = `${this.leftOut} events of the node ${node} were left out: there were too many.`
    this.waiting.push({ type: 'events-left-out', node, text, atMs: clock.now() })
    this.leftOut = 0
  }

  /** Never rejects. */
  private async write(): Promise<void> {
    const { log, clock, troubled } = this.means
    const { signal } = this.ending
    let failures = 0
    while (this.waiting.length > 0 && !signal.aborted) {
      const batch = this.waiting.slice(0, eventsAtOnceMax)
      try {
        await withSignal(log.appendAll(batch), signal)
        this.waiting = this.waiting.slice(batch.length)
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        failures++
        troubled(asError(error))
        const delayMs = Math.min(retryMsMax, retryMsMin * 2 ** Math.min(failures - 1, 10))
        await pause(clock, delayMs, signal)
      }
    }
  }
}

/** A store that is away may take its time; its owner ends it. */
function withSignal<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(asError(signal.reason))
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
