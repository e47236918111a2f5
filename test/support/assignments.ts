import { defaultChannelLimits } from '../../src/messaging/limits.ts'
import type { InstanceAssignment, WorkerAssignment } from '../../src/worker/assignment.ts'

/** Assignments of workers, written briefly. */

/** The only copy of a component, which is of the kind of this address. */
export function instanceOf(
  id: number,
  component: string,
  rest: Partial<InstanceAssignment> = {},
): InstanceAssignment {
  return {
    id,
    index: id,
    component,
    instance: 0,
    instances: 1,
    draining: false,
    awaitsSources: false,
    kind: { address: component, base: 'file:///net.yaml' },
    config: {},
    concurrency: undefined,
    order: undefined,
    errors: undefined,
    hooks: [],
    inputs: [],
    outputs: [],
    initial: [],
    ...rest,
  }
}

type Input = InstanceAssignment['inputs'][number]
type Output = InstanceAssignment['outputs'][number]

/** A channel that leads to the port `in`. */
export function inputOf(channel: number, fromWorker: number, rest: Partial<Input> = {}): Input {
  return {
    channel,
    port: 'in',
    fromWorker,
    key: undefined,
    isHash: false,
    fromEdge: false,
    hooks: [],
    ...rest,
  }
}

/** Connection 0, of the port `out`. */
export function outputOf(type: 'all' | 'round-robin', channels: Output['channels']): Output {
  return { connection: 0, port: 'out', selector: { type }, back: false, hooks: [], channels }
}

/** `workers`: all of the plan, which are peers of each other. */
export function assignmentOf(
  worker: number,
  generation: number,
  {
    workers,
    instances,
    ...rest
  }: Pick<WorkerAssignment, 'workers' | 'instances'> & Partial<WorkerAssignment>,
): WorkerAssignment {
  const peers = workers.filter((other) => other !== worker)
  return {
    worker,
    network: 'net',
    generation,
    workers,
    peers,
    instances,
    limits: defaultChannelLimits,
    emitPerMessageMax: 10_000,
    guarantee: 'at-most-once',
    ...rest,
  }
}
