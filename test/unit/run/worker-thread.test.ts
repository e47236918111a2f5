import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import type { Worker as Thread } from 'node:worker_threads'
import type { HostEvents } from '../../../src/run/hosted-worker.ts'
import type { ThreadData } from '../../../src/run/thread-protocol.ts'
import { WorkerThread } from '../../../src/run/worker-thread.ts'
import { eventLoopTurn } from '../../../src/testkit/test-clock.ts'

test('a thread that dies before it is ready is told of once, and nobody has to wait for it', async () => {
  const thread = Object.assign(new EventEmitter(), { postMessage: () => undefined })
  const failures: unknown[] = []
  const events = {
    running: () => undefined,
    failed: (error: unknown) => failures.push(error),
  } as unknown as HostEvents
  const data = { assignment: { worker: 1, instances: [] }, links: [], store: { url: 'memory:' } }
  const worker = new WorkerThread(thread as unknown as Thread, data as unknown as ThreadData, events)
  thread.emit('error', new Error('it cannot be loaded'))
  // A rejection that nobody handles is told by now, and fails the test.
  await eventLoopTurn()
  assert.match(String(failures), /WORKER_DIED|it cannot be loaded/)
  assert.equal(failures.length, 1)
  await assert.rejects(worker.prepare(), { code: 'WORKER_DIED' })
})
