import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hideNodeFlags, nodeFlags } from '../../../src/base/node-flags.ts'

test('processes for components have one thread less that collects garbage than there are cores, at least one and at most the four of Node', () => {
  const poolOf = (cores: number): string | undefined => nodeFlags([], '', cores).at(-1)
  assert.equal(poolOf(1), '--v8-pool-size=1')
  assert.equal(poolOf(2), '--v8-pool-size=1')
  assert.equal(poolOf(4), '--v8-pool-size=3')
  assert.equal(poolOf(64), '--v8-pool-size=4')
})

test('whoever says how many threads collect garbage is left alone, and the debugger is not handed on', () => {
  const mine = ['--conditions=mine', '--inspect-brk=0', '--v8-pool-size=7']
  assert.deepEqual(nodeFlags(mine, '', 2), ['--conditions=mine', '--v8-pool-size=7'])
  assert.deepEqual(nodeFlags(['--inspect'], '--v8-pool-size=2', 2), [])
  const debugged = ['--inspect-port', '0', '--debug-port=1', '--inspect_publish_uid', 'http', '--no-warnings']
  assert.deepEqual(nodeFlags(debugged, '--v8-pool-size=2', 2), ['--no-warnings'])
  const others = ['--debug-arraybuffer-allocations', '--v8-pool-size', '2']
  assert.deepEqual(nodeFlags(others, '', 2), others)
  assert.deepEqual(nodeFlags(['--v8_pool_size=7'], '', 2), ['--v8_pool_size=7'])
  assert.deepEqual(nodeFlags([], '--no-warnings --v8-pool_size=2', 2), [])
  assert.deepEqual(nodeFlags(['--conditions=mine'], '', 2), ['--conditions=mine', '--v8-pool-size=1'])
})

test('what components see of the flags has none of the collectors, and no value of it', () => {
  for (const own of [['--v8-pool-size=1'], ['--v8-pool-size', '1'], ['--v8_pool_size', '1']]) {
    const seen = ['--conditions=mine', ...own, '--no-warnings', '1']
    hideNodeFlags(seen)
    assert.deepEqual(seen, ['--conditions=mine', '--no-warnings', '1'])
  }
})
