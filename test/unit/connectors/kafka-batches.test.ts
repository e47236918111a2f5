import assert from 'node:assert/strict'
import { test } from 'node:test'
import { committedOnly, markerOf, type RawBatch } from '../../../src/connectors/kafka/batches.ts'
import { Search } from '../../../src/connectors/kafka/snapshots-topic.ts'
import { piecesOf } from '../../../src/connectors/kafka/staged.ts'

/** Logs as brokers keep them, written briefly. */
class Log {
  readonly batches: RawBatch[] = []
  #offset = 0n

  add(
    producer: number,
    attributes: number,
    ...records: readonly (readonly [key: string, value: string])[]
  ): this {
    this.batches.push({
      firstOffset: this.#offset,
      lastOffsetDelta: records.length - 1,
      firstTimestamp: 0n,
      attributes,
      producerId: BigInt(producer),
      producerEpoch: 7,
      records: records.map(([key, value], offsetDelta) => ({
        offsetDelta,
        timestampDelta: 0n,
        key: Buffer.from(key, 'latin1'),
        value: Buffer.from(value),
        headers: [],
      })),
    })
    this.#offset += BigInt(records.length)
    return this
  }

  /** In a transaction. */
  write(producer: number, ...keys: readonly string[]): this {
    return this.add(
      producer,
      0b1_0000,
      ...keys.map((key): [string, string] => [key, '{"incarnation":1,"id":1}']),
    )
  }

  end(producer: number, how: 'commit' | 'abort'): this {
    return this.add(producer, 0b11_0000, [how === 'commit' ? '\0\0\0\u0001' : '\0\0\0\0', ''])
  }
}

const keys = (batches: readonly RawBatch[]): string[] =>
  batches.flatMap(({ records }) => records.map(({ key }) => Buffer.from(key!).toString()))

test('of transactions that were taken back nothing is seen, whatever is between', () => {
  const { batches } = new Log()
    .write(1, 'no')
    .write(2, 'a')
    .add(-1, 0, ['b', ''])
    .write(1, 'no')
    .end(2, 'commit')
    .end(1, 'abort')
    .write(1, 'c')
    .end(1, 'commit')
  const aborted = [{ producerId: 1n, firstOffset: 0n }]
  assert.deepEqual(keys(committedOnly(batches, aborted)), ['a', 'b', 'c'])
  assert.deepEqual(batches.map(markerOf).filter(Boolean), ['commit', 'abort', 'commit'])
  // A fetch may begin behind the mark by which the first one ended.
  assert.deepEqual(keys(committedOnly(batches.slice(6), [])), ['c'])
})

test('a producer may have several transactions that were taken back', () => {
  const { batches } = new Log()
    .write(1, 'no')
    .end(1, 'abort')
    .write(1, 'a')
    .end(1, 'commit')
    .write(1, 'no')
    .end(1, 'abort')
  const aborted = [
    { producerId: 1n, firstOffset: 4n },
    { producerId: 1n, firstOffset: 0n },
  ]
  assert.deepEqual(keys(committedOnly(batches, aborted)), ['a'])
})

test('KA-1: the last committed snapshot of a writer is found', () => {
  const at = (id: number): string => JSON.stringify({ incarnation: 1, id })
  const log = new Log()
    .add(1, 0b1_0000, ['w', at(1)])
    .end(1, 'commit')
    .add(2, 0b1_0000, ['other', at(9)])
    .add(1, 0b1_0000, ['w', at(2)])
    .end(1, 'abort')
    .add(3, 0b1_0000, ['w', at(3)])
    .end(2, 'commit')
  const find = (writer: string, count: number): number | undefined => {
    const search = new Search(writer, BigInt(log.batches.length))
    for (const batch of log.batches.slice(0, count)) search.see(batch)
    assert.equal(search.underWay, undefined)
    return search.found?.id
  }
  assert.equal(find('w', 2), 1)
  assert.equal(find('w', 5), 1)
  // Its mark was removed when the log was made smaller.
  assert.equal(find('w', 7), 3)
  assert.equal(find('other', 7), 9)
  assert.equal(find('nobody', 7), undefined)
})

test('KA-3: a transaction that may still be taken back is told, and of what ended long ago the last one counts', () => {
  const at = (id: number): string => JSON.stringify({ incarnation: 1, id })
  const { batches } = new Log()
    // The marks of both were removed.
    .add(4, 0b1_0000, ['w', at(1)])
    .add(2, 0b1_0000, ['w', at(2)])
    .end(2, 'commit')
    .add(3, 0b1_0000, ['w', at(3)])
  const search = (stable: bigint): Search => {
    const all = new Search('w', stable)
    for (const batch of batches) all.see(batch)
    return all
  }
  assert.deepEqual(search(3n).underWay, {
    snapshot: { incarnation: 1, id: 3 },
    offset: 3n,
    producerId: 3n,
    producerEpoch: 7,
    writtenMs: 0,
    stable: 3n,
  })
  assert.equal(search(4n).underWay, undefined)
  assert.equal(search(4n).found?.id, 3)
  const before = new Search('w', 3n)
  for (const batch of batches.slice(0, 3)) before.see(batch)
  assert.deepEqual([before.underWay, before.found?.id], [undefined, 2])
})

test('what is staged is sent in pieces of limited size, whole and in order', () => {
  const values = [300, 300, 2_000, 10, 10].map((length) => new Uint8Array(length))
  assert.deepEqual(
    [...piecesOf({ values }, 1_000)],
    [
      [0, 2],
      [2, 3],
      [3, 5],
    ],
  )
  assert.deepEqual([...piecesOf({ values: [] }, 1_000)], [])
})
