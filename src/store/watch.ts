import { type Clock, sleep } from '../base/clock.ts'
import { asError, isVertigoError, VertigoError } from '../base/errors.ts'
import type { Follow, FollowListener, StoreBackend } from './backend.ts'
import {
  watchBufferBytesMaxDefault,
  watchBufferEventsMaxDefault,
  watchReadMsMax,
  watchReadMsMin,
} from './limits.ts'
import type { Damaged, Entry, Revision, Watch, WatchBatch, WatchEvent, WatchOptions } from './store.ts'

const retryMsMin = 50
const retryMsMax = 1_000

/** In the buffer: from here on, what is there has to be read and compared with what the reader knows. */
const gap = Symbol('gap')

/**
 * A watch over what a backend tells: buffers within a bound, and closes gaps by reading.
 *
 * - WA-1 `known` is what the reader was given, no more: it changes when a batch is handed over.
 * - WA-2 Behind a gap nothing is followed until the reader has come to it; so the buffer holds one gap at most, as its last.
 * - WA-3 The follower begins at the revision behind the one that was read, so that nothing is given twice or left out.
 * - WA-4 What waits for the reader is bounded by the number of its events and by their bytes; what would be more is a gap.
 */
export class BufferedWatch implements Watch {
  private readonly backend: StoreBackend
  private readonly clock: Clock
  private readonly prefix: string
  private readonly eventsMax: number
  private readonly bytesMax: number
  private readonly damaged: Damaged
  private readonly onEnd: () => void
  private readonly ending = new AbortController()
  private readonly known = new Map<string, Entry>()
  private readonly unlink: () => void
  private buffer: (WatchBatch | typeof gap)[] = []
  private bufferedEvents = 0
  private bufferedBytes = 0
  private follow: Follow | undefined
  private failure: Error | undefined
  private wake: (() => void) | undefined
  private isIterated = false

  constructor(backend: StoreBackend, clock: Clock, prefix: string, options: WatchOptions, onEnd: () => void) {
    this.backend = backend
    this.clock = clock
    this.prefix = prefix
    this.eventsMax = options.bufferEventsMax ?? watchBufferEventsMaxDefault
    this.bytesMax = options.bufferBytesMax ?? watchBufferBytesMaxDefault
    this.damaged = options.damaged ?? 'refuse'
    this.onEnd = onEnd
    const { since, fromRevision, signal } = options
    const close = (): void => this.close()
    signal?.addEventListener('abort', close, { once: true })
    this.unlink = () => signal?.removeEventListener('abort', close)
    if (since !== undefined) {
      for (const entry of since.entries) this.known.set(entry.key, entry)
      this.followFrom(since.revision + 1)
    }
    // Revision 1 is that of the empty store; no history has it.
    else if (fromRevision !== undefined) this.followFrom(Math.max(2, fromRevision))
    else this.buffer.push(gap)
  }

