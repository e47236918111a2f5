import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hindrance, HindranceTeller, tellWhileLate } from '../../../../src/cli/cluster/hindrance.ts'
import type { NetworkState, NetworkStatus } from '../../../../src/cluster/client/index.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'

const of = (state: NetworkState, more: Partial<NetworkStatus> = {}): string | undefined =>
  hindrance({ name: 'net', state, version: 2, generation: 1, failures: [], instances: [], ...more })

const failing = { sinceMs: 0, times: 3, code: 'SNAPSHOT_STORAGE_UNREACHABLE', reason: 'It does not answer.' }
const starting = { component: 'a', index: 0, node: 'n1', state: 'starting' } as NetworkStatus['instances'][0]
const waits = {
  component: 'b',
  index: 1,
  state: 'waiting' as const,
  reason: 'No node\u001b[31m fits.',
}

test('a network that waits for the end of what was undeployed says so, and what keeps that', () => {
  const before = { version: 1, state: 'stopping' as const }
  const end = 'version 1, which was undeployed, to come to its end'
  assert.equal(of('deploying', { before, instances: [starting] }), end)
  assert.equal(
    of('deploying', { before, snapshots: { failing } }),
    `${end}. Its snapshots come to nothing: SNAPSHOT_STORAGE_UNREACHABLE: It does not answer.`,
  )
})

test('it says for which place, for which failure, for which storage and for whom it waits', () => {
  const instances = [starting, waits, { ...waits, index: 2 }]
  for (const state of ['waiting', 'deploying', 'holding'] as const)
    assert.equal(
      of(state, { instances }),
      String.raw`a place for b[1] and 1 more: No node\u001b[31m fits.`,
      state,
    )
  const error = { code: 'SETUP_TIMEOUT', message: 'It took too long.' }
  const failures = [{ component: 'a', count: 3, lastAtMs: 0, error }]
  assert.equal(
    of('holding', { instances: [starting], failures }),
    'a, which failed 3 times: SETUP_TIMEOUT: It took too long.',
  )
  assert.equal(
    of('deploying', { snapshots: { failing } }),
    'a snapshot, and each comes to nothing: SNAPSHOT_STORAGE_UNREACHABLE: It does not answer.',
  )
  assert.equal(
    of('stopping', { snapshots: { failing } }),
    'a snapshot, and each comes to nothing: SNAPSHOT_STORAGE_UNREACHABLE: It does not answer.',
  )
  assert.equal(
    of('deploying', { snapshots: { damaged: { code: 'SNAPSHOT_RECORD_DAMAGED', message: 'It is.' } } }),
    'an operator: SNAPSHOT_RECORD_DAMAGED: It is.',
  )
  assert.equal(of('deploying', { instances: [starting, starting] }), 'a[0] on n1 and 1 more to be set up')
})

test('what has come to its goal, or to its end, waits for nothing', () => {
  for (const state of ['running', 'finished', 'failed', 'stopped'] as const)
    assert.equal(of(state, { instances: [waits], snapshots: { failing } }), undefined, state)
  assert.equal(of('deploying'), undefined)
})

test('it is told once when it has stood for a while, and again when it is something else', () => {
  const clock = new TestClock()
  const told: string[] = []
  const teller = new HindranceTeller(clock, (line) => told.push(line))
  teller.is('one')
  clock.advance(1_900)
  teller.is(undefined)
  clock.advance(5_000)
  assert.deepEqual(told, [])
  teller.is('one')
  clock.advance(1_000)
  teller.is('one')
  clock.advance(1_000)
  assert.deepEqual(told, ['waits for one'])
  teller.is('two')
  teller.is('one')
  clock.advance(10_000)
  assert.deepEqual(told, ['waits for one'])
  teller.is('two')
  clock.advance(2_000)
  teller.is('one')
  clock.advance(2_000)
  assert.deepEqual(told, ['waits for one', 'waits for two', 'waits for one'])
  teller.is('two')
  teller.close()
  clock.advance(10_000)
  assert.equal(told.length, 3)
})

test('a call that takes long is told, and one that does not is not', async () => {
  const clock = new TestClock()
  const told: string[] = []
  const tell = (line: string): void => void told.push(line)
  assert.equal(await tellWhileLate(Promise.resolve(5), 'this', clock, tell), 5)
  clock.advance(10_000)
  assert.deepEqual(told, [])
  const answer = Promise.withResolvers<number>()
  const late = tellWhileLate(answer.promise, 'that', clock, tell)
  clock.advance(2_000)
  answer.resolve(7)
  assert.equal(await late, 7)
  assert.deepEqual(told, ['waits for that'])
})
