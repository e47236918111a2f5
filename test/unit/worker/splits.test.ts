import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dealJournals, journalSplit } from '../../../src/worker/splits.ts'

test('a copy reads the journals of copies that are no more once each: those of snapshots, and those that none knows of yet', () => {
  const at = { version: 1, position: { record: 0, message: 0 } }
  const known = { [journalSplit(7, 0)]: at, [journalSplit(7, 2)]: at, [journalSplit(5, 1)]: at, other: at }
  const left = [
    { instance: 2, life: 7 },
    { instance: 4, life: 9 },
  ]
  const deal = (instance: number): readonly string[] =>
    dealJournals(known, journalSplit(7, instance), { instance, instances: 2 }, left).map(({ split }) => split)
  assert.deepEqual(deal(0), [journalSplit(7, 2), journalSplit(9, 4)])
  assert.deepEqual(deal(1), [journalSplit(5, 1)])
  const fresh = dealJournals(undefined, journalSplit(7, 0), { instance: 0, instances: 1 }, left)
  assert.deepEqual(
    fresh.map(({ instance, life }) => [instance, life]),
    [
      [2, 7],
      [4, 9],
    ],
  )
})
