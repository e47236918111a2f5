import { parentPort, workerData } from 'node:worker_threads'
import { machineClock, systemClock } from '../base/clock.ts'
import { asError, errorToData, isVertigoError, VertigoError } from '../base/errors.ts'
import { throughGate } from '../base/native-gate.ts'
import { hideNodeFlags } from '../base/node-flags.ts'
import { systemRandom } from '../base/random.ts'
import { readableText } from '../base/readable.ts'
import type { LogRecord } from '../component/context.ts'
import type { RejectedMessage } from '../worker/host.ts'
import type { WorkerAssignment } from '../worker/assignment.ts'
import { createLoader } from '../worker/load-module.ts'
import { folderJournals } from '../worker/journal/journals.ts'
import { Worker } from '../worker/worker.ts'
import { ThreadClientPorts } from './client-ports.ts'
import { counterSink } from './counters.ts'
import { Fence } from './fence.ts'
import { MemoryGuard } from './memory-guard.ts'
import { openLinks } from './open-links.ts'
import { ThreadSnapshots } from './thread-snapshots.ts'
import { ThreadStore } from './run-store.ts'
import type {
  DataLinks,
  DataLinksModule,
  PeerLink,
  ThreadCommand,
  ThreadData,
  ThreadReport,
  ThreadStart,
} from './thread-protocol.ts'
import type { BuiltInKindsModule, StoresModule } from './types.ts'

/** What a worker thread does: one `Worker`, driven by the run in the main thread. The first message says which. */

hideNodeFlags()
const { preload } = workerData as ThreadStart
const early: ThreadCommand[] = []
/** Commands that come before there is a worker wait for it. */
let obey = (command: ThreadCommand): void => {
  early.push(command)
}
const told = new Promise<ThreadData>((resolve) => {
  parentPort!.on('message', (message: ThreadData | ThreadCommand) => {
    if (typeof message === 'object' && 'builtInKinds' in message) resolve(message)
    else obey(message)
  })
})
// What cannot be loaded is told where it is needed.
await Promise.allSettled(preload.map((url) => import(url) as Promise<unknown>))
report({ type: 'loaded' })
const data = await told
const { assignment } = data
const sink = counterSink(data.counters, data.slot ?? assignment.worker)

function report(message: ThreadReport): void {
  parentPort?.postMessage(message)
}

/** What to call for the records that were reported, when they are taken. */
const reported: (() => void)[] = []

/** A record that cannot be copied to another thread is reported in another form. */
function reportRecord(first: ThreadReport, second: () => ThreadReport, taken: () => void): void {
  reported.push(taken)
  try {
    report(first)
  } catch {
    report(second())
  }
}

function fail(error: unknown): void {
  report({ type: 'failed', error: errorToData(error) })
}

function linkFailed(peer: number, error: unknown): void {
  report({ type: 'link-failed', worker: peer, error: errorToData(error) })
}

/** For what is thrown outside of handlers, by a timer or a promise that a component left alone. */
function failOutside(thrown: unknown): void {
  if (isVertigoError(thrown)) {
    fail(worker.secrets.hideInError(thrown))
    return
  }
  const error = asError(worker.secrets.hideInError(thrown))
  const hosted = worker.hosted.map(({ place }) => place).join(', ')
  fail(
    new VertigoError(
      'COMPONENT_FAILED',
      `an error outside of any handler, in a worker with ${hosted}: ${error.message}`,
      {
        cause: error,
        remedy: 'Await what handlers start, so that its errors belong to a message.',
      },
    ),
  )
}

process.on('uncaughtException', failOutside)
process.on('unhandledRejection', failOutside)

const exit = process.exit.bind(process)
process.exit = (code): never => {
  report({ type: 'exit', stack: new Error('process.exit').stack ?? '' })
  return exit(code)
}

systemClock.every(data.heartbeatMs, () => sink.beat(), { background: true, coarse: true })

const { builtInKind, builtInNames } = (await import(data.builtInKinds)) as BuiltInKindsModule
const whole = throughGate(data.gate)
const store = new ThreadStore(data.stores, data.store, systemClock)

/** Of the newest assignment; others reach this worker only from the same. */
let newest: WorkerAssignment = assignment
const snapshots = new ThreadSnapshots({
  clock: systemClock,
  stores: data.stores,
  address: () => newest.snapshots,
})
const net = await openNet()

