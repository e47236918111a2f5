import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeKey, keyGroupOf } from '../../../src/state/keys.ts'
import { MemoryState } from '../../../src/state/memory/memory-state.ts'
import { TestClock } from '../../../src/testkit/test-clock.ts'

const slots = [{ type: 'value', initial: 0, ttlMs: undefined }] as const
const keys = Array.from({ length: 10_000 }, (_, n) => n)

/** A state whose rows wait to be read; `read` tells which have been. */
function restored(): { state: MemoryState; read: number[]; failing: Set<number> } {
  const state = new MemoryState(slots)
  state.beginSnapshots()
  const read: number[] = []
  const failing = new Set<number>()
  const groups = Map.groupBy(keys, (key) => keyGroupOf(encodeKey(key)))
  for (const [group, of] of groups) {
    const left = new Map(of.map((key) => [encodeKey(key), key]))
    state.restoreGroup(group, {
      get isOver() {
        return left.size === 0
      },
      read(encoded) {
        const key = left.get(encoded)
        if (key === undefined) return
        if (failing.has(key)) throw new Error('cannot be read')
        left.delete(encoded)
        read.push(key)
        state.restore({ key, changed: null, slots: [key * 2] }, false, 0)
      },
      readSome(rowsMax) {
        for (const encoded of [...left.keys()].slice(0, rowsMax)) this.read(encoded)
      },
    })
  }
  return { state, read, failing }
}

function valueOf(state: MemoryState, key: number): unknown {
  return state.row(encodeKey(key), key).slots[0]
}

test('KS-3: a row is read when its key is asked for, once, and no other', () => {
  const { state, read } = restored()
  assert.deepEqual(read, [])
  assert.equal(valueOf(state, 7), 14)
  assert.equal(valueOf(state, 7), 14)
  assert.equal(state.find(encodeKey(8))?.slots[0], 16)
  assert.equal(state.find(encodeKey(1_000_000)), undefined)
  assert.equal(valueOf(state, 1_000_000), 0)
  assert.deepEqual(read, [7, 8])
})

test('the other rows follow in steps, some at a time', () => {
  const { state, read } = restored()
  valueOf(state, 7)
  const clock = new TestClock()
  let steps = 0
  for (; state.restoring.isWaiting; steps++) {
    const before = read.length
    state.restoring.step(clock, 1_000)
    assert.ok(read.length - before <= 4_096, `step ${steps} read ${read.length - before}`)
  }
  assert.ok(steps > 2, `${steps} steps`)
  assert.deepEqual(
    read.toSorted((a, b) => a - b),
    keys,
  )
  for (const key of keys) assert.equal(valueOf(state, key), key * 2)
})

test('a step ends when its time is over', () => {
  const { state, read } = restored()
  state.restoring.step(new TestClock(), 0)
  assert.ok(read.length > 0 && read.length <= 128, String(read.length))
})

test('going through all rows reads what nobody has asked for', () => {
  const { state } = restored()
  assert.equal([...state.rows(0)].length, keys.length)
  assert.equal(state.restoring.isWaiting, false)
})

test('MS-1: of a key that cannot be read, nobody gets a row, however often they ask', () => {
  const { state, failing } = restored()
  failing.add(7)
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
