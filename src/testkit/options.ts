import type { ConfigInput } from '../component/builder-types.ts'
import type { MessageOf, Ports } from '../component/port.ts'
import type { ErrorPolicy, Selector } from '../model/network.ts'

/** How one output port is treated. */
export interface OutputSettings {
  /** Messages that fit into the channel behind the port. Default 1: back-pressure after each message. */
  readonly capacity?: number
  /** Nothing is let through before `release`: what back-pressure does to the component shows. Default false. */
  readonly hold?: boolean
}

/** How one input port is connected. */
export interface InputSettings {
  /** Default: `hash` where the component has keyed state or `key` is given, else `round-robin`. */
  readonly selector?: Exclude<Selector, { readonly type: 'custom' }>
  /** Path of the routing key, such as `user.id`. Default: the whole message. */
  readonly key?: string
}

export interface ComponentTestOptions<I extends Ports, O extends Ports, C> {
  readonly config?: ConfigInput<C>
  /** Name of the component. Default `component`. */
  readonly name?: string
  /** Number of instances. Default 1. All of them run, unless `instance` says which. */
  readonly instances?: number
  /** Runs only this one of `instances` (0-based). */
  readonly instance?: number
  /** As in a network. Default: what the kind declares, else 1. */
  readonly concurrency?: number
  readonly order?: 'input' | 'completion'
  /** As in a network. Default `fail`: the next call of the tester throws the error. */
  readonly errors?: ErrorPolicy
  readonly inputs?: { readonly [P in keyof I]?: InputSettings }
  readonly outputs?: { readonly [P in keyof O]?: OutputSettings }
  /** What `load` of the component's `setup` gives, by address. */
  readonly modules?: Readonly<Record<string, unknown>>
  /** Messages that a handler may emit for one message. Default 10,000, as in a run. */
  readonly emitPerMessageMax?: number
  /** Where the clock begins, in milliseconds since 1970. Default 2025-01-01T00:00:00Z. */
  readonly startMs?: number
  /** Seed of everything that is random. Default 1. */
  readonly seed?: number
}

/** What `failNext` and `failNextEmit` do. */
export interface Failure {
  /** What is thrown. Default: an error that says that the test wanted it. */
  readonly error?: Error
  /** How often, one after another. Default 1. */
  readonly times?: number
}

/** How time goes while a tester waits. */
export interface Passing {
  /**
   * Time that passes between two looks, in milliseconds: for components that look at something outside by their clock,
   * such as a file that grows. Default 0: time stands still.
   */
  readonly stepMs?: number
}

/** Inputs by port: `{ line: ['a b', 'c'] }`. */
export type Inputs<I extends Ports> = { readonly [P in keyof I]?: readonly MessageOf<I[P]>[] }
export type Outputs<O extends Ports> = { readonly [P in keyof O]: readonly MessageOf<O[P]>[] }
