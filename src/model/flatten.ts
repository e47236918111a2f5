import { isVertigoError, VertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { flatComponentsMax, flatConnectionsMax, subnetDepthMax } from './limits.ts'
import {
  type Component,
  type Connection,
  type InitialPacket,
  type Network,
  parsePortRef,
  portOfAnyCase,
} from './network.ts'
import { fault, type Path, type Place, type Places, sortFaults } from './places.ts'

/** A component of a flat network. Its name is that of its place: `outer/inner` for `inner` in the subnet `outer`. */
export interface FlatComponent extends Component {
  /** The file that `kind` and `hooks` are relative to: that of the network the component is written in. */
  readonly base: string
  /** From a graph that does not tell ports apart by case: see `matchPortCase`. */
  readonly anyCase?: true
}

export interface FlatConnection extends Connection {
  /** The file that a custom selector and `hooks` are relative to. */
  readonly base: string
}

/** A network without subnets. */
export interface FlatNetwork extends Network {
  readonly components: { readonly [name: string]: FlatComponent }
  readonly connections: readonly FlatConnection[]
}

export interface Subnet {
  readonly network: Network
  /** `places.file` tells one network from another: give each file one name (its URL, say). */
  readonly places: Places
  /** It does not tell ports apart by case. Default false. */
  readonly anyCase?: boolean
}

/**
 * Loads the network that `kind` stands for; undefined where it is no network's file, so that the component stays as it
 * is. `component.base` is the file that `kind` is relative to. What it throws is reported as a fault of the component.
 */
export type SubnetLoader = (
  kind: string,
  component: { readonly path: string; readonly base: string },
) => Promise<Subnet | undefined>

export interface Flattened {
  readonly network: FlatNetwork
  /** Leads from paths in the flat network to the files that its parts came from. */
  readonly places: Places
  /**
   * What is wrong with the use of subnets. What could not be resolved is left out of `network`, so where there are any,
   * throw them (`networkInvalid`) rather than validate a network with holes.
   */
  readonly faults: readonly VertigoError[]
}

/** Separates the names of a subnet and of a component in it; names themselves cannot hold it. */
export const subnetSeparator = '/'

/** Options of a component that a subnet cannot have, since it does not run itself. */
const singleOptions = [
  'config',
  'instances',
  'placement',
  'concurrency',
  'order',
  'errors',
  'journal',
  'hooks',
] as const

/**
 * Replaces each component that is a network by the components in it, to any depth. Connections and initial packets to
 * a subnet's exported ports lead to the ports that these stand for. A component in a subnet takes the subnet's `group`
 * where it has none of its own; the subnet's `guarantee`, `snapshot`, `state`, `journal` and `deadLetter` have no effect, the outermost
 * network's count.
 */
export async function flattenNetwork(
  network: Network,
  places: Places,
  loadSubnet: SubnetLoader,
  { anyCase = false }: { readonly anyCase?: boolean } = {},
): Promise<Flattened> {
  const flattening = new Flattening(loadSubnet)
  const ports = await flattening.add(
    { network, places, anyCase },
    { prefix: '', group: undefined, files: [places.file] },
  )
  const initial = flattening.initial.map(({ value }) => value)
  const { components: _, connections: __, initial: ___, exports, ...rest } = network
  const flat: FlatNetwork = {
    ...rest,
    components: Object.fromEntries(flattening.components.map(({ name, value }) => [name, value])),
    connections: flattening.connections.map(({ value }) => value),
    ...(network.initial !== undefined || initial.length > 0 ? { initial } : {}),
    ...(exports && {
      exports: {
        ...(exports.inputs && { inputs: Object.fromEntries(ports.inputs) }),
        ...(exports.outputs && { outputs: Object.fromEntries(ports.outputs) }),
      },
    }),
  }
  return { network: flat, places: flattening.places(places), faults: sortFaults(flattening.faults) }
}

/** Names in the rules for placement lead to the components beside: so they are written in the network's file. */
function placementWithin(prefix: string, { placement }: Component): Pick<Component, 'placement'> {
  if (placement?.apart === undefined) return {}
  return { placement: { ...placement, apart: placement.apart.map((name) => prefix + name) } }
}

interface Scope {
  /** Empty, or the names of the subnets around, each followed by the separator. */
  readonly prefix: string
  readonly group: string | undefined
  /** Files from the outermost network to this one. */
  readonly files: readonly string[]
}

/** What a part of the flat network was made from. */
interface Part<T> {
  readonly value: T
  readonly places: Places
  readonly path: Path
}

/** Exported names with the flat ports that they stand for. */
interface ExportedPorts {
  readonly inputs: Map<string, string>
  readonly outputs: Map<string, string>
}

class Flattening {
  readonly components: (Part<FlatComponent> & { readonly name: string })[] = []
  readonly connections: Part<FlatConnection>[] = []
  readonly initial: Part<InitialPacket>[] = []
  readonly faults: VertigoError[] = []
  readonly #load: SubnetLoader
  /** By base and kind: a network that is used many times is read once. */
  readonly #loaded = new Map<string, Promise<Subnet | undefined>>()
  /** Subnets count as well: those without components would be looked through without end. */
  #componentsSeen = 0
  #isTooLarge = false

  constructor(load: SubnetLoader) {
    this.#load = load
  }

  #loadOnce(kind: string, at: { readonly path: string; readonly base: string }): Promise<Subnet | undefined> {
    const key = JSON.stringify([at.base, kind])
    let loading = this.#loaded.get(key)
    if (loading === undefined) {
      loading = this.#load(kind, at)
      this.#loaded.set(key, loading)
    }
    return loading
  }

  /** Whether there is room for more; where there is none, one fault says so, and nothing more is looked at. */
  #hasRoom({ places }: Subnet, path: Path): boolean {
    if (this.#isTooLarge) return false
    const what =
      this.#componentsSeen > flatComponentsMax
        ? `${flatComponentsMax} components`
        : this.connections.length > flatConnectionsMax
          ? `${flatConnectionsMax} connections`
          : undefined
    if (what === undefined) return true
    this.#isTooLarge = true
    const message = `With the networks in it, the network has more than ${what}.`
    this.faults.push(fault('NETWORK_TOO_LARGE', message, places, path))
    return false
  }

  async add(subnet: Subnet, scope: Scope): Promise<ExportedPorts> {
    const { network, places } = subnet
    const { prefix, group } = scope
    const base = places.file
    const subnets = new Map<string, ExportedPorts | 'broken'>()
    for (const [name, component] of Object.entries(network.components)) {
      this.#componentsSeen++
      if (!this.#hasRoom(subnet, ['components', name])) return { inputs: new Map(), outputs: new Map() }
      const inner = await this.#component(name, component, subnet, scope)
      if (inner !== undefined) {
        subnets.set(name, inner)
        continue
      }
      const value = {
        ...(group === undefined ? {} : { group }),
        ...component,
        ...placementWithin(prefix, component),
        base,
        ...(subnet.anyCase === true && { anyCase: true as const }),
      }
      this.components.push({ name: prefix + name, value, places, path: ['components', name] })
    }
    const resolve = (text: string, side: 'inputs' | 'outputs', path: Path): string | undefined => {
      const ref = parsePortRef(text)
      const inner = ref && subnets.get(ref.component)
      if (ref === undefined || inner === undefined) return prefix + text
      if (inner === 'broken') return undefined
      const names = [...inner[side].keys()]
      const port = subnet.anyCase === true ? portOfAnyCase(ref.port, names) : ref.port
      const found = inner[side].get(port ?? ref.port)
      if (found !== undefined) return found
      const what = side.slice(0, -1)
      const have =
        names.length === 0 ? `It exports no ${side}.` : `Its exported ${side}: ${names.join(', ')}.`
      const message = `The network ${ref.component} exports no ${what} "${ref.port}". ${have}${didYouMean(ref.port, names)}`
      this.faults.push(fault('PORT_UNKNOWN', message, places, path))
      return undefined
    }
    for (const [index, connection] of network.connections.entries()) {
      const path = ['connections', index]
      if (!this.#hasRoom(subnet, path)) return { inputs: new Map(), outputs: new Map() }
      const from = resolve(connection.from, 'outputs', [...path, 'from'])
      const to = resolve(connection.to, 'inputs', [...path, 'to'])
      if (from === undefined || to === undefined) continue
      this.connections.push({ value: { ...connection, from, to, base }, places, path })
    }
    for (const [index, packet] of (network.initial ?? []).entries()) {
      const path = ['initial', index]
      const to = resolve(packet.to, 'inputs', [...path, 'to'])
      if (to !== undefined) this.initial.push({ value: { ...packet, to }, places, path })
    }
    return this.#exports(subnet, scope, resolve)
  }

  /** The ports of a component that is a subnet, whose parts were added; undefined for any other. */
  async #component(
    name: string,
    component: Component,
    outer: Subnet,
    scope: Scope,
  ): Promise<ExportedPorts | 'broken' | undefined> {
    const path = ['components', name]
    const base = outer.places.file
    let subnet: Subnet | undefined
    try {
      subnet = await this.#loadOnce(component.kind, { path: scope.prefix + name, base })
    } catch (error) {
      if (!isVertigoError(error)) throw error
      const at = outer.places.of([...path, 'kind'])
      const own = error.place.line === undefined ? at : error.place
      const place = { path: `components.${name}.kind`, component: scope.prefix + name, ...own }
      const { message, cause, remedy, faults } = error
      this.faults.push(new VertigoError(error.code, message, { cause, remedy, faults, place }))
      return 'broken'
    }
    if (subnet === undefined) return undefined
    for (const option of singleOptions) {
      if (component[option] === undefined) continue
      const message = `${name} is a network (${component.kind}): it cannot have "${option}".`
      const at = [...path, option]
      this.faults.push(fault('SUBNET_OPTION', message, outer.places, at, { at: 'key' }))
    }
    const file = subnet.places.file
    if (scope.files.includes(file)) {
      const chain = [...scope.files.slice(scope.files.indexOf(file)), file].join(' -> ')
      const message = `${name} is a network that contains itself: ${chain}.`
      this.faults.push(fault('SUBNET_RECURSIVE', message, outer.places, [...path, 'kind']))
      return 'broken'
    }
    if (scope.files.length >= subnetDepthMax) {
      const message = `${name} is a network inside of ${subnetDepthMax} others; more levels are not taken.`
      this.faults.push(fault('SUBNET_DEPTH', message, outer.places, [...path, 'kind']))
      return 'broken'
    }
    return this.add(subnet, {
      prefix: `${scope.prefix}${name}${subnetSeparator}`,
      group: component.group ?? scope.group,
      files: [...scope.files, file],
    })
  }

  #exports(
    { network, places }: Subnet,
    scope: Scope,
    resolve: (text: string, side: 'inputs' | 'outputs', path: Path) => string | undefined,
  ): ExportedPorts {
    const ports: ExportedPorts = { inputs: new Map(), outputs: new Map() }
    for (const side of ['inputs', 'outputs'] as const)
      for (const [name, text] of Object.entries(network.exports?.[side] ?? {})) {
        const path = ['exports', side, name]
        const component = parsePortRef(text)?.component
        // The outermost network's exports are checked with everything else, by `validateNetwork`.
        const known = component !== undefined && Object.hasOwn(network.components, component)
        if (!known && scope.prefix !== '') {
          const near = didYouMean(component ?? text, Object.keys(network.components))
          const message = `The export "${name}" is ${text}, but there is no such component.${near}`
          this.faults.push(fault('COMPONENT_UNKNOWN', message, places, path))
        }
        const found = resolve(text, side, path)
        if (found !== undefined) ports[side].set(name, found)
      }
    return ports
  }

  places(outermost: Places): Places {
    const components = new Map(this.components.map((part) => [part.name, part]))
    const find = (path: Path): Part<unknown> | undefined => {
      const [top, second] = path
      if (top === 'components') return components.get(String(second))
      if (top === 'connections') return this.connections[Number(second)]
      return top === 'initial' ? this.initial[Number(second)] : undefined
    }
    return {
      file: outermost.file,
      of(path, at): Place {
        const part = path.length < 2 ? undefined : find(path)
        if (part === undefined) return outermost.of(path, at)
        return part.places.of([...part.path, ...path.slice(2)], at)
      },
    }
  }
}
