import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../../src/base/random.ts'
import { checkRegister, type RecordedOperation } from '../../support/linearizability.ts'

const write = (value: string, startMs: number, endMs: number): RecordedOperation => ({
  call: { type: 'write', value },
  answer: { type: 'written' },
  startMs,
  endMs,
})
const read = (value: string | undefined, startMs: number, endMs: number): RecordedOperation => ({
  call: { type: 'read' },
  answer: { type: 'read', value },
  startMs,
  endMs,
})
const swap = (
  expected: string | undefined,
  value: string,
  succeeded: boolean,
  startMs: number,
  endMs: number,
): RecordedOperation => ({
  call: { type: 'swap', expected, value },
  answer: { type: 'swapped', succeeded },
  startMs,
  endMs,
})
const lost = (value: string, startMs: number): RecordedOperation => ({
  call: { type: 'write', value },
  answer: { type: 'unknown' },
  startMs,
  endMs: Infinity,
})

describe('the checker of histories', () => {
  const right: Record<string, RecordedOperation[]> = {
    'nothing happened': [],
    'one after the other': [write('a', 0, 1), read('a', 2, 3), write('b', 4, 5), read('b', 6, 7)],
    'a read beside a write may see either': [
      write('a', 0, 1),
      write('b', 2, 10),
      read('a', 3, 4),
      read('b', 5, 6),
    ],
    'writes beside each other in the order that reads show': [
      write('a', 0, 10),
      write('b', 0, 10),
      read('b', 11, 12),
      read('b', 13, 14),
    ],
    'a write of unknown outcome that took effect late': [
      write('a', 0, 1),
      lost('b', 2),
      read('a', 3, 4),
      read('b', 5, 6),
    ],
    'a write of unknown outcome that never did': [write('a', 0, 1), lost('b', 2), read('a', 3, 4)],
    'one of two swaps from the same value': [
      write('a', 0, 1),
      swap('a', 'b', true, 2, 9),
      swap('a', 'c', false, 2, 9),
      read('b', 10, 11),
    ],
  }
  for (const [what, history] of Object.entries(right))
    it(`accepts: ${what}`, () => assert.deepEqual(checkRegister(history), { linearizable: true }))

  const wrong: Record<string, RecordedOperation[]> = {
    'a stale read': [write('a', 0, 1), write('b', 2, 3), read('a', 4, 5)],
    'a read of what nobody wrote': [write('a', 0, 1), read('x', 2, 3)],
    'a lost write': [write('a', 0, 1), read(undefined, 2, 3)],
    'a value that comes back': [write('a', 0, 1), write('b', 2, 10), read('b', 3, 4), read('a', 5, 6)],
    'two swaps from the same value that both succeed': [
      write('a', 0, 1),
      swap('a', 'b', true, 2, 9),
      swap('a', 'c', true, 2, 9),
    ],
    'a swap that fails although nothing stood in its way': [write('a', 0, 1), swap('a', 'b', false, 2, 3)],
    'an unknown write before its call': [write('a', 0, 1), read('b', 2, 3), lost('b', 4)],
    'reads that disagree about the order of two writes': [
      write('a', 0, 10),
      write('b', 0, 10),
      read('a', 11, 12),
      read('b', 13, 14),
    ],
  }
  for (const [what, history] of Object.entries(wrong))
    it(`refuses: ${what}`, () => assert.equal(checkRegister(history).linearizable, false))

  it('accepts what a register does, and refuses it with one read changed to what is no longer there', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = seededRandom(seed)
        const history = simulate((below) => random.int(below), 40)
        assert.deepEqual(checkRegister(history), { linearizable: true })
        const writes = history.filter(({ call }) => call.type === 'write')
        const stale = writes.find((one) =>
          writes.some((other) => other.startMs > one.endMs && other.endMs < 900),
        )
        if (stale?.call.type !== 'write') return
        assert.equal(checkRegister([...history, read(stale.call.value, 1_000, 1_001)]).linearizable, false)
      }),
      { numRuns: 200 },
    )
  })
})

/** Operations of several clients on a register, each effective at a moment between its start and its end. */
function simulate(int: (below: number) => number, count: number): RecordedOperation[] {
  const moments = Array.from({ length: count }, (_, index) => ({ index, atMs: 10 * index + int(10) }))
  let value: string | undefined
  return moments.map(({ index, atMs }) => {
    const startMs = atMs - int(40)
    const endMs = atMs + int(40)
    if (int(2) === 0) return read(value, startMs, endMs)
    value = `v${index}`
    return write(value, startMs, endMs)
  })
}
