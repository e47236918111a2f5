import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { systemClock as clock } from '../../../src/base/clock.ts'
import { builtInKindsUrl } from '../../../src/cli/run/built-in-kinds.ts'
import { NodeThreads } from '../../../src/cluster/node/node-threads.ts'
import { PortLines } from '../../../src/cluster/node/ports/port-lines.ts'
import { ThreadWorkers } from '../../../src/cluster/node/thread-workers.ts'
import { type Address, asWorkerNumber } from '../../../src/cluster/protocol/index.ts'
import { allocateFence, setFence } from '../../../src/run/fence.ts'
import { RunStore } from '../../../src/run/run-store.ts'
import { storesUrl } from '../../../src/stores.ts'
import { assignmentOf, instanceOf } from '../../support/assignments.ts'
import { eventually } from '../../support/eventually.ts'

async function isOpen({ host, port }: Address): Promise<boolean> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

test('the thread of a worker that has failed is ended: what it hosts begins elsewhere', async (t) => {
  const threads = new NodeThreads({ clock, workers: 1, preload: [] })
  const fence = allocateFence()
  setFence(fence, { deadlineMs: Infinity, wallAheadMsMax: Infinity })
  const workers = new ThreadWorkers({
    network: 'net',
    clock,
    net: { cluster: 'test', node: 'a', host: '127.0.0.1', tls: undefined },
    fence,
    store: new RunStore(storesUrl, undefined, clock),
    storeFailed: assert.ifError,
    builtInKinds: builtInKindsUrl,
    stores: storesUrl,
    threads,
    stallMs: 60_000,
    clientPorts: new PortLines(clock),
    turnedAway: () => undefined,
  })
  const died: Error[] = []
  const worker = workers.make(asWorkerNumber(0), {
    finished: () => undefined,
    failed: () => undefined,
    died: (error) => died.push(error),
    rejected: (_record, taken) => taken(),
    logged: (_record, taken) => taken(),
    linkFailed: () => undefined,
  })
  t.after(async () => {
    await worker.terminate()
    await threads.close()
  })
  const base = new URL('../../fixtures/run/net.json', import.meta.url).href
  const source = instanceOf(0, 'source', { kind: { address: './outside.ts#throwsOutside', base } })
  const prepared = await worker.prepare(assignmentOf(0, 1, { workers: [0], instances: [source] }))
  assert.ok(prepared !== undefined)
  assert.ok(await isOpen(prepared.listens), 'its data port is open as long as it lives')
  worker.switchOver([])
  await eventually('it is said to have failed', () => died.length > 0)
  assert.match(died[0]!.message, /outside of any handler.*nobody catches it/)
  await eventually('its data port is closed', async () => !(await isOpen(prepared.listens)))
  assert.equal(died.length, 1)
})
