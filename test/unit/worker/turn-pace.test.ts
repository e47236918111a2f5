import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TurnPace } from '../../../src/worker/turn-pace.ts'

/** Turns over messages that take `costMs` each, while there are any: the messages of each turn. */
function turns(pace: TurnPace, count: number, costMs: (message: number) => number): number[] {
  const sizes: number[] = []
  let [nowMs, at] = [0, 0]
  while (at < count) {
    const first = at
    pace.begin(nowMs)
    for (let isOver = false; !isOver && at < count;) {
      const step = Math.min(pace.step, count - at)
      for (let i = 0; i < step; i++) nowMs += costMs(at++)
      isOver = pace.isOver(nowMs, step)
    }
    sizes.push(at - first)
  }
  return sizes
}

test('messages that are slow from the beginning have a turn each', () => {
  assert.deepEqual(
    turns(new TurnPace(), 5, () => 100),
    [1, 1, 1, 1, 1],
  )
})

test('where messages become slow, one turn is too long, and no other', () => {
  const sizes = turns(new TurnPace(), 20_000, (message) => (message < 19_000 ? 0.0001 : 50))
  const [first, ...others] = sizes
  assert.ok(first! >= 19_000 && first! <= 19_000 + 128, `${first}`)
  assert.deepEqual(new Set(others), new Set([1]))
})

test('they are slow in bursts that are shorter than a step: the rest of a burst is noticed', () => {
  const pace = new TurnPace()
  turns(pace, 1000, () => 0.0001)
  assert.equal(pace.step, 128)
  turns(pace, 100, () => 50)
  assert.equal(pace.step, 1)
})

test('the clock is read little where messages are quick, and a turn of such has no more than 4 ms', () => {
  const pace = new TurnPace()
  const sizes = turns(pace, 100_000, () => 0.001)
  assert.equal(pace.step, 128)
  for (const size of sizes.slice(0, -1)) assert.ok(size >= 4000 && size < 4200, `${size}`)
})

test('what has become quick again is not looked at one by one for ever', () => {
  const pace = new TurnPace()
  turns(pace, 5, () => 100)
  assert.equal(pace.step, 1)
  turns(pace, 1000, () => 0.0001)
  assert.equal(pace.step, 128)
})
