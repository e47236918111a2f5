import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isReached, progress } from '../../../../src/cli/cluster/wait.ts'
import type { NetworkState, NetworkStatus } from '../../../../src/cluster/client/index.ts'

function status(version: number, state: NetworkState, more: Partial<NetworkStatus> = {}): NetworkStatus {
  return { name: 'net', state, version, generation: 1, failures: [], instances: [], ...more }
}

const error = { code: 'SETUP_TIMEOUT', message: 'took too long', component: 'a', remedy: 'wait' }

test('a version is reached when it runs, or one that came after it', () => {
  for (const state of ['deploying', 'holding', 'waiting'] as const)
    assert.equal(isReached(status(2, state), { version: 2 }), false, state)
  assert.equal(isReached(status(2, 'running'), { version: 2 }), true)
  assert.equal(isReached(status(2, 'finished'), { version: 2 }), true)
  assert.equal(isReached(status(3, 'running'), { version: 2 }), true)
  assert.equal(isReached(status(1, 'running'), { version: 2 }), false)
})

test('a node that lags behind says nothing of the version: older refusals and ends are not its own', () => {
  assert.equal(isReached(status(1, 'failed', { error }), { version: 2 }), false)
  assert.equal(isReached(status(1, 'stopped'), { version: 2 }), false)
  assert.equal(isReached(status(2, 'deploying', { refused: { version: 1, error } }), { version: 2 }), false)
})

test('what was refused, has failed or was stopped is not waited for', () => {
  const refused = status(2, 'running', { refused: { version: 2, error } })
  assert.throws(() => isReached(refused, { version: 2 }), {
    code: 'NETWORK_REFUSED',
    message: 'Version 2 of "net" could not be set up: SETUP_TIMEOUT: took too long',
    remedy: 'wait',
    place: { component: 'a' },
  })
  assert.throws(() => isReached(status(2, 'failed', { error }), { version: 2 }), { code: 'NETWORK_FAILED' })
  assert.throws(() => isReached(status(2, 'failed'), { version: 2 }), { code: 'NETWORK_FAILED' })
  for (const state of ['stopping', 'stopped'] as const)
    assert.throws(() => isReached(status(2, state), { version: 2 }), { code: 'NETWORK_FAILED' }, state)
})

test('a network is stopped when it is', () => {
  assert.equal(isReached(status(2, 'running'), 'stopped'), false)
  assert.equal(isReached(status(2, 'stopping'), 'stopped'), false)
  assert.equal(isReached(status(2, 'stopped'), 'stopped'), true)
})

test('progress counts instances by state', () => {
  const instances = [
    { component: 'a', index: 0, state: 'running' as const },
    { component: 'a', index: 1, state: 'running' as const },
    { component: 'b', index: 0, state: 'waiting' as const, reason: 'No node\u001b[31m fits.' },
  ]
  assert.equal(
    progress(status(2, 'waiting', { instances })),
    'net version 2: waiting, instances: 2 running, 1 waiting',
  )
  assert.equal(progress(status(1, 'deploying')), 'net version 1: deploying')
})
