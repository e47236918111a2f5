import { VertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { defineComponent } from '../component/define.ts'
import { isKind, kindDefinition, type Kind, type KindDefinition } from '../component/kind.ts'
import { port } from '../component/port.ts'
import { type Deployment, kindFacts } from '../cluster/client/index.ts'
import type { FlatComponent, FlatConnection, FlatNetwork } from '../model/flatten.ts'
import { type LoadedNetwork, loadNetwork } from '../run/load-network.ts'
import type { ModuleAddress } from '../worker/assignment.ts'
import type { Load } from '../worker/worker.ts'
import { publicFaults } from './cluster/faults.ts'
import { exported, simulateSeed } from './cluster/simulate-seed.ts'
import type {
  ClusterFault,
  ClusterSimulationOptions,
  SimulatedNodeOptions,
  SimulatedRunSummary,
} from './cluster/simulation-options.ts'
import { codeOf, type TestedNetwork } from './network-code.ts'

/** As many as have ids of one digit; a larger cluster shows nothing else. */
const nodesMax = 9
const nodesDefault = 3
const seedsDefault = 20
/** There is no place for snapshots in it. */
const guarantee = 'at-most-once'
const seedMax = 2 ** 31 - 1

/**
 * Runs a network on a simulated cluster, in the thread of the test: nodes, their managers, the store and the lines between them,
 * with time, randomness and faults drawn from a seed. Everything that is Vertigo's is the real code.
 *
 * ```ts
 * await simulateCluster(orders, {
 *   faults: ['kill', 'freeze', 'cut'],
 *   until: (run) => run.received('save.row').length > 100,
 *   check: (run) => assert.ok(run.sent('read.row').length > 0),
 * })
 * ```
 *
 * For each seed: the network is deployed, and runs; things go wrong for a while; after them it has to run as it is wanted
 * again, until `until` holds or its sources have ended; then it is undeployed, and whatever is on its way comes to its end. All along, and
 * at the end, it is checked what a cluster promises: one manager takes effect; no instance works in two places, or before its generation is
 * open; messages of a channel keep their order, come once, and are lost only with who sent or had them; no component
 * fails by itself. Last comes `check`.
 *
 * No snapshots are taken: whatever its `guarantee`, the network is simulated as `at-most-once`, so components that have failed begin
 * afresh, and what they held is lost.
 *
 * A seed repeats exactly as long as components take time from their `clock`, draw nothing at random, and do not wait for what is
 * outside, such as files and sockets: simulated time does not wait for them. Give such components other `kinds`.
 * Instances share one thread: what a module keeps for itself is seen by all of them, unlike on real nodes.
 *
 * Errors: SIMULATION_FAILED with the seed, and as `cause` what `check` threw; SIMULATION_INVALID for options; COMPONENT_UNKNOWN and
 * PORT_UNKNOWN for `kinds` that do not fit; KIND_NOT_IN_CLUSTER; those of loading a network.
 */
export async function simulateCluster(
  network: TestedNetwork,
  options: ClusterSimulationOptions = {},
): Promise<readonly SimulatedRunSummary[]> {
  const nodes = nodesOf(options.nodes ?? nodesDefault)
  const faults = faultsOf(options.faults)
  const [first, count] = seedsOf(options)
  duration('faultsForMs', options.faultsForMs)
  duration('untilMsMax', options.untilMsMax)
  const { deployment, load } = await codeAndDeployment(network, options)
  const runs: SimulatedRunSummary[] = []
  for (let seed = first; seed < first + count; seed++)
    runs.push(await simulateSeed(seed, { deployment, load, nodes, faults, options }))
  return runs
}

function seedsOf({ seed, seeds }: ClusterSimulationOptions): readonly [first: number, count: number] {
  const first = seed ?? 1
  const count = seeds ?? (seed === undefined ? seedsDefault : 1)
  if (!Number.isInteger(first) || first < 0 || first > seedMax)
    throw invalid(`\`seed\` is ${String(first)}: it has to be a whole number from 0 to ${seedMax}.`)
  if (!Number.isInteger(count) || count < 1)
    throw invalid(`\`seeds\` is ${String(count)}: it is how many are run, a whole number from 1 on.`)
  return [first, count]
}

function nodesOf(nodes: number | readonly SimulatedNodeOptions[]): readonly SimulatedNodeOptions[] {
  const list =
    typeof nodes === 'number' && Number.isInteger(nodes) && nodes <= nodesMax
      ? Array.from({ length: Math.max(0, nodes) }, (_, i) => ({ id: `n${i + 1}` }))
      : nodes
  if (!Array.isArray(list) || list.length < 1 || list.length > nodesMax)
    throw invalid(`\`nodes\` has to be from 1 to ${nodesMax}, or a list of as many.`)
  const ids = new Set<string>()
  for (const { id, workers = 1 } of list as readonly SimulatedNodeOptions[]) {
    if (typeof id !== 'string' || !/^[\w-]+$/.test(id) || ids.has(id))
      throw invalid(`\`nodes\`: the id "${id}" is no name, or that of another node.`)
    if (!Number.isInteger(workers) || workers < 1)
      throw invalid(`\`nodes\`: node "${id}" has ${String(workers)} workers; it needs one or more.`)
    ids.add(id)
  }
  return list
}

function faultsOf(faults: readonly ClusterFault[] | undefined): readonly ClusterFault[] {
  for (const name of faults ?? [])
    if (!publicFaults.includes(name))
      throw invalid(`\`faults\`: there is no fault "${name}".${didYouMean(name, publicFaults)}`)
  return faults ?? publicFaults
}

function duration(name: string, ms: number | undefined): void {
  if (ms !== undefined && !(Number.isFinite(ms) && ms >= 0))
    throw invalid(`\`${name}\` is ${String(ms)}: it has to be a number of milliseconds from 0 on.`)
}

function invalid(message: string): VertigoError {
  return new VertigoError('SIMULATION_INVALID', message)
}

interface Prepared {
  readonly deployment: Deployment
  readonly load: Load
}

async function codeAndDeployment(
  source: TestedNetwork,
  { set = [], kinds: replacing = {} }: ClusterSimulationOptions,
): Promise<Prepared> {
  const code = codeOf(source)
  const loaded = await loadNetwork(source, { load: code, set })
  const kinds = kindsWith(loaded, replacing)
  const modules = new Modules(code)
  const network = withoutExports(loaded.network)
  const components = await mapped(network.components, async (name, component) => {
    const own = name === exported ? sink : Object.hasOwn(replacing, name) ? replacing[name] : undefined
    return modules.component(component, own)
  })
  const connections = await Promise.all(network.connections.map((one) => modules.connection(one)))
  const facts = Object.keys(components).map((name) => {
    return [name, kindFacts(name === exported ? kindDefinition(sink) : kinds.get(name)!)] as const
  })
  return {
    deployment: {
      part: { ...network, guarantee, components, connections },
      kinds: Object.fromEntries(facts),
    },
    load: modules.load,
  }
}

function kindsWith(
  { network, kinds }: LoadedNetwork,
  replacing: Readonly<Record<string, Kind>>,
): ReadonlyMap<string, KindDefinition> {
  const all = new Map(kinds)
  for (const [name, kind] of Object.entries(replacing)) {
    const real = all.get(name)
    if (real === undefined)
      throw new VertigoError(
        'COMPONENT_UNKNOWN',
        `\`kinds\`: the network "${network.name}" has no component "${name}".${didYouMean(name, all.keys())}`,
      )
    if (!isKind(kind)) throw invalid(`\`kinds\`: what is given for "${name}" is not a kind.`)
    const own = kindDefinition(kind)
    for (const direction of ['inputs', 'outputs'] as const)
      for (const needed of Object.keys(real[direction]))
        if (!Object.hasOwn(own[direction], needed))
          throw new VertigoError(
            'PORT_UNKNOWN',
            `\`kinds\`: the kind that is given for "${name}" has no port "${needed}" among its ${direction}.`,
          )
    all.set(name, own)
  }
  for (const [name, { placement }] of all)
    if (placement === 'main')
      throw new VertigoError(
        'KIND_NOT_IN_CLUSTER',
        `${name} talks to the process that runs its network, and cannot run in a cluster.`,
        { remedy: `Give another kind for it: \`kinds: { '${name}': ... }\`.` },
      )
  return all
}

const sink = defineComponent({ inputs: { in: port() }, on: { in: () => undefined } })

/** What is exported to is connected; nobody outside sends anything. */
function withoutExports({ exports, ...network }: FlatNetwork): FlatNetwork {
  const { inputs = {}, outputs = {} } = exports ?? {}
  const [input] = Object.keys(inputs)
  if (input !== undefined)
    throw invalid(
      `The network "${network.name}" exports the input "${input}", to which nobody would send anything. ` +
        'Simulate a network with a source in its place.',
    )
  const froms = Object.values(outputs)
  if (froms.length === 0) return network
  const base = Object.values(network.components)[0]!.base
  const connections = froms.map((from): FlatConnection => ({ from, to: `${exported}.in`, base }))
  return {
    ...network,
    components: { ...network.components, [exported]: { kind: exported, base } },
    connections: [...network.connections, ...connections],
  }
}

/** All code of a network, loaded before the simulation begins: simulated time does not wait for files. */
class Modules {
  readonly #code: Load
  readonly #loaded = new Map<string, unknown>()

  constructor(code: Load) {
    this.#code = code
  }

  async component(component: FlatComponent, own: Kind | undefined): Promise<FlatComponent> {
    const { kind, hooks = [], base } = component
    return {
      ...component,
      kind: own === undefined ? await this.#place({ address: kind, base }) : this.#keep(own),
      hooks: await this.#all(hooks, base),
    }
  }

  async connection(connection: FlatConnection): Promise<FlatConnection> {
    const { selector, hooks = {}, base } = connection
    const isCustom = typeof selector === 'object' && selector.type === 'custom'
    return {
      ...connection,
      ...(isCustom && {
        selector: { ...selector, kind: await this.#place({ address: selector.kind, base }) },
      }),
      hooks: {
        send: await this.#all(hooks.send ?? [], base),
        receive: await this.#all(hooks.receive ?? [], base),
      },
    }
  }

  /** What a component asks for itself comes from where it always does. */
  readonly load: Load = async (module) =>
    this.#loaded.has(module.address) ? this.#loaded.get(module.address) : this.#code(module)

  #all(addresses: readonly string[], base: string): Promise<string[]> {
    return Promise.all(addresses.map((address) => this.#place({ address, base })))
  }

  async #place(module: ModuleAddress): Promise<string> {
    return this.#keep(await this.#code(module))
  }

  #keep(value: unknown): string {
    const address = `simulated:${this.#loaded.size}`
    this.#loaded.set(address, value)
    return address
  }
}

async function mapped<T>(
  record: Readonly<Record<string, T>>,
  map: (name: string, value: T) => Promise<T>,
): Promise<Record<string, T>> {
  const all = Object.entries(record).map(async ([name, value]) => [name, await map(name, value)] as const)
  return Object.fromEntries(await Promise.all(all))
}
