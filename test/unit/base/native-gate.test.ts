import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { machineClock } from '../../../src/base/clock.ts'
import { allocateGate, shutGate, shutGateNow, throughGate } from '../../../src/base/native-gate.ts'

test('NG-1: who is inside is waited for, however deep, and no longer than is said', async () => {
  const gate = allocateGate()
  const whole = throughGate(gate)
  const seen: boolean[] = []
  const given = whole(() => {
    whole(() => undefined)
    seen.push(shutGateNow(gate, 2))
    // Taken back, so that this thread, which is that of the test, gets out.
    new Int32Array(gate)[0] = 1
    return 'given'
  })
  assert.deepEqual([given, seen], ['given', [false]])
  assert.equal(await shutGate(gate, machineClock, 0), true)
})

test('an error gets out, and who throws it', async () => {
  const gate = allocateGate()
  const whole = throughGate(gate)
  assert.throws(
    () =>
      whole(() => {
        throw new Error('inside')
      }),
    /inside/,
  )
  assert.equal(await shutGate(gate, machineClock, 0), true)
})

const gateUrl = new URL('../../../src/base/native-gate.ts', import.meta.url).href
const code = `
const { parentPort, workerData } = require('node:worker_threads')
import(workerData.gateUrl).then(({ throughGate }) => {
  const whole = throughGate(workerData.gate)
  for (let n = 0; ; n++) {
    if (n === 1_000) parentPort.postMessage('works')
    whole(() => { if (Atomics.load(workerData.ending, 0) === 1) Atomics.store(workerData.ending, 0, 2) })
  }
})`

test('NG-2: once nobody is inside of a gate that is shut, nobody gets in, and the thread can be ended', async () => {
  const gate = allocateGate()
  const ending = new Int32Array(new SharedArrayBuffer(4))
  const thread = new Worker(code, { eval: true, workerData: { gateUrl, gate, ending } })
  await once(thread, 'message')
  assert.equal(await shutGate(gate, machineClock, 20_000), true)
  ending[0] = 1
  await thread.terminate()
  assert.equal(ending[0], 1, 'nothing was done after it was shut')
})
