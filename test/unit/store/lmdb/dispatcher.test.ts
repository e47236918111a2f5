import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Clock } from '../../../../src/base/clock.ts'
import { Dispatcher } from '../../../../src/store/lmdb/dispatcher.ts'
import type { Tables } from '../../../../src/store/lmdb/tables.ts'

/** A dispatcher over a database that fails a number of reads when there is news. */
function world() {
  const due: (() => void)[] = []
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (_delayMs, action) => {
      due.push(action)
      return () => undefined
    },
    every: () => () => undefined,
    soon: (action) => void due.push(action),
  }
  let revision = 1
  let failuresLeft = 0
  const tables = {
    state: () => ({ revision, oldest: 2, historyBytes: 0, liveBytes: 0, lastLease: 0 }),
    *history(from: number, to: number) {
      for (let at = from; at <= to; at++)
        yield { revision: at, events: [{ type: 'put', key: 'k', revision: at }] }
    },
  } as unknown as Tables
  const dispatcher = new Dispatcher(clock, tables, (action) => {
    if (failuresLeft-- > 0) throw Object.assign(new Error('Input/output error'), { code: 5 })
    return action()
  })
  const told: string[] = []
  const follow = (name: string): void => {
    dispatcher.follow('', revision + 1, {
      events: (at) => told.push(`${name} ${at}`),
      compacted: () => told.push(`${name} compacted`),
      failed: (error) => told.push(`${name} failed: ${error.message}`),
    })
    runAll()
  }
  const runAll = (): void => {
    for (let action = due.shift(); action !== undefined; action = due.shift()) action()
  }
  const change = (failures: number): void => {
    revision++
    failuresLeft = failures
    dispatcher.lookSoon()
    runAll()
  }
  return { told, follow, change }
}

describe('the dispatcher of the embedded store', () => {
  it('makes a look again that failed', () => {
    const { told, follow, change } = world()
    follow('a')
    change(3)
    assert.deepEqual(told, ['a 2'])
  })

  it('gives up those who follow after a number of attempts, and goes on with those who come', () => {
    const { told, follow, change } = world()
    follow('a')
    change(11)
    assert.deepEqual(told, ['a failed: Input/output error'])
    follow('b')
    change(10)
    assert.deepEqual(told, ['a failed: Input/output error', 'b 3'])
  })
})