async function openNet(): Promise<DataLinks | undefined> {
  if (data.net === undefined) return undefined
  const { openDataLinks } = (await import(data.net.module)) as DataLinksModule
  const links = await openDataLinks(data.net, {
    worker: assignment.worker,
    clock: systemClock,
    random: systemRandom,
    generation: () => newest.generation,
    standing: (other) => {
      if (newest.workers.includes(other)) return 'current'
      return other > Math.max(...newest.workers, assignment.worker) ? 'unknown' : 'gone'
    },
    failed: linkFailed,
    turnedAway: (remote, error, more) =>
      report({ type: 'turned-away', remote, error: errorToData(error), more }),
  })
  report({ type: 'listens', host: links.host, port: links.port })
  return links
}

const fence: Fence | undefined =
  data.fence && new Fence(data.fence, { own: systemClock, machine: machineClock }, () => worker)

/** Exported ports have clients in a cluster. */
const clientPorts = data.net && new ThreadClientPorts(report)

const worker: Worker = new Worker(assignment, {
  clock: systemClock,
  random: systemRandom,
  load: createLoader({ builtIn: builtInKind, builtInNames }),
  links: openLinks(data.links, net),
  isolates: data.isolates,
  ...(clientPorts && { bridge: { clientPorts } }),
  openStore: store.open,
  check: data.check,
  dev: data.dev,
  setupMsMax: data.setupMsMax,
  counters: sink,
  // A run takes none.
  ...(data.net !== undefined && { snapshots }),
  states: async (settings) => ((await import(data.stores)) as StoresModule).openStates(settings, whole),
  ...(data.journals !== undefined && { journals: folderJournals(data.journals) }),
  ...(fence && { mayAct: fence.mayAct }),
  overLimit: new MemoryGuard(data.memoryBytesMax, systemClock, sink.memory, () => worker.memorySuspects())
    .check,
  events: {
    metric: (record) => report({ type: 'metric', record }),
    part: (part) => report({ type: 'part', report: part }),
    finished: () => report({ type: 'finished' }),
    failed: (error, id) => {
      if (id === undefined) fail(error)
      else report({ type: 'instance-failed', id, error: errorToData(error) })
    },
    instanceFinished: (id) => report({ type: 'instance-finished', id }),
    awaitsSnapshot: (id, awaits) => report({ type: 'awaits-snapshot', id, awaits }),
    ...(data.isolates ? { linkFailed } : {}),
    rejected: (record, taken) => {
      const asText = (): RejectedMessage => ({ ...record, message: readableText(record.message) })
      reportRecord({ type: 'rejected', record }, () => ({ type: 'rejected', record: asText() }), taken)
    },
    logged: (record, taken) => {
      const details = (): LogRecord['details'] => ({ text: readableText(record.details) })
      const second = (): ThreadReport => ({ type: 'log', record: { ...record, details: details() } })
      reportRecord({ type: 'log', record }, second, taken)
    },
  },
})

obey = (command) => {
  if (typeof command === 'object') {
    if ('taken' in command) for (const taken of reported.splice(0, command.taken)) taken()
    else if ('next' in command) prepareNext(command.next)
    else if ('snapshot' in command) worker.snapshot(command.snapshot)
    else if ('clientPort' in command) clientPorts?.obey(command.clientPort, command.command)
    else switchOver(command.switchOver)
    return
  }
  switch (command) {
    case 'hold':
      fence?.agentHolds(true)
      worker.hold()
      return
    case 'release':
      fence?.agentHolds(false)
      worker.release()
      return
    case 'start':
      worker.start()
      return
    case 'drain':
      worker.drain()
      return
    case 'probe':
      report({ type: 'probed', probe: worker.probe() })
      return
    case 'end-back-edges':
      worker.endBackEdges()
      return
    case 'close':
      closeAll().then(
        () => report({ type: 'closed' }),
        (error: unknown) => {
          fail(error)
          report({ type: 'closed' })
        },
      )
  }
}

function prepareNext(next: WorkerAssignment): void {
  const { generation } = next
  newest = next
  worker.prepareNext(next).then(
    (isReady) => report({ type: 'prepared-next', generation, isReady }),
    (error: unknown) => report({ type: 'prepare-failed', generation, error: errorToData(error) }),
  )
}

function switchOver(links: readonly PeerLink[]): void {
  fence?.agentHolds(false)
  try {
    worker.switchOver(openLinks(links, net))
  } catch (error) {
    fail(error)
  }
}

async function closeAll(): Promise<void> {
  try {
    await worker.close()
  } finally {
    await snapshots.close()
    await net?.close()
    await store.close()
  }
}

for (const command of early) obey(command)

try {
  await worker.prepare()
  report({ type: 'prepared' })
} catch (error) {
  fail(error)
}
