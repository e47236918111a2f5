import assert from 'node:assert/strict'
import { MessageChannel } from 'node:worker_threads'
import { test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { builtInKindsUrl } from '../../src/cli/run/built-in-kinds.ts'
import { storesUrl } from '../../src/stores.ts'
import { allocateCounters } from '../../src/run/counters.ts'
import { Threads } from '../../src/run/threads.ts'
import { WorkerThread } from '../../src/run/worker-thread.ts'
import type { InstanceAssignment, WorkerAssignment } from '../../src/worker/assignment.ts'
import { assignmentOf, inputOf, instanceOf, outputOf } from '../support/assignments.ts'

/** Workers in threads whose assignments change while they run, as an agent drives them. */

const base = new URL('../fixtures/run/net.json', import.meta.url).href

function instance(id: number, kind: string, rest: Partial<InstanceAssignment> = {}): InstanceAssignment {
  return instanceOf(id, kind, { kind: { address: `./numbered.ts#${kind}`, base }, ...rest })
}

function assignment(
  worker: number,
  generation: number,
  workers: readonly number[],
  instances: readonly InstanceAssignment[],
): WorkerAssignment {
  return assignmentOf(worker, generation, { workers, instances })
}

interface Told {
  readonly n: number
  readonly nth: number
  readonly by: number
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = systemClock.monotonic() + 30_000
  while (!condition()) {
    assert.ok(systemClock.monotonic() < deadline, `did not happen within 30 s: ${what}`)
    await new Promise<void>((resolve) => {
      systemClock.after(5, resolve)
    })
  }
}

test('threads take over new assignments and links: what persists goes on, what is removed drains, nothing is lost', async () => {
  const threads = new Threads({ workers: 2, memoryMbMax: undefined })
  const told: Told[] = []
  const finished: number[] = []
  const failures: unknown[] = []
  const counters = allocateCounters(10, 10)
  const start = (first: WorkerAssignment): WorkerThread =>
    new WorkerThread(
      threads.take(),
      {
        assignment: first,
        counters,
        builtInKinds: builtInKindsUrl,
        stores: storesUrl,
        store: { url: 'memory:' },
        links: [],
        isolates: true,
        check: 'none',
        dev: false,
        memoryBytesMax: threads.memoryBytesMax,
        setupMsMax: undefined,
        heartbeatMs: 1_000,
      },
      {
        clock: systemClock,
        finished: () => undefined,
        failed: (error) => failures.push(error),
        instanceFailed: (_worker, _id, error) => failures.push(error),
        instanceFinished: (_worker, id) => finished.push(id),
        linkFailed: (_worker, _peer, error) => failures.push(error),
        rejected: (_record, taken) => taken(),
        logged: ({ details }, taken) => {
          const { n, nth, instance: by } = details as { n: number; nth: number; instance: number }
          told.push({ n, nth, by })
          taken()
        },
        metric: () => undefined,
        running: () => undefined,
      },
    )
  const bothWorkers = [1, 2]
  const source = (channels: Parameters<typeof outputOf>[1], rest = {}): InstanceAssignment =>
    instance(1, 'numbers', { outputs: [outputOf('round-robin', channels)], ...rest })
  const firstOf1 = assignment(1, 1, bothWorkers, [source([{ channel: 12, toWorker: 2 }])])
  const firstOf2 = assignment(2, 1, bothWorkers, [instance(2, 'teller', { inputs: [inputOf(12, 1)] })])
  const one = start(firstOf1)
  const two = start(firstOf2)
  await Promise.all([one.prepare(), two.prepare()])
  const { port1, port2 } = new MessageChannel()
  one.switchOver(firstOf1, [{ worker: 2, port: port1 }])
  two.switchOver(firstOf2, [{ worker: 1, port: port2 }])
  await until(() => told.length > 20, 'messages cross the link')

  // What cannot be set up leaves everything as it is.
  const broken = assignment(2, 2, bothWorkers, [...firstOf2.instances, instance(3, 'unready')])
  await assert.rejects(two.prepareNext(broken), /unready\[0\] could not be set up: cannot be set up/)

  const before = told.length
  const nextOf1 = assignment(1, 3, bothWorkers, [
    source([
      { channel: 14, toWorker: 1 },
      { channel: 15, toWorker: 2 },
    ]),
    instance(4, 'teller', { instance: 4, inputs: [inputOf(14, 1)] }),
  ])
  const nextOf2 = assignment(2, 3, bothWorkers, [
    instance(2, 'teller', { draining: true }),
    instance(5, 'teller', { instance: 5, inputs: [inputOf(15, 1)] }),
  ])
  assert.deepEqual(await Promise.all([one.prepareNext(nextOf1), two.prepareNext(nextOf2)]), [true, true])
  one.switchOver(nextOf1, [])
  two.switchOver(nextOf2, [])
  await until(() => finished.includes(2), 'what was removed has drained')
  await until(() => told.length > before + 40, 'messages arrive at both that are new')

  one.hold()
  const endOf1 = assignment(
    1,
    4,
    bothWorkers,
    nextOf1.instances.map((it) => ({ ...it, draining: true })),
  )
  const endOf2 = assignment(2, 4, bothWorkers, [{ ...nextOf2.instances[1]!, draining: true }])
  await Promise.all([one.prepareNext(endOf1), two.prepareNext(endOf2)])
  one.switchOver(endOf1, [])
  two.switchOver(endOf2, [])
  await until(() => [1, 4, 5].every((id) => finished.includes(id)), 'all has ended')
  await Promise.all([one.close(), two.close()])
  await threads.close()
  assert.deepEqual(failures, [])
  const numbers = told.map(({ n }) => n).toSorted((a, b) => a - b)
  assert.deepEqual(
    numbers,
    Array.from({ length: numbers.length }, (_, i) => i + 1),
    'each number once',
  )
  for (const by of [0, 4, 5]) {
    const own = told.filter((it) => it.by === by)
    assert.ok(own.length > 0, `${by} was told something`)
    assert.deepEqual(
      own.map(({ nth }) => nth),
      own.map((_, i) => i + 1),
      'its state begins once',
    )
  }
})
