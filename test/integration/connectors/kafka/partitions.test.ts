import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { SourcePositions } from '../../../../src/component/index.ts'
import { hasCode } from '../../../support/error-code.ts'
import { eventually, within } from '../../../support/eventually.ts'
import type { OpenedSource } from '../../../support/opened-kinds.ts'
import { openSource, produce, server, skip, startBrokerWith, topicOf, withAdmin } from './broker.ts'

/** Topics that change while they are read: partitions that are added, messages that compaction takes out. */

before(() => startBrokerWith({ 'log.cleaner.backoff.ms': '200' }), { timeout: 180_000 })
after(() => server?.stop())

const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, n) => from + n)

const sorted = (texts: readonly string[]): number[] => texts.map(Number).toSorted((a, b) => a - b)

/** `count` messages, one after the other into each partition. */
const fill = (topic: string, partitions: number, from: number, count: number): Promise<void> =>
  produce(
    topic,
    numbers(from, count).map((n) => ({ partition: n % partitions, value: `${n}` })),
  )

const addPartitions = (topic: string, count: number): Promise<void> =>
  withAdmin((admin) => admin.createPartitions({ topics: [{ name: topic, count, assignments: null }] }))

/** Until they have so many together. */
async function untilAll(sources: readonly OpenedSource<string>[], count: number): Promise<string[]> {
  const all = (): string[] => sources.flatMap(({ messages }) => messages)
  const reading = sources.map(async (source) => {
    while (all().length < count) await source.poll()
  })
  await within(`${count} messages`, 60_000, Promise.race(reading))
  return all()
}

const following = { sends: 'values', follow: true, partitionsMs: 200 }

test(
  'partitions that are added are read from their beginning, each by one instance',
  { skip, timeout: 120_000 },
  async () => {
    const topic = await topicOf(1)
    await fill(topic, 1, 0, 10)
    // The third has nothing to read at first.
    const open = (positions?: SourcePositions): Promise<OpenedSource<string>[]> =>
      Promise.all(
        [0, 1, 2].map((instance) =>
          openSource<string>(topic, following, { instance, instances: 3, ...(positions && { positions }) }),
        ),
      )
    const sources = await open()
    await untilAll(sources, 10)
    const before = Object.assign({}, ...sources.map(({ positions }) => positions)) as SourcePositions
    assert.deepEqual(Object.keys(before).length, 1)
    await addPartitions(topic, 5)
    await fill(topic, 5, 10, 50)
    assert.deepEqual(sorted(await untilAll(sources, 60)), numbers(0, 60))
    for (const [instance, { messages }] of sources.entries())
      for (const n of sorted(messages))
        assert.equal(n < 10 ? instance : instance % 3, n < 10 ? 0 : (n % 5) % 3, `${n} at ${instance}`)
    const after = Object.assign({}, ...sources.map(({ positions }) => positions)) as SourcePositions
    assert.equal(Object.keys(after).length, 5)
    await Promise.all(sources.map((source) => source.close()))

    // From a snapshot that knows of none of them, and from one that does.
    const again = await open(before)
    assert.deepEqual(sorted(await untilAll(again, 50)), numbers(10, 50))
    await Promise.all(again.map((source) => source.close()))
    await fill(topic, 5, 60, 10)
    const fewer = await Promise.all(
      [0, 1].map((instance) =>
        openSource<string>(topic, following, { instance, instances: 2, positions: after }),
      ),
    )
    assert.deepEqual(sorted(await untilAll(fewer, 10)), numbers(60, 10))
    await Promise.all(fewer.map((source) => source.close()))
  },
)

test(
  'what compaction has taken out is passed over, and told once; what is deleted is an error',
  { skip, timeout: 180_000 },
  async () => {
    const topic = await topicOf(1, {
      // With the second, records can be deleted as well.
      'cleanup.policy': 'compact,delete',
      'retention.ms': '-1',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.0',
      'max.compaction.lag.ms': '100',
    })
    const of = (key: string, n: number) => ({ key, value: `${n}` })
    await produce(
      topic,
      numbers(0, 10).map((n) => of(n === 7 ? 'kept' : 'replaced', n)),
    )
    const source = await openSource<string>(topic, { sends: 'values' })
    await source.until(3, 3)
    const { positions } = source
    await source.close()
    // What is written last stays as it is; writing is what begins a segment.
    let last = 100
    const told: string[] = []
    const logged = (text: string): void => void told.push(text)
    await eventually(
      'it is compacted',
      async () => {
        await produce(topic, [of('other', last++)])
        const all = await openSource<string>(topic, { sends: 'values' }, { logged })
        const texts = await all.all()
        await all.close()
        return !texts.includes('4') && !texts.includes('0')
      },
      120_000,
    )
    told.length = 0
    const next = await openSource<string>(topic, { sends: 'values' }, { positions, logged })
    const rest = await next.all()
    await next.close()
    assert.deepEqual(
      rest.filter((text) => Number(text) < 10),
      ['7', '9'],
    )
    assert.equal(rest.at(-1), `${last - 1}`)
    assert.equal(told.filter((text) => text.includes('is compacted: from offset 3 ')).length, 1)
    assert.equal(told.filter((text) => text.includes('is compacted')).length, 1)

    const end = await withAdmin(async (admin) => {
      await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 8n }] }] })
      return openSource<string>(topic, { sends: 'values' }, { positions }).then(
        () => undefined,
        (error: unknown) => error,
      )
    })
    assert.ok(hasCode('SOURCE_POSITION_LOST', 'begins with offset 8')(end))
  },
)
