import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Component, Connection, Json, Network } from '../model/network.ts'
import type { ComponentHandle, InputHandle, OutputHandle, SubnetHandle } from './builder-handles.ts'
import type { InstanceContext } from './context.ts'
import type { Sent } from './define.ts'
import type { Kind } from './kind.ts'
import type { Port, Ports } from './port.ts'
import type { KeyCheck, SelectorFor, SelectorFunction } from './selectors.ts'

/** What a network says of itself beside its components: the same fields as in a file. */
export type NetworkOptions = Pick<
  Network,
  'description' | 'guarantee' | 'snapshot' | 'state' | 'journal' | 'deadLetter'
>

/** How a component runs: the same fields as in a network's file. */
export type ComponentSettings = Omit<Component, 'kind' | 'config'>

/** The configuration of a kind that declares no schema: plain JSON, which is handed on as it is. */
export type JsonConfig = { readonly [field: string]: Json }

/** The configuration as it is written, before the schema fills in what is left out. */
export type ConfigInput<C> = [C] extends [StandardSchemaV1] ? StandardSchemaV1.InferInput<C> : JsonConfig

/** The options of `add`: to be left out where the configuration has no required field. */
export type AddOptions<C> =
  {} extends ConfigInput<C>
    ? [options?: ComponentSettings & { readonly config?: ConfigInput<C> }]
    : [options: ComponentSettings & { readonly config: ConfigInput<C> }]

/** The options of `addKind`: the ports that the network uses are declared here, since the compiler cannot see them. */
export interface AddressedOptions<I extends Ports, O extends Ports> extends ComponentSettings {
  readonly inputs?: I
  readonly outputs?: O
  readonly config?: JsonConfig
}

/** For `connect`: how targets are chosen, whether the edge closes a cycle, and who observes it. */
export interface ConnectOptions<T, K extends string = string> extends Pick<Connection, 'back' | 'hooks'> {
  /** How the target's instance is chosen. Default `roundRobin()`. */
  readonly selector?: SelectorFor<T, K>
}

/** Ports of components under names of the network's own. */
export interface ExportedPorts {
  readonly inputs?: { readonly [name: string]: InputHandle<never> }
  readonly outputs?: { readonly [name: string]: OutputHandle<unknown> }
}

/** The ports that `exports` gives a network. */
export type ExportedInputs<X extends ExportedPorts> = {
  readonly [N in keyof X['inputs']]: X['inputs'][N] extends InputHandle<infer T> ? Port<T> : never
}
/** The outputs that a network exports, as ports of the kind that it is. */
export type ExportedOutputs<X extends ExportedPorts> = {
  readonly [N in keyof X['outputs']]: X['outputs'][N] extends OutputHandle<infer T> ? Port<T> : never
}

export const networkBrand = Symbol.for('vertigo.network')

declare const exportedPorts: unique symbol

/** A network that was built in code: the default export of its module. */
export interface BuiltNetwork<out I extends Ports = Ports, out O extends Ports = Ports> {
  readonly [networkBrand]: true
  readonly [exportedPorts]: { readonly inputs: I; readonly outputs: O }
  readonly name: string
  /** The network as data. From then on the network cannot be changed. */
  toNetwork(): Network
  /**
   * The code behind an address `#...` in `toNetwork()`, with or without the `#`: a component's name gives its kind or
   * network, `selector:<from>-><to>` a custom selector. Throws `KIND_UNKNOWN` for any other.
   */
  lookup(address: string): Kind | BuiltNetwork | SelectorFunction
}

/**
 * True for networks built with any loaded copy of this package. Here and not with the builder: a worker thread asks for it
 * with each module, and seldom needs what builds and checks networks.
 */
export function isNetworkBuilder(value: unknown): value is BuiltNetwork {
  return typeof value === 'object' && value !== null && networkBrand in value
}

/** The function that an inline component is made of. */
export type InlineFunction<A, R> = (
  message: A,
  context: InstanceContext<{ readonly in: Port<A> }, Readonly<Record<string, unknown>>>,
) => R

/**
 * Builds a network in code. The module that does so exports it by default, builds the same network every time it is
 * loaded and does not run it: every worker imports the module and looks its kinds up there.
 */
export interface NetworkBuilder extends BuiltNetwork<{}, {}> {
  /**
   * Adds a component whose kind is a function: port `in` is its argument, port `out` what it returns (see
   * `defineFunction`). It may capture the module's scope, nothing else.
   */
  add<A, R>(
    name: string,
    call: InlineFunction<A, R>,
    options?: ComponentSettings & { readonly config?: JsonConfig },
  ): ComponentHandle<{ readonly in: Port<A> }, { readonly out: Port<Sent<R>> }>
  /** Adds a network as a component: the ports that it exports are the component's ports. It cannot be changed afterwards. */
  add<I extends Ports, O extends Ports>(name: string, subnet: BuiltNetwork<I, O>): SubnetHandle<I, O>
  /** Adds a component of a kind; its configuration is checked by the compiler. */
  add<I extends Ports, O extends Ports, C>(
    name: string,
    kind: Kind<I, O, C>,
    ...options: AddOptions<C>
  ): ComponentHandle<I, O>
  /**
   * Adds a component by the address of its kind, as networks in files do: a built-in name, a path relative to the
   * network's module, a package export. The compiler believes the ports that are declared here.
   */
  addKind<const I extends Ports = {}, const O extends Ports = {}>(
    name: string,
    address: string,
    options?: AddressedOptions<I, O>,
  ): ComponentHandle<I, O>
  /** Leads messages from an output to an input that takes their type. */
  connect<T, K extends string = never>(
    from: OutputHandle<T>,
    to: InputHandle<NoInfer<T>>,
    options?: ConnectOptions<NoInfer<T>, K> & KeyCheck<NoInfer<T>, NoInfer<K>>,
  ): void
  /** Sends a JSON value once, before any source starts. */
  initial<T>(to: InputHandle<T>, value: NoInfer<T>): void
  /**
   * Gives ports of components to the outside, under names of the network's own. Called once; what it returns is the
   * same network with the types of these ports, to be exported and to be added to other networks.
   */
  exports<const X extends ExportedPorts>(ports: X): BuiltNetwork<ExportedInputs<X>, ExportedOutputs<X>>
}
