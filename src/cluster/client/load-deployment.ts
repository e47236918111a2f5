import { isVertigoError, VertigoError } from '../../base/errors.ts'
import {
  declaredStates,
  firstStateVersion,
  hasInstanceState,
  hasKeyedState,
  type KindDefinition,
} from '../../component/kind.ts'
import type { FlatComponent, FlatConnection, FlatNetwork } from '../../model/flatten.ts'
import { fault, networkInvalid, type Path, type Places } from '../../model/places.ts'
import { type LoadedNetwork, loadNetwork } from '../../run/load-network.ts'
import type { Override } from '../../run/types.ts'
import { loadHooks } from '../../worker/hooks.ts'
import { baseUrl } from '../../worker/loading/address.ts'
import { completeAddress } from '../../worker/loading/complete.ts'
import type { Load } from '../../worker/worker.ts'
import type { KindFacts, StateFacts } from '../protocol/index.ts'
import type { Deployment } from './deployment.ts'
import { type DeploymentSource, isAlone, readableSource } from './source.ts'

/** A network as it is deployed, and what only the one who wrote it can be told. */
export interface LoadedDeployment {
  readonly deployment: Deployment
  /** Faults that the network in the cluster may mend, since this may be a part of it; with the places in its file. */
  readonly open: readonly VertigoError[]
}

export interface LoadDeploymentOptions {
  readonly load: Load
  readonly builtInNames: readonly string[]
  readonly set?: readonly Override[]
  /** Of components that say none themselves. */
  readonly group?: string
}

/**
 * Reads what is to be deployed, on the side that has the code: a network's file, or the module that builds and exports one
 * (its path or URL), or that of one component. Everything it names is loaded and checked, and every address made complete, so that it means the
 * same to all who read it later.
 *
 * Errors: those of `loadNetwork`; NETWORK_INVALID with KIND_NOT_IN_CLUSTER among its `faults`.
 */
export async function loadDeployment(
  source: DeploymentSource,
  options: LoadDeploymentOptions,
): Promise<LoadedDeployment> {
  const { load, builtInNames, set = [], group } = options
  const readable = await readableSource(source, load)
  const loaded = await loadNetwork(readable, { load, set, part: true })
  const { network, places, kinds } = loaded
  const faults = [...unfit(loaded), ...(await faultsOfModules(network, places, load))]
  if (faults.length > 0) throw networkInvalid(faults, places.file)
  const facts = Array.from(kinds, ([name, kind]) => [name, kindFacts(kind)] as const)
  return {
    deployment: {
      part: inGroup(completeNetwork(network, builtInNames), group),
      kinds: Object.fromEntries(facts),
      ...(isAlone(readable) && { alone: true }),
    },
    open: loaded.open,
  }
}

function inGroup(network: FlatNetwork, group: string | undefined): FlatNetwork {
  if (group === undefined) return network
  const components = Object.entries(network.components).map(([name, component]) => {
    return [name, { ...component, group: component.group ?? group }] as const
  })
  return { ...network, components: Object.fromEntries(components) }
}

/** What a cluster must know of a kind without loading it. */
export function kindFacts(kind: KindDefinition): KindFacts {
  const { role, inputs, outputs, concurrency, rewinds = false, journal, placement, files } = kind
  const schemas = Object.keys(inputs).filter((name) => inputs[name]!.schema !== undefined)
  return {
    role,
    inputs: Object.keys(inputs),
    outputs: Object.keys(outputs),
    keyedState: hasKeyedState(kind),
    instanceState: hasInstanceState(kind),
    rewinds,
    inMain: placement === 'main',
    ...(concurrency !== undefined && { concurrency }),
    ...(journal !== undefined && { journal }),
    ...(files !== undefined && { files }),
    ...(schemas.length > 0 && { schemas }),
    ...(kind.state !== undefined && { state: stateFacts(kind) }),
  }
}

function stateFacts(kind: KindDefinition): StateFacts {
  const { stateVersion = firstStateVersion, migrate = {} } = kind
  const versionsWith = (way: 'up' | 'down'): number[] =>
    Object.keys(migrate)
      .map(Number)
      .filter((version) => migrate[version]?.[way] !== undefined)
  const states = declaredStates(kind).map(({ name, type, scope, onRescale }) => ({
    name,
    type,
    scope,
    onRescale,
  }))
  return { version: stateVersion, up: versionsWith('up'), down: versionsWith('down'), states }
}

