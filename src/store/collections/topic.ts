import { VertigoError } from '../../base/errors.ts'
import type {
  SharedChanges,
  SharedTopic,
  SubscribeOptions,
  TopicMessage,
  TopicOptions,
} from '../../component/shared.ts'
import { decodeValue, encodeValue } from '../envelope.ts'
import { transactionBytesMax } from '../limits.ts'
import { isUnchanged, put, remove } from '../operations.ts'
import { callOptions, conflict } from '../recipes/backoff.ts'
import { follow, type Following } from '../recipes/changes.ts'
import type { Entry } from '../store.ts'
import { Collection, type CollectionMeans } from './collection.ts'
import { Combiner } from './combiner.ts'
import { headKey, numberedKey, numberedPrefix, numberOfKey } from './keys.ts'

export const retainMaxDefault = 1_000

/** Messages of one transaction: each is put, and each may push an older one out, of 128 operations. */
const publishMax = 50

/** What a topic keeps about itself: the number of the next message, and of the oldest that is kept. */
interface TopicHead {
  readonly next: number
  readonly oldest: number
}

/**
 * Messages have numbers, given as in a queue (SQ-1); the transaction that publishes removes what is beyond `retainMax`.
 *
 * - TO-1 A subscriber gets the messages in the order of their numbers, each once, from where it began.
 * - TO-2 It notices by the numbers where it has missed any, and never passes over that in silence.
 */
export class StoreTopic<V> extends Collection implements SharedTopic<V> {
  private readonly retainMax: number
  private readonly publishing: Combiner<Uint8Array, void>

  constructor(means: CollectionMeans, name: string, { retainMax = retainMaxDefault }: TopicOptions = {}) {
    super(means, 'topic', name)
    this.retainMax = retainMax
    const limits = { itemsMax: publishMax, weightMax: transactionBytesMax * 0.9 }
    this.publishing = new Combiner(
      (items) => this.publishAll(items),
      limits,
      (bytes) => bytes.byteLength + this.prefix.length + 100,
    )
  }

  async publish(message: V): Promise<void> {
    await this.publishing.add(this.encodeAlone(message))
  }

  async subscribe(options: SubscribeOptions = {}): Promise<SharedChanges<TopicMessage<V>>> {
    const following = await follow(this.means.store, this.prefix, callOptions(options.signal))
    const messages = this.messages(following, options)
    return {
      revision: following.revision,
      close: () => following.close(),
      [Symbol.asyncIterator]: () => messages,
    }
  }

  private async *messages(
    following: Following,
    { from = 'now', onMissed = 'fail' }: SubscribeOptions,
  ): AsyncGenerator<TopicMessage<V>, void, undefined> {
    const { entries } = following
    const head = entries.find(({ key }) => key === headKey(this.prefix))
    const { next, oldest } = head === undefined ? { next: 0, oldest: 0 } : decodeTopicHead(head)
    let expected = from === 'now' ? next : oldest
    try {
      for (const entry of this.inOrder(entries, expected)) yield this.read(entry, expected++)
      for await (const { changes } of following) {
        const puts = changes.flatMap(({ entry }) => (entry === undefined ? [] : [entry]))
        for (const entry of this.inOrder(puts, expected)) {
          const message = this.read(entry, expected)
          if (message.missed > 0 && onMissed === 'fail') throw this.missed(message.missed)
          expected = message.number + 1
          yield message
        }
      }
    } finally {
      following.close()
    }
  }

  private inOrder(entries: readonly Entry[], from: number): readonly Entry[] {
    return entries
      .filter(({ key }) => key.startsWith(numberedPrefix(this.prefix)) && numberOfKey(key) >= from)
      .toSorted((a, b) => numberOfKey(a.key) - numberOfKey(b.key))
  }

  private read(entry: Entry, expected: number): TopicMessage<V> {
    const number = numberOfKey(entry.key)
    return { message: decodeValue(entry) as V, number, missed: number - expected }
  }

  private missed(count: number): VertigoError {
    return new VertigoError(
      'STORE_MESSAGES_MISSED',
      `${this.what} had ${count} more messages than it retains (${this.retainMax}) before they were read.`,
    )
  }

  private async publishAll(items: readonly Uint8Array[]): Promise<readonly void[]> {
    const own = headKey(this.prefix)
    await this.compete(async () => {
      const { entry } = await this.means.store.get(own)
      const head = entry === undefined ? { next: 0, oldest: 0 } : decodeTopicHead(entry)
      const next = head.next + items.length
      // Where less is retained than before, the rest goes little by little.
      const oldest = Math.min(
        Math.max(head.oldest, next - this.retainMax),
        head.oldest + publishMax,
        head.next,
      )
      const puts = items.map((bytes, i) => put(numberedKey(this.prefix, head.next + i), bytes))
      const removals = Array.from({ length: oldest - head.oldest }, (_, i) =>
        remove(numberedKey(this.prefix, head.oldest + i)),
      )
      const then = [put(own, encodeValue({ next, oldest })), ...puts, ...removals]
      const { succeeded } = await this.write({ compare: [isUnchanged(own, entry)], then })
      return succeeded ? undefined : conflict
    })
    return items.map(() => undefined)
  }
}

function decodeTopicHead(entry: Entry): TopicHead {
  const value = decodeValue(entry)
  if (typeof value === 'object' && value !== null && 'next' in value && 'oldest' in value) {
    const { next, oldest } = value
    if (Number.isSafeInteger(next) && Number.isSafeInteger(oldest)) return value as TopicHead
  }
  throw new VertigoError('STORE_CORRUPT', `The value of "${entry.key}" is not the head of a topic.`)
}
