import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LogRing, type OwnLine } from '../../../../src/cluster/node/log-ring.ts'

const line = (n: number): OwnLine => ({
  timeMs: n,
  level: n % 2 === 0 ? 'info' : 'error',
  message: String(n),
  component: n % 3 === 0 ? 'sub/inner' : 'other',
  instance: 0,
})
const numbers = (lines: readonly OwnLine[]): number[] => lines.map(({ message }) => Number(message))
const large = { linesMax: 1000, bytesMax: 1e9 }

test('a reader gets every line once, or is told how many it has missed', () => {
  const steps = fc.array(fc.oneof(fc.constant('read' as const), fc.integer({ min: 1, max: 40 })))
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 9 }), (all, held, part) => {
      const ring = new LogRing('e', { linesMax: held, bytesMax: 1e9 })
      let added = 0
      let position = ring.end
      let last = 0
      const read = (): void => {
        for (;;) {
          const news = ring.after(position, {}, { linesMax: part, bytesMax: 1e9 })
          position = news.position
          if (news.lines.length === 0) break
          const expected = news.lines.map((_, at) => last + news.lost + at + 1)
          assert.deepEqual(numbers(news.lines), expected)
          last = expected.at(-1)!
        }
        assert.equal(last, added)
      }
      for (const step of [...all, 'read' as const]) {
        if (step === 'read') read()
        else for (let n = 0; n < step; n++) ring.add(line(++added), 10)
      }
      assert.deepEqual(numbers(ring.newest({}, large).lines).length, Math.min(held, added))
    }),
  )
})

test('lines and bytes are bounded, but the newest line is held', () => {
  const ring = new LogRing('e', { linesMax: 100, bytesMax: 50 })
  for (let n = 1; n <= 10; n++) ring.add(line(n), 10)
  const page = ring.newest({}, large)
  assert.deepEqual([numbers(page.lines), page.lost], [[6, 7, 8, 9, 10], 5])
  ring.add(line(11), 1000)
  assert.deepEqual(numbers(ring.newest({}, large).lines), [11])
})

test('parts are bounded, and hold what is asked for', () => {
  const ring = new LogRing('e')
  for (let n = 1; n <= 12; n++) ring.add(line(n), 10)
  const small = { linesMax: 2, bytesMax: 1e9 }
  assert.deepEqual(numbers(ring.newest({}, small).lines), [11, 12])
  assert.deepEqual(numbers(ring.newest({}, { linesMax: 9, bytesMax: 35 }).lines), [10, 11, 12])
  assert.deepEqual(numbers(ring.newest({ component: 'sub' }, large).lines), [3, 6, 9, 12])
  assert.deepEqual(numbers(ring.newest({ component: 'su' }, large).lines), [])
  assert.deepEqual(numbers(ring.newest({ level: 'warn', sinceMs: 8 }, large).lines), [9, 11])
  assert.deepEqual(numbers(ring.newest({ level: 'info', sinceMs: 11 }, large).lines), [11, 12])
  // What is not wanted is passed over, and not read again.
  const first = ring.after(undefined, { level: 'error' }, small)
  assert.deepEqual([numbers(first.lines), first.position.number], [[1, 3], 4])
  // A position of a life before is one before all.
  assert.deepEqual(numbers(ring.after({ epoch: 'old', number: 9 }, {}, small).lines), [1, 2])
})
