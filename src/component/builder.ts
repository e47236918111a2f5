import { VertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { implicitOutputs } from '../model/kind-info.ts'
import type { Component, Connection, InitialPacket, Network, Selector } from '../model/network.ts'
import { networkInvalid, placesOfFile } from '../model/places.ts'
import { networkSchema } from '../model/schema.ts'
import { checkShape } from '../model/shape.ts'
import type { ComponentHandle } from './builder-handles.ts'
import { type AnyHandle, HandleMaker } from './builder-ports.ts'
import {
  type AddressedOptions,
  type BuiltNetwork,
  type ComponentSettings,
  type ConnectOptions,
  type ExportedPorts,
  isNetworkBuilder,
  networkBrand,
  type NetworkBuilder,
  type NetworkOptions,
} from './builder-types.ts'
import { defineFunction } from './define.ts'
import { isKind, type Kind } from './kind.ts'
import type { Ports } from './port.ts'
import type { HashSelector, SelectorFunction, TypedSelector } from './selectors.ts'

/**
 * Begins a network built in code.
 *
 * ```ts
 * const net = network('word-count')
 * const lines = net.add('lines', fileLines, { config: { path: 'input.txt' } })
 * const split = net.add('split', splitWords)
 * net.connect(lines.outputs.out, split.inputs.in)
 * export default net
 * ```
 *
 * `connect` takes ports, not names, so that the compiler checks what leads where. Misuse that it cannot see (a name
 * used twice, a port of another network, a value that is not JSON) throws at the call; cycles and missing keys are
 * found by validation, as in networks from files.
 */
export function network(name: string, options: NetworkOptions = {}): NetworkBuilder {
  return new Builder(name, options) as unknown as NetworkBuilder
}

type Code = Kind | BuiltNetwork
type AnySelector = TypedSelector<never> | HashSelector<string>

class Builder {
  readonly [networkBrand] = true
  readonly name: string
  readonly #options: NetworkOptions
  readonly #ports: HandleMaker
  readonly #components = new Map<string, Component>()
  readonly #code = new Map<string, Code>()
  readonly #connections: Connection[] = []
  readonly #selectors = new Map<string, SelectorFunction>()
  readonly #initial: InitialPacket[] = []
  #exports: Network['exports']
  #used: Network | undefined

  constructor(name: string, options: NetworkOptions) {
    this.name = name
    this.#options = options
    this.#ports = new HandleMaker(name)
    this.#check({})
  }

  add(
    name: string,
    code: unknown,
    options: ComponentSettings & { readonly config?: unknown } = {},
  ): ComponentHandle<Ports, Ports> {
    this.#free(name)
    const kind = typeof code === 'function' ? defineFunction(code as (message: unknown) => unknown) : code
    if (isNetworkBuilder(kind)) return this.#addSubnet(name, kind, options)
    if (!isKind(kind)) throw noKind(name, code)
    this.#addComponent(name, { kind: kind.builtIn ?? `#${name}`, ...options } as Component)
    this.#code.set(name, kind)
    return this.#ports.make(name, Object.keys(kind.inputs), [
      ...new Set([...Object.keys(kind.outputs), ...implicitOutputs]),
    ])
  }

  addKind(
    name: string,
    address: string,
    options: AddressedOptions<Ports, Ports> = {},
  ): ComponentHandle<Ports, Ports> {
    this.#free(name)
    if (typeof address !== 'string' || address.startsWith('#'))
      throw new VertigoError('KIND_INVALID', `"${name}" needs the address of a kind.`, {
        remedy:
          'Give a built-in name, a path such as "./count.ts", or a package; kinds and functions go to `add`.',
      })
    const { inputs = {}, outputs = {}, ...rest } = options
    this.#addComponent(name, { kind: address, ...rest })
    return this.#ports.make(name, Object.keys(inputs), [
      ...new Set([...Object.keys(outputs), ...implicitOutputs]),
    ])
  }

  connect(from: unknown, to: unknown, options: ConnectOptions<never> = {}): void {
    this.#open()
    const source = this.#ports.text(from, 'output')
    const target = this.#ports.text(to, 'input')
    if (this.#connections.some((known) => known.from === source && known.to === target))
      throw new VertigoError('CONNECTION_DUPLICATE', `"${source}" leads to "${target}" already.`)
    const { selector, back, hooks } = options
    const connection: Connection = {
      from: source,
      to: target,
      ...(selector === undefined ? {} : { selector: this.#selector(selector, `${source}->${target}`) }),
      ...(back === undefined ? {} : { back }),
      ...(hooks === undefined ? {} : { hooks }),
    }
    this.#check({ connections: [connection] })
    this.#connections.push(copyOf(connection))
  }

  initial(to: unknown, value: unknown): void {
    this.#open()
    const packet = { to: this.#ports.text(to, 'input'), value } as InitialPacket
    this.#check({ initial: [packet] })
    this.#initial.push(copyOf(packet))
  }

  exports(ports: ExportedPorts): this {
    this.#open()
    if (this.#exports !== undefined)
      throw new VertigoError('NETWORK_IN_USE', `The exports of network "${this.name}" were given already.`, {
        remedy: 'Call `exports` once, with all ports.',
      })
    const exported: Network['exports'] = {
      ...(ports.inputs === undefined ? {} : { inputs: this.#texts(ports.inputs, 'input') }),
      ...(ports.outputs === undefined ? {} : { outputs: this.#texts(ports.outputs, 'output') }),
    }
    this.#check({ exports: exported })
    this.#exports = exported
    return this
  }

  toNetwork(): Network {
    this.#used ??= deepFreeze({
      name: this.name,
      ...copyOf(this.#options),
      components: Object.fromEntries(this.#components),
      connections: this.#connections,
      ...(this.#initial.length === 0 ? {} : { initial: this.#initial }),
      ...(this.#exports === undefined ? {} : { exports: this.#exports }),
    })
    return this.#used
  }

  lookup(address: string): Code | SelectorFunction {
    const name = address.startsWith('#') ? address.slice(1) : address
    const found = this.#code.get(name) ?? this.#selectors.get(name)
    if (found !== undefined) return found
    const known = [...this.#code.keys(), ...this.#selectors.keys()]
    throw new VertigoError(
      'KIND_UNKNOWN',
      `Network "${this.name}" has no code for "${name}".${didYouMean(name, known)}`,
      { remedy: 'The module of a network must build the same network each time it is loaded.' },
    )
  }

  #addSubnet(name: string, subnet: BuiltNetwork, options: object): ComponentHandle<Ports, Ports> {
    if ((subnet as object) === this)
      throw new VertigoError('SUBNET_RECURSIVE', `Network "${this.name}" cannot be added to itself.`)
    if (Object.keys(options).length > 0)
      throw new VertigoError(
        'SUBNET_OPTION',
        `"${name}" is a network, which takes no options: ${Object.keys(options).join(', ')}.`,
      )
    const { exports = {} } = subnet.toNetwork()
    this.#addComponent(name, { kind: `#${name}` })
    this.#code.set(name, subnet)
    return this.#ports.make(name, Object.keys(exports.inputs ?? {}), Object.keys(exports.outputs ?? {}))
  }

  #addComponent(name: string, component: Component): void {
    this.#check({ components: Object.fromEntries([[name, component]]) })
    this.#components.set(name, copyOf(component))
  }

  #selector(selector: AnySelector, path: string): Selector {
    const type: unknown = (selector as Partial<AnySelector> | null)?.type
    if (selector.type === 'hash')
      return selector.key === undefined ? 'hash' : { type: 'hash', key: selector.key }
    if (selector.type !== 'custom') {
      if (typeof type === 'string') return selector.type
      throw new VertigoError('FIELD_INVALID', `The selector of ${path} is none.`, {
        remedy: 'Use roundRobin(), random(), fair(), all(), hash() or custom(function).',
      })
    }
    if (typeof selector.choose !== 'function')
      throw new VertigoError('FIELD_INVALID', `The custom selector of ${path} has no function.`, {
        remedy: 'Use custom((message, targets) => ...).',
      })
    this.#selectors.set(`selector:${path}`, selector.choose)
    return { type: 'custom', kind: `#selector:${path}` }
  }

  #texts(ports: Readonly<Record<string, unknown>>, direction: 'input' | 'output'): Record<string, string> {
    return Object.fromEntries(
      Object.entries(ports).map(([name, handle]) => [name, this.#ports.text(handle as AnyHandle, direction)]),
    )
  }

  #free(name: string): void {
    this.#open()
    if (this.#components.has(name))
      throw new VertigoError('KEY_DUPLICATE', `Network "${this.name}" has a component "${name}" already.`, {
        remedy: 'Give each component a name of its own.',
        place: { component: name },
      })
  }

  #open(): void {
    if (this.#used !== undefined)
      throw new VertigoError(
        'NETWORK_IN_USE',
        `Network "${this.name}" is in use and cannot be changed any more.`,
      )
  }

  /** The form of a part of the network, by the same table as for files; at once, so that the stack shows the call. */
  #check(part: Partial<Network>): void {
    const whole = { name: this.name, ...this.#options, components: {}, connections: [], ...part }
    const places = placesOfFile(`network "${this.name}"`)
    const faults = checkShape(whole, networkSchema, places)
    if (faults.length === 1) throw faults[0]!
    if (faults.length > 1) throw networkInvalid(faults, places.file)
  }
}

function noKind(name: string, code: unknown): VertigoError {
  const inModule = (code as { readonly default?: unknown } | null | undefined)?.default
  const isModule = isKind(inModule) || isNetworkBuilder(inModule) || typeof inModule === 'function'
  const remedy = isModule
    ? 'It is a module: import its default export (`import kind from`, not `import * as kind from`).'
    : typeof code === 'string'
      ? 'Use `addKind` to add a component by the address of its kind.'
      : undefined
  const what = code === null ? 'null' : Array.isArray(code) ? 'a list' : `of type ${typeof code}`
  return new VertigoError('KIND_INVALID', `"${name}" was given no kind: the value is ${what}.`, {
    remedy,
    place: { component: name },
  })
}

/** Checked before to be JSON. Fields that are `undefined` are left out. */
function copyOf<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const item of Object.values(value)) deepFreeze(item)
  }
  return value
}
