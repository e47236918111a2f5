import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Clock } from '../../../src/base/clock.ts'
import { VertigoError } from '../../../src/base/errors.ts'
import type { Follow } from '../../../src/store/backend.ts'
import { type Change, Followers } from '../../../src/store/followers.ts'

const changes: readonly Change[] = [2, 3, 4].map((revision) => ({
  revision,
  events: [{ type: 'put', key: 'k', revision }],
}))

/** Followers of a backend with three changes; a read fails behind the first `readable` that it gives, `failures` times. */
function world(failures: number, error: Error = new Error('Input/output error'), readable = 1) {
  const due: { readonly action: () => void; isCancelled: boolean }[] = []
  const schedule = (action: () => void): (() => void) => {
    const entry = { action, isCancelled: false }
    due.push(entry)
    return () => {
      entry.isCancelled = true
    }
  }
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (_delayMs, action) => schedule(action),
    every: () => () => undefined,
    soon: (action) => void schedule(action),
  }
  let left = failures
  let reads = 0
  function* past(from: number): Generator<Change> {
    reads++
    let given = 0
    for (const change of changes) {
      if (change.revision < from) continue
      if (given >= readable && left-- > 0) throw error
      yield change
      given++
    }
  }
  const followers = new Followers(clock, past)
  const told: string[] = []
  const follow = (): Follow =>
    followers.add('', 2, {
      events: (revision) => told.push(String(revision)),
      compacted: () => told.push('compacted'),
      failed: ({ message }) => told.push(`failed: ${message}`),
    })
  const step = (): boolean => {
    const next = due.shift()
    if (next?.isCancelled === false) next.action()
    return next !== undefined
  }
  const runAll = (): void => {
    while (step());
  }
  return { followers, told, follow, step, runAll, reads: () => reads }
}

describe('a follower that catches up', () => {
  it('reads again what could not be read, from where it was told up to, then hears what comes', () => {
    const { followers, told, follow, runAll } = world(2)
    follow()
    runAll()
    assert.deepEqual(told, ['2', '3', '4'])
    followers.dispatch({ revision: 5, events: [{ type: 'put', key: 'k', revision: 5 }] })
    assert.deepEqual(told, ['2', '3', '4', '5'])
  })

  it('is not told what comes before what it has not read yet', () => {
    const { followers, told, follow, step, runAll } = world(1)
    follow()
    step()
    assert.deepEqual(told, ['2'])
    followers.dispatch({ revision: 5, events: [{ type: 'put', key: 'k', revision: 5 }] })
    assert.deepEqual(told, ['2'])
    runAll()
    assert.deepEqual(told, ['2', '3', '4'])
  })

  it('hears of it after a number of attempts', () => {
    const { told, follow, runAll, reads } = world(11, new Error('Input/output error'), 0)
    follow()
    runAll()
    assert.deepEqual(told, ['failed: Input/output error'])
    assert.equal(reads(), 11)
  })

  it('hears at once of damage, which stays', () => {
    const { told, follow, runAll, reads } = world(
      1,
      new VertigoError('STORE_CORRUPT', 'A record is damaged.'),
    )
    follow()
    runAll()
    assert.deepEqual(told, ['2', 'failed: A record is damaged.'])
    assert.equal(reads(), 1)
  })

  it('is read for no more once it was cancelled', () => {
    const { followers, told, follow, step, runAll, reads } = world(1)
    const following = follow()
    step()
    following.cancel()
    runAll()
    assert.deepEqual(told, ['2'])
    assert.equal(reads(), 1)
    assert.equal(followers.isEmpty, true)
  })
})
