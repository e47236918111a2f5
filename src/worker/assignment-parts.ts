import type { StateSettings } from '../state/keyed-state.ts'
import { defaultChannelLimits, emitPerMessageMaxDefault, type ChannelLimits } from '../messaging/limits.ts'
import type { FlatComponent, FlatConnection, FlatNetwork } from '../model/flatten.ts'
import { type Guarantee, selectorSpec } from '../model/network.ts'
import { encodeKey, instanceOfKeyGroup, keyGroupOf, keyReader } from '../state/keys.ts'
import {
  type InitialAssignment,
  type InputAssignment,
  type InstanceAssignment,
  type JournalAssignment,
  type ModuleAddress,
  nowhere,
  type OutputAssignment,
  type WorkerAssignment,
} from './assignment.ts'

/**
 * Parts of assignments: what instances, and both ends of channels, are told of a network. Where the numbers come from is
 * for others to say: one run numbers them as it places them, a cluster takes them from its plan.
 */

export interface RoutingKey {
  readonly isHash: boolean
  readonly key: string | undefined
}

/** How messages of a port are keyed: as its connections say; without one, by the whole message where there is keyed state. */
export function routingKeyOf(network: FlatNetwork, to: string, isKeyed: boolean): RoutingKey {
  for (const connection of network.connections) {
    const selector = selectorSpec(connection.selector)
    if (connection.to === to && selector.type === 'hash') return { isHash: true, key: selector.key }
  }
  return { isHash: isKeyed, key: undefined }
}

/** A constant is one message: it goes where its key belongs, or to the first instance. */
export function constantTarget(value: unknown, { isHash, key }: RoutingKey, instances: number): number {
  return isHash ? instanceOfKeyGroup(keyGroupOf(encodeKey(keyReader(key)(value))), instances) : 0
}

export interface Draft extends InstanceAssignment {
  readonly worker: number
  readonly inputs: InputAssignment[]
  readonly outputs: OutputAssignment[]
  readonly initial: InitialAssignment[]
}

/** Where an instance is, and as which copy of its component. */
export interface DraftPlace {
  readonly id: number
  readonly instance: number
  readonly of: number
  readonly worker: number
  readonly draining?: boolean
  readonly awaitsSources?: boolean
  readonly hasDoneSources?: boolean
  readonly journal?: JournalAssignment
}

export function makeDraft(name: string, component: FlatComponent, at: DraftPlace): Draft {
  const { base } = component
  return {
    worker: at.worker,
    id: at.id,
    index: at.id,
    draining: at.draining ?? false,
    awaitsSources: at.awaitsSources ?? false,
    ...(at.hasDoneSources === true && { hasDoneSources: true }),
    ...(at.journal && { journal: at.journal }),
    component: name,
    instance: at.instance,
    instances: at.of,
    kind: { address: component.kind, base },
    config: component.config ?? {},
    concurrency: component.concurrency,
    order: component.order,
    errors: component.errors,
    hooks: addresses(component.hooks, base),
    inputs: [],
    outputs: [],
    initial: [],
  }
}

export function makeInput(
  connection: FlatConnection,
  channel: number,
  port: string,
  source: {
    readonly worker: number
    readonly id?: number
    readonly isEdge: boolean
    readonly name: string
  },
): InputAssignment {
  const { worker: fromWorker, id: from, isEdge: fromEdge, name } = source
  const selector = selectorSpec(connection.selector)
  const hooks = addresses(connection.hooks?.receive, connection.base)
  const isHash = selector.type === 'hash'
  const back = connection.back === true
  return {
    ...(back && { back }),
    channel,
    name,
    port,
    fromWorker,
    ...(from !== undefined && { from }),
    key: isHash ? selector.key : undefined,
    isHash,
    fromEdge,
    hooks,
  }
}

export function makeOutput(
  connection: FlatConnection,
  { number, name }: { readonly number: number; readonly name: string },
  port: string,
  channels: OutputAssignment['channels'],
): OutputAssignment {
  const { base } = connection
  const selector = selectorSpec(connection.selector)
  return {
    connection: number,
    name,
    port,
    channels,
    back: connection.back ?? false,
    hooks: addresses(connection.hooks?.send, base),
    selector:
      selector.type === 'custom'
        ? { type: 'custom', module: { address: selector.kind, base } }
        : selector.type === 'hash'
          ? { type: 'hash', key: selector.key }
          : { type: selector.type },
  }
}

export interface WorkersOptions {
  readonly network: string
  readonly generation: number
  readonly limits?: Partial<ChannelLimits>
  readonly emitPerMessageMax?: number
  readonly guarantee: Guarantee
  /** As the network says. */
  readonly state?: Partial<StateSettings>
}

/** What each of the workers is to host, out of all instances. */
export function workersOf(
  workers: readonly number[],
  drafts: readonly Draft[],
  options: WorkersOptions,
): WorkerAssignment[] {
  const limits = { ...defaultChannelLimits, ...options.limits }
  const emitPerMessageMax = options.emitPerMessageMax ?? emitPerMessageMaxDefault
  const { network, generation, guarantee } = options
  return workers.map((worker) => {
    const own = drafts.filter((draft) => draft.worker === worker)
    const instances = own.map(({ worker: _, ...instance }) => instance)
    const peers = peersOf(worker, own)
    const of = {
      worker,
      network,
      generation,
      workers,
      instances,
      peers,
      limits,
      emitPerMessageMax,
      guarantee,
    }
    return {
      ...of,
      ...(options.state !== undefined && { state: { backend: 'memory' as const, ...options.state } }),
    }
  })
}

/** Workers that share channels with it. */
function peersOf(worker: number, own: readonly Draft[]): number[] {
  const peers = new Set<number>()
  for (const draft of own) {
    for (const input of draft.inputs) peers.add(input.fromWorker)
    for (const output of draft.outputs) for (const { toWorker } of output.channels) peers.add(toWorker)
  }
  peers.delete(worker)
  peers.delete(nowhere)
  return [...peers].toSorted((a, b) => a - b)
}

function addresses(list: readonly string[] | undefined, base: string): ModuleAddress[] {
  return (list ?? []).map((address) => ({ address, base }))
}
