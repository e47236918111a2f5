import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { encodeKey } from '../../../src/state/keys.ts'
import { ChangeTracker } from '../../../src/state/memory/changes.ts'
import { newRow } from '../../../src/state/row.ts'
import { backends, contentOf, Subject } from './subjects.ts'

/** States that are written whole, since most of them has changed (ADR 0029). See the courses of `snapshots.test.ts`, too. */

for (const { name, make } of backends) {
  test(`a state of which most has changed may be written whole, and not one of which less has, ${name}`, () => {
    const subject = new Subject(make)
    const { state } = subject
    const change = (count: number): void => {
      for (let n = 0; n < count; n++) subject.handles(n).value.set((subject.handles(n).value.get() ?? 0) + 1)
    }
    const written = (isWhole: boolean): number => {
      let rows = 0
      state
        .capture('c[0]', (chunk) => (rows += contentOf(chunk).rows.length), isWhole)
        .step(systemClock, Infinity)
      return rows
    }
    state.beginSnapshots()
    change(100)
    written(true)
    assert.equal(state.noteRest(true), false, 'nothing has changed')
    const may = (count: number, mayWalk: boolean): boolean => {
      change(count)
      return state.noteRest(mayWalk)
    }
    const isMemory = name === 'memory'
    assert.equal(may(49, true), false)
    assert.equal(written(false), 49)
    assert.equal(may(60, false), false)
    assert.equal(written(false), 60)
    assert.equal(may(60, true), isMemory)
    assert.equal(written(isMemory), isMemory ? 100 : 60)
    assert.equal(may(100, false), isMemory)
    assert.equal(written(isMemory), 100)
    state.close()
  })
}

test('what has changed and is gone does not count as changed', () => {
  const tracker = new ChangeTracker()
  tracker.begin()
  const [gone, stays] = ['a', 'b'].map((key) => newRow(key, 0, []))
  tracker.note(gone!)
  tracker.note(stays!)
  assert.equal(tracker.changedRows, 2)
  tracker.remove(gone!, encodeKey('a'))
  assert.equal(tracker.changedRows, 1)
})
