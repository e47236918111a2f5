import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import type { Producer } from '@platformatic/kafka'
import { baseOptions, type KafkaPackage, loadKafka } from '../../../../src/connectors/kafka/client.ts'
import { kafkaSink } from '../../../../src/connectors/kafka/index.ts'
import type { SinkSnapshot } from '../../../../src/component/index.ts'
import { hasCode } from '../../../support/error-code.ts'
import { OpenedSink } from '../../../support/opened-kinds.ts'
import { server, shows, skip, startBrokerWith, topicOf } from './broker.ts'

/**
 * KA-4: brokers that have lost the end of a transaction. To get there without luck, the broker takes messages that its coordinator knows
 * nothing of: they stand in the log as those do whose mark was left out.
 */
before(() => startBrokerWith({ 'transaction.partition.verification.enable': 'false' }), { timeout: 180_000 })
after(() => server?.stop())

const at = (id: number): SinkSnapshot => ({ incarnation: 1, id })
const own = () => ({
  brokers: [server.bootstrap],
  tls: false as const,
  requestTimeoutMs: 20_000,
  retryMs: 20_000,
})

/** Of a sink that is gone. */
class Gone {
  readonly #loaded: KafkaPackage
  readonly #producer: Producer
  readonly #writer: string
  readonly #topic: string
  /** By topic. */
  readonly #written = new Map<string, number>()

  private constructor(loaded: KafkaPackage, writer: string, topic: string) {
    this.#loaded = loaded
    this.#writer = writer
    this.#topic = topic
    const id = `vertigo/${writer}`
    this.#producer = new loaded.Producer({
      ...baseOptions('it', own()),
      idempotent: true,
      transactionalId: id,
    })
  }

  static async begin(t: TestContext, writer: string, topic: string): Promise<Gone> {
    const gone = new Gone(await loadKafka('it'), writer, topic)
    t.after(() => gone.#producer.close(true))
    return gone
  }

  /** A transaction in the first partition of the topic only; its coordinator ends it with all marks. Left: nobody ends it. */
  async transaction(end: 'commit' | 'abort' | 'left', value: string): Promise<void> {
    const transaction = await this.#producer.beginTransaction({ producerId: -1n, producerEpoch: -1 })
    await transaction.send({ messages: [{ topic: this.#topic, partition: 0, value: Buffer.from(value) }] })
    this.#written.set(this.#topic, (this.#written.get(this.#topic) ?? 0) + 1)
    if (end === 'left') return
    await transaction[end]()
    await this.#ended()
  }

  /** What belongs to it as well, and has no mark. */
  async openEnd(value: string, snapshot: SinkSnapshot): Promise<void> {
    await this.#produce(this.#topic, { value: Buffer.from(value) })
    await this.openSnapshot(snapshot)
  }

  async openSnapshot(snapshot: SinkSnapshot): Promise<void> {
    const key = Buffer.from(this.#writer)
    await this.#produce('vertigo-snapshots', { key, value: Buffer.from(JSON.stringify(snapshot)) })
  }

  async takeOver(): Promise<void> {
    const transaction = await this.#producer.beginTransaction({ producerId: -1n, producerEpoch: -1 })
    await transaction.cancel()
  }

  async #ended(): Promise<void> {
    for (;;) {
      const connection = await this.#connection()
      const id = `vertigo/${this.#writer}`
      const { transactionStates } = await this.#loaded.describeTransactionsV0.api.async(connection, [id])
      if (transactionStates[0]!.transactionState.startsWith('Complete')) return
    }
  }

  async #connection() {
    const node = this.#producer.coordinatorId!
    return (await this.#producer.connectToBrokers([node])).get(node)!
  }

  async #produce(topic: string, message: { readonly key?: Buffer; readonly value: Buffer }): Promise<void> {
    const sequence = this.#written.get(topic) ?? 0
    const options = {
      transactionalId: `vertigo/${this.#writer}`,
      producerId: this.#producer.producerId!,
      producerEpoch: this.#producer.producerEpoch!,
      sequences: new this.#loaded.NumericMap([[`${topic}:0`, sequence]]),
    }
    const connection = await this.#connection()
    const all = [{ topic, partition: 0, ...message }]
    await this.#loaded.produceV11.api.async(connection, -1, 10_000, all, options)
    this.#written.set(topic, sequence + 1)
  }
}

function openSink(topic: string): Promise<OpenedSink> {
  return OpenedSink.open(kafkaSink, { config: { brokers: [server.bootstrap], topic } })
}

async function publish(it: OpenedSink, writer: string, value: string, id: number): Promise<void> {
  await it.send(value)
  const staged = await it.sink.prepare(at(id))
  await it.sink.commit({ writer, snapshot: at(id), staged })
}

test('KA-4: what was committed counts, and is to be seen, although its mark is lost', { skip }, async (t) => {
  const topic = await topicOf(2)
  // It makes the topic of snapshots.
  const it = await openSink(topic)
  t.after(() => it.close())
  const gone = await Gone.begin(t, 'committed', topic)
  await gone.transaction('commit', 'a')
  await gone.openEnd('b', at(1))
  assert.deepEqual(await it.sink.recover('committed', undefined), at(1))
  await publish(it, 'committed', 'c', 2)
  await shows(topic, ['a', 'b', 'c'])
})

test(
  'LE-3: of what was taken back before anybody looked, it is not known whether it had come to the topic of snapshots',
  { skip },
  async (t) => {
    const topic = await topicOf(1)
    const it = await openSink(topic)
    t.after(() => it.close())
    const gone = await Gone.begin(t, 'aborted', topic)
    await gone.transaction('abort', 'no')
    await gone.openEnd('no', at(1))
    const recovering = Promise.resolve(it.sink.recover('aborted', undefined))
    await assert.rejects(recovering, hasCode('SINK_TRANSACTION_LOST', 'snapshot 1/1 at offset'))
  },
)

test(
  'LE-3: one before the one that was left open was committed, and is not taken back with that',
  { skip },
  async (t) => {
    const topic = await topicOf(1)
    const it = await openSink(topic)
    t.after(() => it.close())
    const gone = await Gone.begin(t, 'left', topic)
    await gone.transaction('commit', 'a')
    await gone.openSnapshot(at(1))
    await gone.transaction('left', 'no')
    assert.deepEqual(await it.sink.recover('left', undefined), at(1))
    await publish(it, 'left', 'b', 2)
    await shows(topic, ['a', 'b'])
  },
)

test('KA-4: an end that nobody knows any more is told, with what is to be done', { skip }, async (t) => {
  const topic = await topicOf(1)
  const it = await openSink(topic)
  t.after(() => it.close())
  const gone = await Gone.begin(t, 'forgotten', topic)
  await gone.transaction('commit', 'a')
  await gone.openEnd('b', at(1))
  // Somebody has taken the id over, and is gone too.
  const next = await Gone.begin(t, 'forgotten', topic)
  await next.takeOver()
  const again = (): Promise<unknown> => Promise.resolve(it.sink.recover('forgotten', undefined))
  for (let times = 0; times < 2; times++)
    await assert.rejects(again, (error: Error & { remedy?: string }) => {
      assert.ok(hasCode('SINK_TRANSACTION_LOST', 'snapshot 1/1 at offset')(error), String(error))
      assert.match(error.remedy ?? '', /kafka-transactions\.sh abort --topic vertigo-snapshots --partition 0/)
      return true
    })
})
