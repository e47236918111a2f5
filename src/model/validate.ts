import { asError, VertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { subnetSeparator } from './flatten.ts'
import { cyclicParts, type Edge, findCycles } from './cycles.ts'
import { cannotRepeat } from './guarantee.ts'
import { implicitOutputs, type KindInfo, type KindLookup, sharedStateFault } from './kind-info.ts'
import {
  type Component,
  type Guarantee,
  type Network,
  parsePortRef,
  type PortRef,
  selectorSpec,
} from './network.ts'
import { errorPlace, fault, type Path, pathText, type Places, sortFaults } from './places.ts'

/**
 * What is wrong with the meaning of a network whose form is right: every fault, in the order of the file. `kinds` gives
 * what was found for a component's kind; where it gives undefined, that component's ports are not checked. The network
 * may be flat (`flattenNetwork`) or have subnets, which then count as components with the ports that they export.
 *
 * What cannot be known without running is not checked: that connections into one keyed state use keys of one type, and
 * that types of messages fit.
 *
 * `guarantee`: what is to be kept when something fails, which is asked of the sources then. Absent: nothing is, as in a run of one
 * process, which has no use for what sources need for it.
 */
export async function validateNetwork(
  network: Network,
  kinds: (component: string) => KindLookup | undefined,
  places: Places,
  guarantee?: Guarantee,
): Promise<readonly VertigoError[]> {
  const check = new NetworkCheck(network, kinds, places)
  check.isSomething()
  check.connections()
  check.initial()
  check.exports()
  check.placement()
  check.cycles()
  check.components()
  if (guarantee === 'exactly-once') check.sources()
  await check.configs()
  await check.targets()
  return sortFaults(check.faults)
}

/** Whether `name` is that component, or one of the subnet of that name. */
export function isWithin(component: string, name: string): boolean {
  return component === name || component.startsWith(name + subnetSeparator)
}

class NetworkCheck {
  readonly faults: VertigoError[] = []
  readonly #network: Network
  readonly #infos = new Map<string, KindInfo>()
  readonly #places: Places
  /** Components that something leads into, or is meant to. */
  readonly #fed = new Set<string>()

  constructor(network: Network, kinds: (component: string) => KindLookup | undefined, places: Places) {
    this.#network = network
    this.#places = places
    for (const name of Object.keys(network.components)) {
      const lookup = kinds(name)
      if (lookup === undefined) continue
      if ('info' in lookup) this.#infos.set(name, lookup.info)
      else this.faults.push(atComponent(lookup.error, places, name))
    }
  }

  isSomething(): void {
    if (Object.keys(this.#network.components).length > 0) return
    this.#add('NETWORK_EMPTY', `The network "${this.#network.name}" has no components.`, ['components'])
  }

  connections(): void {
    const seen = new Map<string, number>()
    for (const [index, connection] of this.#network.connections.entries()) {
      const path = ['connections', index]
      this.#output(connection.from, [...path, 'from'])
      const target = this.#input(connection.to, [...path, 'to'])
      const ends = `${connection.from} -> ${connection.to}`
      const first = seen.get(ends)
      if (first === undefined) seen.set(ends, index)
      else {
        const { line } = this.#places.of(['connections', first])
        const where = line === undefined ? pathText(['connections', first]) : `line ${line}`
        const message = `${ends} is connected twice: first in ${where}.`
        this.#add('CONNECTION_DUPLICATE', message, path)
      }
      this.#selector(index, target)
    }
  }

  #selector(index: number, target: string | undefined): void {
    const { from, to, selector } = this.#network.connections[index]!
    const spec = selectorSpec(selector)
    const path = ['connections', index, 'selector']
    if (spec.type === 'hash' && spec.key !== undefined && !/^[^.\s]+(\.[^.\s]+)*$/.test(spec.key)) {
      const message = `${JSON.stringify(spec.key)} is no path of a key.`
      const remedy = 'Join the names of the fields with dots: user.id.'
      const at = typeof selector === 'object' ? [...path, 'key'] : path
      this.#add('FIELD_INVALID', message, at, remedy)
    }
    if (target === undefined || spec.type === 'hash' || !this.#infos.get(target)?.keyedState) return
    const message = `${from} -> ${to} is routed by ${spec.type}, but ${target} has keyed state, which needs hash.`
    this.#add('STATE_NEEDS_HASH', message, path)
  }

  initial(): void {
    for (const [index, { to }] of (this.#network.initial ?? []).entries())
      this.#input(to, ['initial', index, 'to'])
  }

  exports(): void {
    const { inputs = {}, outputs = {} } = this.#network.exports ?? {}
    for (const [name, ref] of Object.entries(inputs)) this.#input(ref, ['exports', 'inputs', name])
    for (const [name, ref] of Object.entries(outputs)) this.#output(ref, ['exports', 'outputs', name])
  }

  placement(): void {
    const names = Object.keys(this.#network.components)
    for (const [name, { placement }] of Object.entries(this.#network.components))
      for (const [index, other] of (placement?.apart ?? []).entries()) {
        const path = ['components', name, 'placement', 'apart', index]
        if (other === name) {
          const message = `${name} cannot be apart from itself.`
          this.#add('FIELD_INVALID', message, path, 'For copies on different nodes, write `spread: node`.')
        } else if (!names.some((known) => isWithin(known, other))) {
          const message = `${name} is to be apart from "${other}", but there is no such component.${didYouMean(other, names)}`
          this.#add('COMPONENT_UNKNOWN', message, path)
        }
      }
  }

  #output(text: string, path: Path): void {
    const ref = this.#reference(text, path)
    const info = ref && this.#infos.get(ref.component)
    if (ref === undefined || info === undefined) return
    if (info.outputs.includes(ref.port)) return
    if (info.role !== 'network' && implicitOutputs.includes(ref.port)) return
    this.#portUnknown(ref, info, 'output', path)
  }

  /** Gives the component that the input belongs to, where there is one. */
  #input(text: string, path: Path): string | undefined {
    const ref = this.#reference(text, path)
    if (ref === undefined) return undefined
    this.#fed.add(ref.component)
    const info = this.#infos.get(ref.component)
    if (info === undefined) return ref.component
    if (info.role === 'source') {
      const message = `${ref.component} is a source: nothing can lead into it.`
      this.#add('SOURCE_HAS_INPUT', message, path)
    } else if (!info.inputs.includes(ref.port)) this.#portUnknown(ref, info, 'input', path)
    return ref.component
  }

  #reference(text: string, path: Path): PortRef | undefined {
    const ref = parsePortRef(text)
    if (ref === undefined) {
      const component = text.replaceAll('.', '')
      const info = this.#infos.get(component)
      const port = path[2] === 'from' || path[1] === 'outputs' ? info?.outputs[0] : info?.inputs[0]
      const hint = port === undefined ? '' : ` Did you mean "${component}.${port}"?`
      const message = `${JSON.stringify(text)} has not the form component.port.${hint}`
      this.#add('PORT_REFERENCE_INVALID', message, path)
      return undefined
    }
    if (Object.hasOwn(this.#network.components, ref.component)) return ref
    const near = didYouMean(ref.component, Object.keys(this.#network.components))
    const message = `There is no component "${ref.component}".${near}`
    this.#add('COMPONENT_UNKNOWN', message, path)
    return undefined
  }

  #portUnknown(ref: PortRef, info: KindInfo, side: 'input' | 'output', path: Path): void {
    const ports = side === 'input' ? info.inputs : info.outputs
    const others = side === 'input' ? info.outputs : info.inputs
    const { kind } = this.#network.components[ref.component]!
    const have = ports.length === 0 ? `It has no ${side}s.` : `Its ${side}s: ${ports.join(', ')}.`
    const swapped = others.includes(ref.port)
      ? ` "${ref.port}" is an ${side === 'input' ? 'output' : 'input'}.`
      : didYouMean(ref.port, ports)
    const message = `${ref.component} (${kind}) has no ${side} "${ref.port}". ${have}${swapped}`
    this.#add('PORT_UNKNOWN', message, path)
  }

  cycles(): void {
    const edges: Edge[] = []
    for (const [index, { from, to }] of this.#network.connections.entries()) {
      const source = parsePortRef(from)?.component
      const target = parsePortRef(to)?.component
      if (source !== undefined && target !== undefined) edges.push({ from: source, to: target, index })
    }
    const names = Object.keys(this.#network.components)
    const declared = (edge: Edge): boolean => this.#network.connections[edge.index]!.back === true
    for (const cycle of findCycles(
      names,
      edges.filter((edge) => !declared(edge)),
    )) {
      const closing = cycle.at(-1)!
      const around = [closing.to, ...cycle.map((edge) => edge.to)].join(' -> ')
      const { from, to } = this.#network.connections[closing.index]!
      const remedy = `Add \`back: true\` to the connection ${from} -> ${to}, or remove it.`
      this.#add('CYCLE_UNDECLARED', `There is a cycle: ${around}.`, ['connections', closing.index], remedy)
    }
    const parts = cyclicParts(names, edges)
    for (const edge of edges.filter(declared)) {
      if (edge.from === edge.to || parts.get(edge.from) === parts.get(edge.to)) continue
      const message = `${edge.from} -> ${edge.to} is declared with \`back: true\`, but closes no cycle.`
      this.#add('BACK_WITHOUT_CYCLE', message, ['connections', edge.index, 'back'])
    }
  }

  components(): void {
    for (const [name, info] of this.#infos) {
      const path = ['components', name]
      if (info.role !== 'source' && info.inputs.length > 0 && !this.#fed.has(name)) {
        const message = `Nothing leads into ${name} (inputs: ${info.inputs.join(', ')}): it would never run.`
        this.#add('INPUT_UNCONNECTED', message, path)
      }
      const { concurrency = info.concurrency ?? 1, errors } = this.#network.components[name]!
      const shared = sharedStateFault(name, {
        instanceState: info.instanceState ?? false,
        concurrency,
        errors,
      })
      if (shared !== undefined) this.#add('STATE_NEEDS_TURNS', shared, path)
    }
  }

  /** Exactly-once is not kept of what cannot be given again. */
  sources(): void {
    for (const [name, info] of this.#infos) {
      const component = this.#network.components[name]!
      if (!cannotRepeat(component, info)) continue
      const [field, why] =
        component.journal === false
          ? ['journal', 'is to have no journal']
          : ['kind', 'cannot have a journal, as its kind says']
      const message = `${name} (${component.kind}) cannot start again from a position, and ${why}: exactly-once needs one of the two.`
      this.#add('SOURCE_CANNOT_REWIND', message, ['components', name, field])
    }
  }

  async configs(): Promise<void> {
    const found = await Promise.all(
      [...this.#infos].map(([name, info]) => this.#config(name, info, this.#network.components[name]!)),
    )
    this.faults.push(...found.flat())
  }

  async #config(name: string, info: KindInfo, component: Component): Promise<VertigoError[]> {
    const path = ['components', name, 'config']
    try {
      const faults = await info.checkConfig(component.config ?? {})
      return faults.map((found) => {
        const at = [...path, ...found.path]
        const message = `${name} (${component.kind}): ${pathText(at.slice(2))}: ${found.message}`
        return fault('CONFIG_INVALID', message, this.#places, at)
      })
    } catch (thrown) {
      const error = asError(thrown)
      const message = `${name} (${component.kind}): checking the configuration failed: ${error.message}`
      return [fault('CONFIG_INVALID', message, this.#places, path, { cause: error })]
    }
  }

  /** Two that write to one file would lose what one of them has written. */
  async targets(): Promise<void> {
    const found = await Promise.all(
      [...this.#infos].map(async ([name, info]) => {
        const { config = {}, instances = 1 } = this.#network.components[name]!
        // A configuration that cannot be checked is a fault already.
        const targets = await info.targets?.(config, instances).catch(() => undefined)
        return { name, targets: targets ?? [] }
      }),
    )
    const owners = new Map<string, { readonly name: string; readonly instance: number }>()
    for (const { name, targets } of found)
      for (const [instance, texts] of targets.entries())
        for (const text of texts) {
          const owner = owners.get(text)
          if (owner === undefined) owners.set(text, { name, instance })
          else this.#targetShared(text, owner, { name, instance })
        }
  }

  #targetShared(
    text: string,
    first: { readonly name: string; readonly instance: number },
    second: { readonly name: string; readonly instance: number },
  ): void {
    const who =
      first.name === second.name
        ? `Instances ${first.instance} and ${second.instance} of ${first.name}`
        : `${first.name} and ${second.name}`
    this.#add('TARGET_SHARED', `${who} both write to ${text}.`, ['components', second.name, 'config'])
  }

  #add(code: VertigoError['code'], message: string, path: Path, remedy?: string): void {
    this.faults.push(fault(code, message, this.#places, path, { remedy }))
  }
}

/** The error of a kind, with the place in the network added; a place in the kind's own module stays. */
function atComponent(error: VertigoError, places: Places, name: string): VertigoError {
  const place = errorPlace(places, ['components', name, 'kind'])
  const { message, cause, remedy, faults } = error
  // An error without a line is about the address, which stands here.
  const own = error.place.line === undefined ? place : { path: place.path, component: name, ...error.place }
  return new VertigoError(error.code, message, { cause, remedy, faults, place: own })
}
