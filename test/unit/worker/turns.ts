import assert from 'node:assert/strict'
import { type Clock, systemClock } from '../../../src/base/clock.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { defineComponent, type Kind, port } from '../../../src/component/index.ts'
import { defaultChannelLimits } from '../../../src/messaging/limits.ts'
import { eventLoopTurn } from '../../../src/testkit/test-clock.ts'
import type { InstanceAssignment } from '../../../src/worker/assignment.ts'
import { Worker } from '../../../src/worker/worker.ts'
import { assignmentOf, inputOf, instanceOf, outputOf } from '../../support/assignments.ts'

/** How long instances keep their thread, in turns of the event loop. */

/** The time that messages take passes at once. */
export class WorkClock implements Clock {
  workedMs = 0

  now(): number {
    return systemClock.now()
  }

  monotonic(): number {
    return this.workedMs
  }

  after(...timer: Parameters<Clock['after']>): ReturnType<Clock['after']> {
    return systemClock.after(...timer)
  }

  every(...timer: Parameters<Clock['every']>): ReturnType<Clock['every']> {
    return systemClock.every(...timer)
  }

  soon(action: () => void): void {
    systemClock.soon(action)
  }
}

/** The turns of the event loop in which something was done, until `all` messages are `got`. */
export async function turnsOf(
  clock: WorkClock,
  got: readonly unknown[],
  all: number,
  onTurn: (turn: Turn) => void = () => undefined,
): Promise<readonly Turn[]> {
  const turns: Turn[] = []
  while (got.length < all) {
    const [beganMs, before] = [clock.workedMs, got.length]
    await eventLoopTurn()
    const turn = { ms: clock.workedMs - beganMs, got: got.length - before }
    onTurn(turn)
    if (turn.ms > 0) turns.push(turn)
  }
  return turns
}

export interface Turn {
  readonly ms: number
  /** Messages. */
  readonly got: number
}

/** What a component sends to where nothing is done with it. */
const end = defineComponent({ inputs: { in: port() }, on: { in: () => undefined } })

interface WorkerOptions {
  readonly queueMessagesMax?: number
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
      instanceOf(1, 'source', { outputs: hasSink ? [outputOf('all', [{ channel: 7, toWorker: 0 }])] : [] }),
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
