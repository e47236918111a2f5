import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeKey, keyGroupOf } from '../../../src/state/keys.ts'
import { MemoryState } from '../../../src/state/memory/memory-state.ts'
import { TestClock } from '../../../src/testkit/test-clock.ts'

const slots = [{ type: 'value', initial: 0, ttlMs: undefined }] as const
const keys = Array.from({ length: 1_000 }, (_, n) => n)

/** A state whose groups wait to be read; `read` tells which have been. */
function restored(): { state: MemoryState; read: number[]; failing: Set<number> } {
  const state = new MemoryState(slots)
  state.beginSnapshots()
  const read: number[] = []
  const failing = new Set<number>()
  const groups = Map.groupBy(keys, (key) => keyGroupOf(encodeKey(key)))
  for (const [group, of] of groups)
    state.restoreGroup(group, () => {
      read.push(group)
      for (const key of of) {
        state.restore({ key, changed: null, slots: [key * 2] }, false, 0)
        if (failing.has(group)) throw new Error('cannot be read')
      }
    })
  return { state, read, failing }
}

function valueOf(state: MemoryState, key: number): unknown {
  return state.row(encodeKey(key), key).slots[0]
}

test('KS-3: a group is read when one of its keys is asked for, once, and no other', () => {
  const { state, read } = restored()
  assert.deepEqual(read, [])
  assert.equal(valueOf(state, 7), 14)
  assert.equal(valueOf(state, 7), 14)
  assert.deepEqual(read, [keyGroupOf(encodeKey(7))])
  assert.equal(state.find(encodeKey(8))?.slots[0], 16)
  assert.equal(state.find(encodeKey(1_000_000)), undefined)
})

test('the other groups follow in steps, some at a time', () => {
  const { state, read } = restored()
  const clock = new TestClock()
  let steps = 0
  for (; state.restoring.isWaiting; steps++) {
    const before = read.length
    state.restoring.step(clock, 1_000)
    assert.ok(read.length > before && read.length <= before + 4, `step ${steps} read ${read.length - before}`)
  }
  assert.equal(new Set(read).size, read.length)
  for (const key of keys) assert.equal(valueOf(state, key), key * 2)
})

test('a step ends when its time is over', () => {
  const { state, read } = restored()
  state.restoring.step(new TestClock(), 0)
  assert.equal(read.length, 1)
})

test('going through all rows reads what nobody has asked for', () => {
  const { state } = restored()
  assert.equal([...state.rows(0)].length, keys.length)
  assert.equal(state.restoring.isWaiting, false)
})

test('MS-1: of a group that cannot be read, nobody gets a row, however often they ask', () => {
  const { state, failing } = restored()
  failing.add(keyGroupOf(encodeKey(7)))
  for (let times = 0; times < 2; times++)
    assert.throws(() => valueOf(state, 7), { message: 'cannot be read' })
  assert.throws(() => [...state.rows(0)], { message: 'cannot be read' })
  failing.clear()
  assert.equal(valueOf(state, 7), 14)
})

test('a state that is closed has nothing left to read', () => {
  const { state } = restored()
  state.close()
  assert.equal(state.restoring.isWaiting, false)
})
