import assert from 'node:assert/strict'
import type { Clock } from '../../../src/base/clock.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { defineComponent, type Kind, port } from '../../../src/component/index.ts'
import { defaultChannelLimits } from '../../../src/messaging/limits.ts'
import type { InstanceAssignment } from '../../../src/worker/assignment.ts'
import { Worker } from '../../../src/worker/worker.ts'
import { assignmentOf, inputOf, instanceOf, outputOf } from '../../support/assignments.ts'

/** What a component sends to where nothing is done with it. */
const end = defineComponent({ inputs: { in: port() }, on: { in: () => undefined } })

interface WorkerOptions {
  readonly queueMessagesMax?: number
  /** Of the source. */
  readonly source?: Partial<InstanceAssignment>
  /** Of the component. */
  readonly errors?: InstanceAssignment['errors']
  /** So many connections lead on from the component's output. */
  readonly connections?: number
  /** Taken back when a turn begins. */
  readonly yieldAsked?: Int32Array
}

/** A worker with a source, and a component behind it where there is one. */
export function workerWith(
  clock: Clock,
  kinds: { readonly source: Kind; readonly sink?: Kind },
  {
    queueMessagesMax = defaultChannelLimits.queueMessagesMax,
    errors,
    connections = 0,
    source,
    yieldAsked = new Int32Array(1),
  }: WorkerOptions = {},
): Worker {
  const on = Array.from({ length: connections }, (_, at) => ({ connection: 1 + at, channel: 8 + at }))
  const sink = instanceOf(2, 'sink', {
    inputs: [inputOf(7, 0, { fromEdge: true })],
    outputs: on.map(({ connection, channel }) => ({
      ...outputOf('all', [{ channel, toWorker: 0 }]),
      connection,
    })),
    ...(errors && { errors }),
  })
  const behind = [sink, instanceOf(3, 'end', { inputs: on.map(({ channel }) => inputOf(channel, 0)) })]
  const hasSink = kinds.sink !== undefined
  const assignment = assignmentOf(0, 0, {
    workers: [0],
    instances: [
      instanceOf(1, 'source', {
        outputs: hasSink ? [outputOf('all', [{ channel: 7, toWorker: 0 }])] : [],
        ...source,
      }),
      ...behind.slice(0, hasSink ? Math.min(2, 1 + connections) : 0),
    ],
    limits: { ...defaultChannelLimits, queueMessagesMax },
    emitPerMessageMax: 1000,
  })
  const all: Readonly<Record<string, Kind | undefined>> = { ...kinds, end }
  return new Worker(assignment, {
    clock,
    random: seededRandom(1),
    load: async ({ address }) => all[address]!,
    check: 'none',
    counters: {
      write: () => undefined,
      running: () => void (yieldAsked[0] = 0),
      ready: () => undefined,
      yieldAsked,
    },
    events: {
      finished: () => undefined,
      failed: (error) => assert.fail(String(error)),
      rejected: (_record, taken) => taken(),
      metric: () => undefined,
      logged: (_record, taken) => taken(),
    },
  })
}
