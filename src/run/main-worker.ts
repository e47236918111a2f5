import { systemClock } from '../base/clock.ts'
import { systemRandom } from '../base/random.ts'
import type { Link } from '../transport/link.ts'
import type { WorkerAssignment } from '../worker/assignment.ts'
import type { OpenSharedStore } from '../worker/shared.ts'
import { type Load, Worker } from '../worker/worker.ts'
import { counterSink, type SharedCounters } from './counters.ts'
import { type HostedWorker, type HostEvents, inOwnThread } from './hosted-worker.ts'

/** The worker that runs in the caller's own thread. */
export function makeMainWorker(
  assignment: WorkerAssignment,
  means: {
    readonly load: Load
    readonly links: ReadonlyMap<number, Link>
    readonly counters: SharedCounters
    readonly bridge: object
    readonly openStore: OpenSharedStore
    readonly check: 'edges' | 'all' | 'none'
    readonly dev: boolean
    readonly setupMsMax: number | undefined
    readonly events: HostEvents
  },
): HostedWorker {
  const { events } = means
  const worker = new Worker(assignment, {
    clock: systemClock,
    random: systemRandom,
    load: means.load,
    links: means.links,
    counters: counterSink(means.counters, assignment.worker),
    bridge: means.bridge,
    openStore: means.openStore,
    check: means.check,
    dev: means.dev,
    setupMsMax: means.setupMsMax,
    events: {
      finished: () => events.finished(assignment.worker),
      failed: (error) => events.failed(error),
      rejected: (record, taken) => events.rejected(record, taken),
      logged: (record, taken) => events.logged(record, taken),
      metric: (record) => events.metric(record),
    },
  })
  return inOwnThread(worker)
}
