import { defaultChannelLimits, emitPerMessageMaxDefault, type ChannelLimits } from '../messaging/limits.ts'
import type { FlatComponent, FlatConnection, FlatNetwork } from '../model/flatten.ts'
import { parsePortRef, selectorSpec } from '../model/network.ts'
import { encodeKey, instanceOfKeyGroup, keyGroupOf, keyReader } from '../state/keys.ts'
import type {
  InitialAssignment,
  InputAssignment,
  InstanceAssignment,
  ModuleAddress,
  OutputAssignment,
  WorkerAssignment,
} from '../worker/assignment.ts'
import type { Placement } from './place.ts'

export interface AssignOptions {
  readonly limits?: Partial<ChannelLimits>
  readonly emitPerMessageMax?: number
  /** Components with keyed state. */
  readonly keyed?: ReadonlySet<string>
  /** Components that are sources: what comes from them crosses the network's edge. */
  readonly sources: ReadonlySet<string>
}

/** Names of all instances, by their index. */
export interface Assigned {
  readonly workers: readonly WorkerAssignment[]
  readonly instances: readonly {
    readonly component: string
    readonly instance: number
    readonly worker: number
  }[]
}

/**
 * Turns a placed network into what each worker hosts: instances get indices, connections get channels. Pure; the
 * numbering depends on the network and its placement only.
 */
export function assign(network: FlatNetwork, placement: Placement, options: AssignOptions): Assigned {
  const drafts = makeDrafts(network, placement)
  let channel = 0
  for (const connection of network.connections) {
    const from = parsePortRef(connection.from)!
    const to = parsePortRef(connection.to)!
    const targets = drafts.get(to.component)!
    for (const source of drafts.get(from.component)!) {
      const channels = targets.map((target) => {
        const id = channel++
        target.inputs.push(
          makeInput(connection, id, to.port, source.worker, options.sources.has(from.component)),
        )
        return { channel: id, toWorker: target.worker }
      })
      source.outputs.push(makeOutput(connection, from.port, channels))
    }
  }
  for (const packet of network.initial ?? []) {
    const to = parsePortRef(packet.to)!
    const targets = drafts.get(to.component)!
    const key = routingKeyOf(network, packet.to, options.keyed?.has(to.component) ?? false)
    targets[constantTarget(packet.value, key, targets.length)]!.initial.push({
      port: to.port,
      value: packet.value,
      ...key,
    })
  }
  const all = [...drafts.values()].flat()
  return {
    workers: workersOf(network.name, all, options),
    instances: all.map(({ component, instance, worker }) => ({ component, instance, worker })),
  }
}

interface RoutingKey {
  readonly isHash: boolean
  readonly key: string | undefined
}

/** How messages of a port are keyed: as its connections say; without one, by the whole message where there is keyed state. */
function routingKeyOf(network: FlatNetwork, to: string, isKeyed: boolean): RoutingKey {
  for (const connection of network.connections) {
    const selector = selectorSpec(connection.selector)
    if (connection.to === to && selector.type === 'hash') return { isHash: true, key: selector.key }
  }
  return { isHash: isKeyed, key: undefined }
}

/** A constant is one message: it goes where its key belongs, or to the first instance. */
function constantTarget(value: unknown, { isHash, key }: RoutingKey, instances: number): number {
  return isHash ? instanceOfKeyGroup(keyGroupOf(encodeKey(keyReader(key)(value))), instances) : 0
}

interface Draft extends InstanceAssignment {
  readonly worker: number
  readonly inputs: InputAssignment[]
  readonly outputs: OutputAssignment[]
  readonly initial: InitialAssignment[]
}

function makeDrafts(network: FlatNetwork, placement: Placement): Map<string, readonly Draft[]> {
  const drafts = new Map<string, readonly Draft[]>()
  let index = 0
  for (const [name, component] of Object.entries(network.components)) {
    const workers = placement.get(name)!
    drafts.set(
      name,
      workers.map((worker, instance) =>
        makeDraft(name, component, { index: index++, instance, worker, of: workers.length }),
      ),
    )
  }
  return drafts
}

function makeDraft(
  name: string,
  component: FlatComponent,
  at: { readonly index: number; readonly instance: number; readonly worker: number; readonly of: number },
): Draft {
  const { base } = component
  return {
    worker: at.worker,
    index: at.index,
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

function makeInput(
  connection: FlatConnection,
  channel: number,
  port: string,
  fromWorker: number,
  fromEdge: boolean,
): InputAssignment {
  const selector = selectorSpec(connection.selector)
  const hooks = addresses(connection.hooks?.receive, connection.base)
  const isHash = selector.type === 'hash'
  return { channel, port, fromWorker, key: isHash ? selector.key : undefined, isHash, fromEdge, hooks }
}

function makeOutput(
  connection: FlatConnection,
  port: string,
  channels: OutputAssignment['channels'],
): OutputAssignment {
  const { base } = connection
  const selector = selectorSpec(connection.selector)
  return {
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

function workersOf(network: string, drafts: readonly Draft[], options: AssignOptions): WorkerAssignment[] {
  const limits = { ...defaultChannelLimits, ...options.limits }
  const emitPerMessageMax = options.emitPerMessageMax ?? emitPerMessageMaxDefault
  const numbers = [...new Set(drafts.map((draft) => draft.worker))].toSorted((a, b) => a - b)
  return numbers.map((worker) => {
    const own = drafts.filter((draft) => draft.worker === worker)
    const peers = new Set<number>()
    for (const draft of own) {
      for (const input of draft.inputs) peers.add(input.fromWorker)
      for (const output of draft.outputs) for (const { toWorker } of output.channels) peers.add(toWorker)
    }
    peers.delete(worker)
    const instances = own.map(({ worker: _, ...instance }) => instance)
    return {
      worker,
      network,
      instances,
      peers: [...peers].toSorted((a, b) => a - b),
      limits,
      emitPerMessageMax,
    }
  })
}

function addresses(list: readonly string[] | undefined, base: string): ModuleAddress[] {
  return (list ?? []).map((address) => ({ address, base }))
}
