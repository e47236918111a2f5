import * as v from 'valibot'
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import { isMissing, put, remove } from '../../store/operations.ts'
import { compareAndSet, conflict, follow } from '../../store/recipes/index.ts'
import type { Entry, Store } from '../../store/store.ts'
import type { ClusterKeys } from '../protocol/index.ts'
import { recordType } from '../protocol/record.ts'

const schema = v.object({
  /** 1, 2, ... in the order in which they were written. */
  number: v.number(),
  atMs: v.number(),
  /** What kind of event: `node-joined`, `plan`, ... */
  type: v.string(),
  node: v.optional(v.string()),
  network: v.optional(v.string()),
  /** A sentence. */
  text: v.string(),
})
/** Something that happened in a cluster, for people. Nothing is decided by it. */
export type ClusterEvent = Readonly<v.InferOutput<typeof schema>>
const eventRecord = recordType('An event of the cluster', schema)

export interface EventReader {
  /** Those behind the number `after`, the oldest first. */
  read(after: number, limit: number): Promise<readonly ClusterEvent[]>
  /** The same, and then each as it comes, until the signal is aborted. Who is too slow for the log finds a gap in the numbers. */
  follow(after: number, signal: AbortSignal): AsyncIterable<ClusterEvent>
}

/** How many are kept. */
export const eventsMax = 1000

/** The events of a cluster, in its store: the newest `eventsMax`. */
export class EventLog implements EventReader {
  private readonly store: Store
  private readonly keys: ClusterKeys
  private readonly means: { readonly clock: Clock; readonly random: Random }

  constructor(store: Store, keys: ClusterKeys, means: { readonly clock: Clock; readonly random: Random }) {
    this.store = store
    this.keys = keys
    this.means = means
  }

  async append(event: Omit<ClusterEvent, 'number' | 'atMs'>): Promise<void> {
    const { clock, random } = this.means
    await compareAndSet({ clock, random, what: 'The log of events', signal: undefined }, async () => {
      const { entries } = await this.store.range(this.keys.events)
      const number = (entries.at(-1) === undefined ? 0 : eventRecord.decode(entries.at(-1)!).number) + 1
      const record = eventRecord.encode({ ...event, number, atMs: clock.now() })
      const old = entries.slice(0, Math.max(0, entries.length + 1 - eventsMax)).map(({ key }) => remove(key))
      const { succeeded } = await this.store.transact(
        {
          compare: [isMissing(this.keys.event(number))],
          then: [put(this.keys.event(number), record), ...old],
        },
        { repeat: 'once' },
      )
      return succeeded ? true : conflict
    })
  }

  async read(after: number, limit: number): Promise<readonly ClusterEvent[]> {
    const { entries } = await this.store.range(this.keys.events, { after: this.keys.event(after), limit })
    return entries.map((entry) => eventRecord.decode(entry))
  }

  async *follow(after: number, signal: AbortSignal): AsyncGenerator<ClusterEvent, void, undefined> {
    const following = await follow(this.store, this.keys.events, { signal })
    let last = after
    const news = (entries: readonly (Entry | undefined)[]): readonly ClusterEvent[] =>
      entries
        .flatMap((entry) => (entry === undefined ? [] : [eventRecord.decode(entry)]))
        .filter(({ number }) => number > last)
    try {
      for (const event of news(following.entries)) {
        last = event.number
        yield event
      }
      for await (const { changes } of following)
        for (const event of news(changes.map(({ entry }) => entry))) {
          last = event.number
          yield event
        }
    } finally {
      following.close()
    }
  }
}
