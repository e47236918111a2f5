import type { ChannelLimits } from '../messaging/limits.ts'
import type { FlatNetwork } from '../model/flatten.ts'
import { guaranteeInRun } from '../model/guarantee.ts'
import { parsePortRef } from '../model/network.ts'
import type { WorkerAssignment } from '../worker/assignment.ts'
import {
  constantTarget,
  type Draft,
  makeDraft,
  makeInput,
  makeOutput,
  routingKeyOf,
  workersOf,
} from '../worker/assignment-parts.ts'
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
  for (const [number, connection] of network.connections.entries()) {
    const from = parsePortRef(connection.from)!
    const to = parsePortRef(connection.to)!
    const targets = drafts.get(to.component)!
    for (const source of drafts.get(from.component)!) {
      const channels = targets.map((target) => {
        const id = channel++
        const name = `${number}: ${connection.from}[${source.instance}] ${connection.to}[${target.instance}]`
        const isEdge = options.sources.has(from.component)
        target.inputs.push(makeInput(connection, id, to.port, { worker: source.worker, isEdge, name }))
        return { channel: id, toWorker: target.worker }
      })
      const name = `${number}: ${connection.from} ${connection.to}`
      source.outputs.push(makeOutput(connection, { number, name }, from.port, channels))
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
  const numbers = [...new Set(all.map((draft) => draft.worker))].toSorted((a, b) => a - b)
  return {
    workers: workersOf(numbers, all, {
      ...options,
      network: network.name,
      generation: 0,
      guarantee: guaranteeInRun(network),
      ...(network.state && { state: network.state }),
    }),
    instances: all.map(({ component, instance, worker }) => ({ component, instance, worker })),
  }
}

function makeDrafts(network: FlatNetwork, placement: Placement): Map<string, readonly Draft[]> {
  const drafts = new Map<string, readonly Draft[]>()
  let id = 0
  for (const [name, component] of Object.entries(network.components)) {
    const workers = placement.get(name)!
    drafts.set(
      name,
      workers.map((worker, instance) =>
        makeDraft(name, component, { id: id++, instance, worker, of: workers.length }),
      ),
    )
  }
  return drafts
}
