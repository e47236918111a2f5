import type { FlatConnection, FlatNetwork } from '../../../../src/model/flatten.ts'
import { keyedConnections } from '../../../../src/cluster/protocol/connection-key.ts'
import type { VersionRecord } from '../../../../src/cluster/protocol/network-record.ts'
import {
  asGeneration,
  asInstanceId,
  asNodeId,
  asTerm,
  asVersion,
  asWorkerNumber,
  type NetworkVersion,
} from '../../../../src/cluster/protocol/numbers.ts'
import type { Plan, PlannedInstance } from '../../../../src/cluster/protocol/plan.ts'

/** Plans and versions, written briefly. */

const base = 'file:///net.yaml'

export interface Written {
  /** Name -> number of copies. */
  readonly components: Readonly<Record<string, number>>
  readonly connections: readonly (Omit<FlatConnection, 'base'> | readonly [string, string])[]
  readonly initial?: FlatNetwork['initial']
  readonly sources?: readonly string[]
}

export function version(number: number, written: Written): VersionRecord {
  const components = Object.fromEntries(
    Object.entries(written.components).map(([name, instances]) => [
      name,
      { kind: `./${name}.ts`, instances, base },
    ]),
  )
  const connections = written.connections.map((it) =>
    'from' in it ? { ...it, base } : { from: it[0], to: it[1], base },
  )
  const flat: FlatNetwork = { name: 'net', components, connections, initial: written.initial }
  const kinds = Object.fromEntries(
    Object.keys(components).map((name) => [
      name,
      {
        role: written.sources?.includes(name) ? ('source' as const) : ('component' as const),
        inputs: [],
        outputs: [],
        keyedState: false,
        instanceState: false,
        rewinds: false,
        inMain: false,
      },
    ]),
  )
  return {
    version: asVersion(number),
    flat,
    kinds,
    createdAtMs: 0,
    by: 'test',
    change: '',
  }
}

export function byVersion(...records: readonly VersionRecord[]): Map<NetworkVersion, VersionRecord> {
  return new Map(records.map((record) => [record.version, record]))
}

/** `component[index]`, its id, its worker, and where it differs: version, draining. */
export type Placed = readonly [
  string,
  number,
  number,
  Partial<Pick<PlannedInstance, 'version' | 'draining' | 'drainingSince'>>?,
]

/** Connections are numbered in the order in which the versions, oldest first, name them. */
export function plan(
  generation: number,
  versions: readonly VersionRecord[],
  placed: readonly Placed[],
): Plan {
  const connections: Record<string, number> = {}
  for (const { flat } of versions)
    for (const { key } of keyedConnections(flat.connections))
      connections[key] ??= Object.keys(connections).length
  const newest = versions.at(-1)!.version
  const instances = placed.map(([place, id, worker, special = {}]) => {
    const [, component, index] = /^(.*)\[(\d+)\]$/.exec(place)!
    return {
      id: asInstanceId(id),
      component: component!,
      index: Number(index),
      worker: asWorkerNumber(worker),
      version: newest,
      since: asGeneration(1),
      draining: false,
      ...special,
    }
  })
  const workers = [...new Set(instances.map(({ worker }) => worker))].toSorted((a, b) => a - b)
  return {
    network: 'net',
    generation: asGeneration(generation),
    parent: asGeneration(generation - 1),
    term: asTerm(1),
    version: newest,
    workers: workers.map((worker) => ({ worker, node: asNodeId('n'), incarnation: 'i' })),
    instances,
    connections,
    waiting: [],
    done: [],
    failures: [],
    nextWorker: asWorkerNumber(100),
    nextInstance: asInstanceId(100),
    nextConnection: 100,
  }
}
