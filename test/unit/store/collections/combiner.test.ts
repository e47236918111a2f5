import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Combiner } from '../../../../src/store/collections/combiner.ts'
import { hasCode } from '../support/errors.ts'

interface Gate {
  readonly items: readonly number[]
  open(error?: Error): void
}

/** A combiner whose batches wait until the test lets them go. */
function gated(itemsMax: number, weightMax: number): { combiner: Combiner<number, string>; gates: Gate[] } {
  const gates: Gate[] = []
  const combiner = new Combiner<number, string>(
    (items) =>
      new Promise((resolve, reject) => {
        gates.push({
          items,
          open: (error) =>
            error === undefined ? resolve(items.map((item) => `did ${item}`)) : reject(error),
        })
      }),
    { itemsMax, weightMax },
    (item) => item,
  )
  return { combiner, gates }
}

test('what comes while a batch is under way goes into the next one, within its limits', async () => {
  const { combiner, gates } = gated(3, 10)
  const results = [1, 2, 3, 4, 9, 50, 1].map((item) => combiner.add(item))
  const batches: (readonly number[])[] = []
  for (let i = 0; i < 5; i++) {
    batches.push(gates[i]!.items)
    gates[i]!.open()
    await results[batches.flat().length - 1]
    // The next batch begins when the loop behind the answer has run on.
    await Promise.resolve()
  }
  // One that is heavier than a batch may be goes alone.
  assert.deepEqual(batches, [[1], [2, 3, 4], [9], [50], [1]])
  assert.equal(await results[2], 'did 3')
})

test('a batch that fails fails for its items, and the rest goes on', async () => {
  const { combiner, gates } = gated(10, 100)
  const first = combiner.add(1)
  const second = combiner.add(2)
  gates[0]!.open(new Error('lost'))
  await assert.rejects(first, /lost/)
  await Promise.resolve()
  gates[1]!.open()
  assert.equal(await second, 'did 2')
  const third = combiner.add(3)
  gates[2]!.open()
  assert.equal(await third, 'did 3')
})

test('no more wait than may', async () => {
  const { combiner, gates } = gated(20_000, Infinity)
  const first = combiner.add(0)
  const waiting = Array.from({ length: 10_000 }, () => combiner.add(1))
  await assert.rejects(combiner.add(1), hasCode('STORE_BUSY'))
  gates[0]!.open()
  await first
  await Promise.resolve()
  gates[1]!.open()
  assert.equal((await Promise.all(waiting)).length, 10_000)
})
