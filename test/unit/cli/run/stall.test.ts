import assert from 'node:assert/strict'
import test from 'node:test'
import { isStalled, mainThread } from '../../../../src/cli/run/stall.ts'

test('a thread that computes is blocked; one that gets no processor is not', () => {
  for (const isLoading of [true, false]) {
    assert.equal(isStalled({ isLoading, limitMs: 1000, computedMs: 900, isAsleep: false }), true)
    assert.equal(isStalled({ isLoading, limitMs: 1000, computedMs: 100, isAsleep: false }), false)
  }
})

test('a thread that sleeps is blocked while modules are loaded; later it may wait for the reader of its output', () => {
  assert.equal(isStalled({ isLoading: true, limitMs: 1000, computedMs: 0, isAsleep: true }), true)
  assert.equal(isStalled({ isLoading: false, limitMs: 1000, computedMs: 0, isAsleep: true }), false)
})

test('where the system does not tell, only loading is judged, by time', () => {
  assert.equal(isStalled({ isLoading: true, limitMs: 1000, computedMs: undefined, isAsleep: false }), true)
  assert.equal(isStalled({ isLoading: false, limitMs: 1000, computedMs: undefined, isAsleep: false }), false)
})

test('Linux tells the processor time of a thread', { skip: process.platform !== 'linux' }, () => {
  const before = mainThread(process.pid)
  const end = process.cpuUsage().user + 300_000
  while (process.cpuUsage().user < end);
  const after = mainThread(process.pid)
  assert.ok(before !== undefined && after !== undefined)
  assert.ok(after.usedMs - before.usedMs >= 100, `${after.usedMs - before.usedMs} ms`)
  assert.match(after.state, /^[RS]$/)
  assert.equal(mainThread(2 ** 22 + 1), undefined)
})