  close(): void {
    if (this.ending.signal.aborted) return
    this.unlink()
    this.ending.abort(new VertigoError('STORE_CLOSED', 'The watch was closed.'))
    this.follow?.cancel()
    this.buffer = []
    this.known.clear()
    this.onEnd()
    this.wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchBatch, void, undefined> {
    if (this.isIterated) throw new VertigoError('USAGE', 'A watch can be iterated over once.')
    this.isIterated = true
    let isFirst = true
    try {
      while (!this.isEnded) {
        const next = this.buffer.shift()
        if (next === undefined) {
          if (this.failure !== undefined) throw this.failure
          await this.more()
          continue
        }
        const batch = next === gap ? await this.readAgain() : this.take(next)
        // A gap in which nothing happened is none; but who begins with a state hears of an empty one too.
        if (batch !== undefined && (batch.events.length > 0 || (next === gap && isFirst))) {
          isFirst = false
          yield batch
        }
      }
    } finally {
      this.close()
    }
  }

  private get isEnded(): boolean {
    return this.ending.signal.aborted
  }

  private more(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = () => {
        this.wake = undefined
        resolve()
      }
    })
  }

  private take(batch: WatchBatch): WatchBatch {
    this.bufferedEvents -= batch.events.length
    this.bufferedBytes -= bytesOf(batch)
    for (const { key, entry } of batch.events) {
      if (entry === undefined) this.known.delete(key)
      else this.known.set(key, entry)
    }
    return batch
  }

  private followFrom(revision: Revision): void {
    const listener: FollowListener = {
      events: (at, events) => this.push({ revision: at, events, resynced: false }),
      compacted: () => this.pushGap(),
      failed: (error) => {
        this.failure = error
        this.wake?.()
      },
    }
    this.follow = this.backend.follow(this.prefix, revision, listener)
  }

  private push(batch: WatchBatch): void {
    this.bufferedEvents += batch.events.length
    this.bufferedBytes += bytesOf(batch)
    if (this.bufferedEvents <= this.eventsMax && this.bufferedBytes <= this.bytesMax) {
      this.buffer.push(batch)
      this.wake?.()
      return
    }
    this.buffer = []
    this.pushGap()
  }

  private pushGap(): void {
    this.follow?.cancel()
    this.follow = undefined
    this.buffer.push(gap)
    this.wake?.()
  }

  /** Closes a gap: the difference between what is known and what is there; undefined when the watch ended meanwhile. */
  private async readAgain(): Promise<WatchBatch | undefined> {
    this.bufferedEvents = 0
    this.bufferedBytes = 0
    const read = await this.readStubbornly()
    if (read === undefined) return undefined
    const events = difference(this.known, read.entries, read.revision)
    this.known.clear()
    for (const entry of read.entries) this.known.set(entry.key, entry)
    this.followFrom(read.revision + 1)
    return { revision: read.revision, events, resynced: true }
  }

  private async readStubbornly(): ReturnType<BufferedWatch['tryRead']> {
    let timeoutMs = watchReadMsMin
    for (let delayMs = retryMsMin; !this.isEnded; delayMs = Math.min(retryMsMax, delayMs * 2)) {
      try {
        return await this.tryRead(timeoutMs)
      } catch (error) {
        if (this.isEnded) return undefined
        if (!isVertigoError(error) || !error.retryable) throw error
        timeoutMs = Math.min(watchReadMsMax, timeoutMs * 2)
      }
      try {
        await sleep(this.clock, delayMs, this.ending.signal)
      } catch (error) {
        if (!this.isEnded) throw asError(error)
      }
    }
    return undefined
  }

  private async tryRead(
    timeoutMs: number,
  ): Promise<{ readonly entries: readonly Entry[]; readonly revision: Revision } | undefined> {
    const { damaged } = this
    const read = await this.backend.range(this.prefix, { timeoutMs, damaged, signal: this.ending.signal })
    return this.isEnded ? undefined : read
  }
}

/** Keys by their length, as a string holds them; values from before are held for as long as those from after. */
function bytesOf({ events }: WatchBatch): number {
  let bytes = 0
  for (const { key, entry, previous } of events)
    bytes += key.length + (entry?.value.byteLength ?? 0) + (previous?.value.byteLength ?? 0)
  return bytes
}

/** Changes that lead from what was known to what is there. */
function difference(
  known: ReadonlyMap<string, Entry>,
  entries: readonly Entry[],
  revision: Revision,
): WatchEvent[] {
  const events: WatchEvent[] = []
  const present = new Set<string>()
  for (const entry of entries) {
    const { key, modRevision } = entry
    present.add(key)
    const previous = known.get(key)
    if (previous?.modRevision === modRevision) continue
    events.push({ type: 'put', key, revision: modRevision, entry, ...(previous && { previous }) })
  }
  for (const [key, previous] of known)
    if (!present.has(key)) events.push({ type: 'delete', key, revision, previous })
  return events
}
