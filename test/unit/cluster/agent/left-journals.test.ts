import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assignmentsOf } from '../../../../src/cluster/agent/assignments.ts'
import { byVersion, plan, version } from './plans.ts'

test('what copies that are no more have received is read by those that are left, whether a snapshot knows of it or not', () => {
  const written = version(1, { components: { a: 2, b: 1 }, connections: [['a.out', 'b.in']], sources: ['a'] })
  const record = { ...written, flat: { ...written.flat, guarantee: 'exactly-once' as const } }
  const placed = plan(
    1,
    [record],
    [
      ['a[0]', 0, 0],
      ['a[1]', 1, 0],
      ['b[0]', 2, 0],
    ],
  )
  const homes = [0, 1, 2, 3, 4].map((index) => ({ component: 'a', index, life: 10 + index }))
  const made = assignmentsOf({ ...placed, homes }, byVersion(record))
  const journalOf = (id: number) =>
    made.flatMap(({ instances }) => instances).find((one) => one.id === id)!.journal
  assert.deepEqual(journalOf(0), {
    life: 10,
    left: [
      { instance: 2, life: 12 },
      { instance: 4, life: 14 },
    ],
  })
  assert.deepEqual(journalOf(1), { life: 11, left: [{ instance: 3, life: 13 }] })
})
