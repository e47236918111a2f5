import { Buffer } from 'node:buffer'
import { sleep, systemClock } from '../../../src/base/clock.ts'
import type { Entry, Store, Watch, WatchBatch, WatchEvent } from '../../../src/store/store.ts'

export const bytes = (text: string): Uint8Array => Buffer.from(text)
export const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString()

/** Entries as `key=value`, which is what most tests are about. */
export function shown(entries: readonly Entry[]): string[] {
  return entries.map(({ key, value }) => `${key}=${text(value)}`)
}

/** Events as `+key=value` and `-key`. */
export function shownEvents(events: readonly WatchEvent[]): string[] {
  return events.map(({ type, key, entry }) => (type === 'put' ? `+${key}=${text(entry?.value)}` : `-${key}`))
}

/** Waits for `condition`; rejects with what did not happen. */
export async function until(
  what: string,
  condition: () => Promise<boolean> | boolean,
  timeoutMs = 60_000,
): Promise<void> {
  const end = systemClock.monotonic() + timeoutMs
  while (!(await condition())) {
    if (systemClock.monotonic() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await sleep(systemClock, 5)
  }
}

/** Reads a watch in the background and keeps what it told. */
export class Watcher {
  readonly batches: WatchBatch[] = []
  /** The state that the events add up to. */
  readonly state = new Map<string, Entry>()
  readonly ended: Promise<void>
  private readonly watch: Watch

  constructor(watch: Watch) {
    this.watch = watch
    this.ended = this.read()
    // Whoever closes looks at it; until then a failure is not unhandled.
    this.ended.catch(() => undefined)
  }

  get events(): readonly WatchEvent[] {
    return this.batches.flatMap(({ events }) => events)
  }

  /** Waits until a change that is made now has been told. */
  async caughtUp(store: Store, key: string): Promise<void> {
    const mark = `mark ${systemClock.monotonic()}`
    await store.transact({ then: [{ type: 'put', key, value: bytes(mark) }] })
    await until(`the watch tells of the last put of ${key}`, () => text(this.state.get(key)?.value) === mark)
  }

  async close(): Promise<void> {
    this.watch.close()
    await this.ended
  }

  private async read(): Promise<void> {
    for await (const batch of this.watch) {
      this.batches.push(batch)
      for (const { key, entry } of batch.events) {
        if (entry === undefined) this.state.delete(key)
        else this.state.set(key, entry)
      }
    }
  }
}
