import type { Random } from '../../../src/base/random.ts'
import { keyedConnections } from '../../../src/cluster/protocol/connection-key.ts'
import type { VersionRecord } from '../../../src/cluster/protocol/network-record.ts'
import {
  asGeneration,
  asInstanceId,
  asNodeId,
  asTerm,
  asVersion,
  asWorkerNumber,
  type NetworkVersion,
} from '../../../src/cluster/protocol/numbers.ts'
import type { Plan, PlannedInstance } from '../../../src/cluster/protocol/plan.ts'
import type { FlatNetwork } from '../../../src/model/flatten.ts'

export type SelectorName = 'round-robin' | 'hash' | 'all' | 'fair'

export interface Wanted {
  /** Name -> what it is written as; the same text means that nothing changes for it. Sources' names begin with `s`. */
  readonly components: ReadonlyMap<string, { readonly instances: number; readonly text: string }>
  /** `from to` -> selector */
  readonly connections: ReadonlyMap<string, SelectorName>
}

const base = 'file:///net.yaml'

/** Plans as the manager makes them, by chance where it has a choice. */
export class SimPlanner {
  readonly versions = new Map<NetworkVersion, VersionRecord>()
  plan: Plan | undefined
  wanted: Wanted = { components: new Map(), connections: new Map() }
  readonly #chance: Random
  #workers: readonly number[]
  #nextWorker: number
  #nextInstance = 1
  #nextConnection = 0

  constructor(chance: Random, workers: number) {
    this.#chance = chance
    this.#workers = Array.from({ length: workers }, (_, i) => i + 1)
    this.#nextWorker = workers + 1
  }

  get workers(): readonly number[] {
    return this.#workers
  }

  lose(worker: number): void {
    this.#workers = [...this.#workers.filter((known) => known !== worker), this.#nextWorker++]
  }

  want(wanted: Wanted): void {
    this.wanted = wanted
    const version = asVersion(this.versions.size + 1)
    const components = Object.fromEntries(
      [...wanted.components].map(([name, { instances }]) => [
        name,
        { kind: name.startsWith('s') ? './source.ts' : './relay.ts', instances, base },
      ]),
    )
    const connections = [...wanted.connections].map(([ends, selector]) => {
      const [from, to] = ends.split(' ')
      const choice = selector === 'hash' ? ({ type: 'hash', key: 'n' } as const) : selector
      return { from: `${from}.out`, to: `${to}.in`, selector: choice, base }
    })
    const flat: FlatNetwork = { name: 'net', guarantee: 'at-most-once', components, connections }
    this.versions.set(version, {
      version,
      flat,
      kinds: {},
      createdAtMs: 0,
      by: '',
      change: '',
    })
  }

  /** `moved`: an instance that starts afresh elsewhere. `stop`: all of it ends. */
  next(
    finished: ReadonlySet<number>,
    texts: Map<number, string>,
    options: { readonly moved?: number; readonly stop?: boolean } = {},
  ): Plan {
    const version = asVersion(this.versions.size)
    const parent = this.plan
    const generation = (parent?.generation ?? 0) + 1
    const since = asGeneration(generation)
    const instances: PlannedInstance[] = []
    const taken = new Set<string>()
    for (const it of parent?.instances ?? []) {
      if (!this.#workers.includes(it.worker) || (it.draining && finished.has(it.id))) continue
      const wanted = this.wanted.components.get(it.component)
      const stays =
        !it.draining && !options.stop && wanted?.text === texts.get(it.id) && it.id !== options.moved
      // What stays is written in the newest version as well.
      instances.push({ ...it, version: stays ? version : it.version, draining: !stays })
      if (stays) taken.add(`${it.component} ${it.index}`)
    }
    for (const [component, { instances: count, text }] of options.stop ? [] : this.wanted.components) {
      for (let index = 0; index < count; index++) {
        if (taken.has(`${component} ${index}`)) continue
        const id = asInstanceId(this.#nextInstance++)
        texts.set(id, text)
        const worker = asWorkerNumber(this.#workers[this.#chance.int(this.#workers.length)]!)
        instances.push({ id, component, index, worker, version, since, draining: false })
      }
    }
    const connections: Record<string, number> = {}
    for (const used of new Set([version, ...instances.map((it) => it.version)])) {
      for (const { key } of keyedConnections(this.versions.get(used)!.flat.connections)) {
        connections[key] ??= parent?.connections[key] ?? this.#nextConnection++
      }
    }
    const plan: Plan = {
      network: 'net',
      generation: asGeneration(generation),
      parent: asGeneration(generation - 1),
      term: asTerm(1),
      version,
      workers: this.#workers.map((worker) => ({
        worker: asWorkerNumber(worker),
        node: asNodeId('n'),
        incarnation: '',
      })),
      instances,
      connections,
      waiting: [],
      done: [],
      failures: [],
      nextWorker: asWorkerNumber(this.#nextWorker),
      nextInstance: asInstanceId(this.#nextInstance),
      nextConnection: this.#nextConnection,
    }
    this.plan = plan
    return plan
  }
}
