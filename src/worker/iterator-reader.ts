import type { Clock } from '../base/clock.ts'
import type { SourcePositions } from '../component/define.ts'
import type { TrackInsights } from '../component/tracking.ts'
import type { Outbox } from '../messaging/outbox.ts'
import type { OutputPort } from '../messaging/output-port.ts'
import type { TurnPace } from './turn-pace.ts'

/** The author's reader, types erased. */
export interface Reader extends TrackInsights {
  poll(max: number, context: object): unknown
  /** The run asks the source to end: see `SourceReader`. */
  drain?(): void
  /** See `SourceReader`. */
  positions?(): SourcePositions
  release?(positions: SourcePositions): unknown
  close?(): unknown
}

/** What a reader needs of its source. */
export interface ReaderOwner {
  readonly outbox: Pick<Outbox, 'blocked'>
  readonly outputs: readonly Pick<OutputPort, 'send'>[]
  readonly clock: Clock
  /** Begun before each turn, which may have several polls. */
  readonly pace: TurnPace
  /** Whether messages are still taken: a source may have been stopped while its iterator was waited for. */
  readonly takesMessages: boolean
  /** Whether it was asked to end: nothing more is asked of the iterator. */
  readonly isEnding: boolean
}

/** How long a generator that waits for something is given to run its `finally` when its source is closed. */
const finallyMsMax = 1_000

/** Makes polls of an iterator: the engine asks message by message whether there is room. */
export function iteratorReader(
  items: Iterable<unknown> | AsyncIterable<unknown>,
  owner: ReaderOwner,
): Reader {
  return Symbol.iterator in items
    ? syncReader(items[Symbol.iterator](), owner)
    : asyncReader(items[Symbol.asyncIterator](), owner)
}

function syncReader(
  iterator: Iterator<unknown>,
  { outbox, outputs: [port], clock, pace }: ReaderOwner,
): Reader {
  return {
    poll(max) {
      let inStep = 0
      for (let i = 0; i < max && outbox.blocked === 0; i++) {
        const next = iterator.next()
        if (next.done) return 'done'
        port!.send(next.value)
        if (pace.isDue(++inStep)) {
          if (pace.isOver(clock.monotonic(), inStep)) return 'more'
          inStep = 0
        }
      }
      if (inStep > 0) pace.isOver(clock.monotonic(), inStep)
      return 'more'
    },
    close: () => iterator.return?.(),
  }
}

function asyncReader(iterator: AsyncIterator<unknown>, owner: ReaderOwner): Reader {
  const { outbox, clock, pace } = owner
  const [port] = owner.outputs
  let isWaiting = false
  const next = async (): Promise<IteratorResult<unknown>> => {
    isWaiting = true
    try {
      return await iterator.next()
    } finally {
      isWaiting = false
    }
  }
  return {
    async poll(max) {
      let inStep = 0
      for (let i = 0; i < max && outbox.blocked === 0 && !(owner.isEnding && i > 0); i++) {
        const item = await next()
        if (item.done) return 'done'
        if (!owner.takesMessages) break
        port!.send(item.value)
        if (!pace.isDue(++inStep)) continue
        const isOver = pace.isOver(clock.monotonic(), inStep)
        inStep = 0
        if (!isOver) continue
        // It may not have waited for anything: others have their turn.
        await new Promise<void>((resolve) => {
          clock.soon(resolve)
        })
        pace.begin(clock.monotonic())
        if (!owner.takesMessages) break
      }
      if (inStep > 0) pace.isOver(clock.monotonic(), inStep)
      return 'more'
    },
    async close() {
      const returned = iterator.return?.()
      if (returned === undefined || !isWaiting) return returned
      // A generator hears of its end only when what it waits for comes, which may be never. One that was asked to end
      // has had its time already.
      if (owner.isEnding) {
        returned.then(undefined, () => undefined)
        return undefined
      }
      let cancel = (): void => undefined
      const late = new Promise<void>((resolve) => {
        cancel = clock.after(finallyMsMax, resolve)
      })
      const result = await Promise.race([returned, late])
      cancel()
      return result
    },
  }
}