/** The same network, with addresses that mean the same wherever they are read. */
export function completeNetwork(network: FlatNetwork, builtInNames: readonly string[]): FlatNetwork {
  const names = new Set(builtInNames)
  const complete = (address: string, base: string): string => completeAddress({ address, base }, names)
  const all = (addresses: readonly string[], base: string): readonly string[] =>
    addresses.map((address) => complete(address, base))
  const component = (written: FlatComponent): FlatComponent => {
    const { kind, hooks, base } = written
    const url = baseUrl(base).href
    return {
      ...written,
      kind: complete(kind, base),
      ...(hooks && { hooks: all(hooks, base) }),
      // Configurations may hold addresses, which only their kinds know.
      base: url,
    }
  }
  const connection = (written: FlatConnection): FlatConnection => {
    const { selector, hooks, base } = written
    const isCustom = typeof selector === 'object' && selector.type === 'custom'
    return {
      ...written,
      ...(isCustom && { selector: { ...selector, kind: complete(selector.kind, base) } }),
      ...(hooks && {
        hooks: {
          ...(hooks.send && { send: all(hooks.send, base) }),
          ...(hooks.receive && { receive: all(hooks.receive, base) }),
        },
      }),
      base: baseUrl(base).href,
    }
  }
  const { components, connections } = network
  return {
    ...network,
    components: Object.fromEntries(
      Object.entries(components).map(([name, written]) => [name, withoutCase(component(written))]),
    ),
    connections: connections.map(connection),
  }
}

/** Ports have the case of their kinds by now. */
function withoutCase({ anyCase: _, ...component }: FlatComponent): FlatComponent {
  return component
}

const remedies: Readonly<Record<string, string>> = {
  stdout: 'Write with `file-sink`, or use `log`, which writes into the log of the node.',
  stdin: 'Read with `file-lines` from a file that the nodes see.',
  feeder:
    'Read with `file-lines`, or write a source that takes what is sent to it; or run the network from code.',
  collector:
    'Write with `file-sink`, or write a component that keeps what it gets; or run the network from code.',
}

function unfit({ network, places, kinds }: LoadedNetwork): VertigoError[] {
  return Object.entries(network.components).flatMap(([name, { kind }]) => {
    if (kinds.get(name)?.placement !== 'main') return []
    const message = `${name} (${kind}) talks to the process that runs its network, and cannot run in a cluster.`
    const remedy = Object.hasOwn(remedies, kind) ? remedies[kind]! : undefined
    return [
      fault('KIND_NOT_IN_CLUSTER', message, places, ['components', name, 'kind'], {
        ...(remedy !== undefined && { remedy }),
      }),
    ]
  })
}

/** Hooks and selectors, which a run loads when it starts, have to be there as well. */
async function faultsOfModules(network: FlatNetwork, places: Places, load: Load): Promise<VertigoError[]> {
  const checks: Promise<readonly VertigoError[]>[] = []
  const check = (path: Path, loading: Promise<unknown>): void => {
    checks.push(loading.then(() => [], faultAt(places, path)))
  }
  for (const [name, { hooks = [], base }] of Object.entries(network.components))
    for (const [at, address] of hooks.entries())
      check(['components', name, 'hooks', at], loadHooks({ address, base }, { load }))
  for (const [at, { selector, hooks = {}, base }] of network.connections.entries()) {
    if (typeof selector === 'object' && selector.type === 'custom')
      check(['connections', at, 'selector', 'kind'], loadSelector(selector.kind, base, load))
    for (const side of ['send', 'receive'] as const)
      for (const [nth, address] of (hooks[side] ?? []).entries())
        check(['connections', at, 'hooks', side, nth], loadHooks({ address, base }, { load }))
  }
  return (await Promise.all(checks)).flat()
}

async function loadSelector(address: string, base: string, load: Load): Promise<void> {
  if (typeof (await load({ address, base })) !== 'function')
    throw new VertigoError('SELECTOR_FAILED', `"${address}" is not a selector: it is no function.`)
}

/** At the place of the address, unless the error knows a better one: that in the module. */
function faultAt(places: Places, path: Path): (error: unknown) => readonly VertigoError[] {
  return (error) => {
    if (!isVertigoError(error)) throw error
    if (error.place.line !== undefined) return [error]
    const { code, message, remedy, cause } = error
    return [fault(code, message, places, path, { remedy, cause })]
  }
}
