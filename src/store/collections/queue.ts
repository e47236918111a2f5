import { VertigoError } from '../../base/errors.ts'
import type {
  QueueOptions,
  SharedChange,
  SharedChanges,
  SharedQueue,
  SharedReadOptions,
  SharedWatchOptions,
} from '../../component/shared.ts'
import { decodeInteger, decodeValue, encodeValue } from '../envelope.ts'
import { transactionBytesMax } from '../limits.ts'
import { isUnchanged, put, remove } from '../operations.ts'
import { callOptions, conflict } from '../recipes/backoff.ts'
import type { Revision } from '../store.ts'
import { Collection, type CollectionMeans } from './collection.ts'
import { Combiner } from './combiner.ts'
import { headKey, numberedKey, numberedPrefix, numberOfKey } from './keys.ts'
import { typedChanges } from './typed-changes.ts'

export const elementsMaxDefault = 10_000

/** What a take found where there was nothing: the revision from which on to wait. */
interface Empty {
  readonly revision: Revision
}

/**
 * Elements have numbers; the head of the queue keeps the next one.
 *
 * - SQ-1 Those who add compete for the head's key, so numbers are given once and without gaps.
 * - SQ-2 Those who take compete for the first element: a take is a deletion that compares it. So each element is taken by
 *   one, and what is there always has numbers in a row.
 * - SQ-3 The head is read before the first element, so the number of elements is rather taken too small. Where the head is still
 *   the same when an element is added, there are no more than were counted: `elementsMax` is never exceeded.
 * - SQ-4 Calls of one process are combined (adding) or take turns (taking): only processes compete.
 */
export class StoreQueue<V> extends Collection implements SharedQueue<V> {
  private readonly elementsMax: number
  private readonly additions: Combiner<Uint8Array, VertigoError | undefined>

  constructor(means: CollectionMeans, name: string, { elementsMax = elementsMaxDefault }: QueueOptions = {}) {
    super(means, 'queue', name)
    this.elementsMax = elementsMax
    const limits = { itemsMax: 100, weightMax: transactionBytesMax * 0.9 }
    this.additions = new Combiner(
      (items) => this.addAll(items),
      limits,
      (bytes) => bytes.byteLength + this.prefix.length + 100,
    )
  }

  async add(value: V): Promise<void> {
    const refused = await this.additions.add(this.encodeAlone(value))
    if (refused !== undefined) throw refused
  }

  async take(signal?: AbortSignal): Promise<V> {
    return this.means.turns.run(`take ${this.prefix}`, signal, async () => {
      for (;;) {
        const taken = await this.takeFirst(signal)
        if ('value' in taken) return taken.value
        await this.waitForMore(taken.revision, signal)
      }
    })
  }

  async tryTake(): Promise<V | undefined> {
    const taken = await this.takeFirst(undefined)
    return 'value' in taken ? taken.value : undefined
  }

  async peek(options: SharedReadOptions = {}): Promise<V | undefined> {
    const prefix = numberedPrefix(this.prefix)
    const entries = options.cached
      ? await this.readAll(prefix, options)
      : (await this.means.store.range(prefix, { limit: 1 })).entries
    return entries[0] && (decodeValue(entries[0]) as V)
  }

  async size(options?: SharedReadOptions): Promise<number> {
    return (await this.readAll(numberedPrefix(this.prefix), options)).length
  }

  watch(options?: SharedWatchOptions): Promise<SharedChanges<SharedChange<V>>> {
    return typedChanges(this.means.store, numberedPrefix(this.prefix), () => ({}), options)
  }

  /** For each element nothing, or why it was refused: as many as there is room for are added. */
  private async addAll(items: readonly Uint8Array[]): Promise<readonly (VertigoError | undefined)[]> {
    const { store } = this.means
    const head = headKey(this.prefix)
    return this.compete(async () => {
      const { entry } = await store.get(head)
      const { entries } = await store.range(numberedPrefix(this.prefix), { limit: 1 })
      const next = entry === undefined ? 0 : decodeInteger(entry)
      const count = entries[0] === undefined ? 0 : next - numberOfKey(entries[0].key)
      const added = items.slice(0, Math.max(0, this.elementsMax - count))
      if (added.length > 0) {
        const puts = added.map((bytes, i) => put(numberedKey(this.prefix, next + i), bytes))
        const then = [put(head, encodeValue(next + added.length)), ...puts]
        const { succeeded } = await this.write({ compare: [isUnchanged(head, entry)], then })
        if (!succeeded) return conflict
      }
      return items.map((_, i) => (i < added.length ? undefined : this.full()))
    })
  }

  private full(): VertigoError {
    return new VertigoError('STORE_COLLECTION_FULL', `${this.what} holds ${this.elementsMax} elements.`)
  }

  private takeFirst(signal: AbortSignal | undefined): Promise<{ readonly value: V } | Empty> {
    return this.compete(async () => {
      const options = { limit: 1, ...callOptions(signal) }
      const { entries, revision } = await this.means.store.range(numberedPrefix(this.prefix), options)
      const [first] = entries
      if (first === undefined) return { revision }
      // Read before it is taken: what cannot be read stays. No signal: an element must not be taken for nobody.
      const value = decodeValue(first) as V
      const taking = { compare: [isUnchanged(first.key, first)], then: [remove(first.key)] }
      return (await this.write(taking)).succeeded ? { value } : conflict
    }, signal)
  }

  /** Fulfilled when an element came after `revision`, or the signal was aborted. */
  private async waitForMore(revision: Revision, signal: AbortSignal | undefined): Promise<void> {
    const since = { entries: [], revision }
    const watch = this.means.store.watch(numberedPrefix(this.prefix), { since, ...callOptions(signal) })
    for await (const { events } of watch) if (events.some(({ type }) => type === 'put')) return
    signal?.throwIfAborted()
  }
}
