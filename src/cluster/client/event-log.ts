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
  /** Of several who saw the same, the first writes it: while an event with this mark is kept, no other is written. */
  once: v.optional(v.string()),
})
/** Something that happened in a cluster, for people. Nothing is decided by it. */
export type ClusterEvent = Readonly<Omit<v.InferOutput<typeof schema>, 'once'>>
const eventRecord = recordType('An event of the cluster', schema)

/** Before it has its number; `atMs`: when it happened, where that was not now. */
export type NewEvent = Omit<ClusterEvent, 'number' | 'atMs'> & {
  readonly atMs?: number
  readonly once?: string
}

export interface EventReader {
  /** Those behind the number `after`, the oldest first. */
  read(after: number, limit: number): Promise<readonly ClusterEvent[]>
  /** The same, and then each as it comes, until the signal is aborted. Who is too slow for the log finds a gap in the numbers. */
  follow(after: number, signal: AbortSignal): AsyncIterable<ClusterEvent>
}

/** How many are kept. */
export const eventsMax = 1000
/** How many are written at once: a transaction has room for as many, and for as many that go. */
export const eventsAtOnceMax = 32

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

  append(event: NewEvent): Promise<void> {
    return this.appendAll([event])
  }

  /** In their order, all at once. At most `eventsAtOnceMax`. */
  async appendAll(events: readonly NewEvent[]): Promise<void> {
    const { clock, random } = this.means
    await compareAndSet({ clock, random, what: 'The log of events', signal: undefined }, async () => {
      const { entries } = await this.store.range(this.keys.events)
      const news = withoutKnown(events, entries)
      if (news.length === 0) return true
      const last = entries.at(-1)
      const first = (last === undefined ? 0 : eventRecord.decode(last).number) + 1
      const old = entries.slice(0, Math.max(0, entries.length + news.length - eventsMax))
      const { succeeded } = await this.store.transact(
        {
          compare: [isMissing(this.keys.event(first))],
          then: [
            ...news.map((event, at) => {
              const { atMs = clock.now(), ...rest } = event
              const number = first + at
              return put(this.keys.event(number), eventRecord.encode({ ...rest, number, atMs }))
            }),
            // What is more than fits a transaction goes with the next.
            ...old.slice(0, eventsAtOnceMax).map(({ key }) => remove(key)),
          ],
        },
        { repeat: 'once' },
      )
      return succeeded ? true : conflict
    })
  }

  async read(after: number, limit: number): Promise<readonly ClusterEvent[]> {
    const { entries } = await this.store.range(this.keys.events, { after: this.keys.event(after), limit })
    return entries.map(shown)
  }

  async *follow(after: number, signal: AbortSignal): AsyncGenerator<ClusterEvent, void, undefined> {
    const following = await follow(this.store, this.keys.events, { signal })
    let last = after
    const news = (entries: readonly (Entry | undefined)[]): readonly ClusterEvent[] =>
      entries
        .flatMap((entry) => (entry === undefined ? [] : [shown(entry)]))
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

/** A mark counts within the batch, too. */
function withoutKnown(events: readonly NewEvent[], entries: readonly Entry[]): NewEvent[] {
  if (!events.some(({ once }) => once !== undefined)) return [...events]
  const marks = new Set(entries.map((entry) => eventRecord.decode(entry).once))
  return events.filter(({ once }) => {
    if (once === undefined) return true
    const isNew = !marks.has(once)
    marks.add(once)
    return isNew
  })
}

function shown(entry: Entry): ClusterEvent {
  const { once: _, ...event } = eventRecord.decode(entry)
  return event
}
