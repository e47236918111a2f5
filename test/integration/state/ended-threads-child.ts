import { once } from 'node:events'
import { sleep, systemClock } from '../../../src/base/clock.ts'
import { systemRandom } from '../../../src/base/random.ts'
import { builtInKindsUrl } from '../../../src/cli/run/built-in-kinds.ts'
import { allocateCounters, CounterReader } from '../../../src/run/counters.ts'
import { Threads } from '../../../src/run/threads.ts'
import { WorkerThread } from '../../../src/run/worker-thread.ts'
import { storesUrl } from '../../../src/stores.ts'
import type { WorkerAssignment } from '../../../src/worker/assignment.ts'
import { assignmentOf, inputOf, instanceOf, outputOf } from '../../support/assignments.ts'
import { eventually, within } from '../../support/eventually.ts'

/**
 * Ends threads in the midst of work on state in LMDB, one after the other and two at a time, and then itself while the last ones work. It prints
 * how many it has ended. `process.argv`: how many.
 */

const count = Number(process.argv[2])
const base = new URL('../../fixtures/run/net.json', import.meta.url).href
const kind = (name: string): { readonly kind: { readonly address: string; readonly base: string } } => ({
  kind: { address: `./churning.ts#${name}`, base },
})

const assignment: WorkerAssignment = assignmentOf(1, 1, {
  workers: [1],
  instances: [
    instanceOf(1, 'keys', {
      ...kind('keysWithoutEnd'),
      outputs: [outputOf('round-robin', [{ channel: 1, toWorker: 1 }])],
    }),
    instanceOf(2, 'keeper', { ...kind('keeper'), inputs: [inputOf(1, 1, { isHash: true })] }),
  ],
  // So small that most rows are read from the database, and written to it soon.
  state: { backend: 'lmdb', cacheBytesMax: 256 * 1024 },
})

const threads = new Threads({ workers: 4, memoryMbMax: 256 })

interface AtWork {
  readonly worker: WorkerThread
  readonly exited: Promise<unknown>
}

async function start(): Promise<AtWork> {
  const thread = threads.take()
  const exited = once(thread, 'exit')
  const counters = allocateCounters(10, 10)
  const failed = (error: unknown): void => {
    throw error
  }
  const worker = new WorkerThread(
    thread,
    {
      assignment,
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
      failed,
      instanceFailed: (_worker, _id, error) => failed(error),
      linkFailed: (_worker, _peer, error) => failed(error),
      rejected: (_record, taken) => taken(),
      logged: (_record, taken) => taken(),
      metric: () => undefined,
      running: () => undefined,
    },
  )
  await worker.prepare()
  worker.start()
  const reader = new CounterReader(counters, [])
  await eventually('it has handled messages', () => reader.counters(2).received > 2_000)
  return { worker, exited }
}

let ended = 0

async function endSome(): Promise<void> {
  while (ended < count) {
    ended++
    const { worker, exited } = await start()
    await sleep(systemClock, systemRandom.int(30))
    await worker.terminate()
    await within('a thread ends', 10_000, exited)
  }
}

await Promise.all([endSome(), endSome()])
await Promise.all([start(), start()])
process.stdout.write(`${ended} threads\n`)
process.exit(0)
