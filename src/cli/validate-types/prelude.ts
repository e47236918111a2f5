/** Where the check file imports this package from. */
export interface Library {
  readonly component: string
  readonly operators: string
  readonly connectors: string
}

/** What the check file needs before its first statement; a template, since it is compiled in the user's project. */
export function prelude(library: Library): readonly string[] {
  return template.replace('@component', JSON.stringify(library.component)).trim().split('\n')
}

const template = `
import type {
  BuiltNetwork, ComponentHandle, ConfigInput, HashSelector, InputHandle, JsonConfig, KeyCheck, Kind, OutputHandle,
  Port, Ports, SelectorFunction, Sent, SubnetHandle,
} from @component

interface NoKind { readonly noKind: never }
type HandleOf<K> =
  K extends Kind<infer I, infer O, unknown> ? ComponentHandle<I, O>
  : K extends BuiltNetwork<infer I, infer O> ? SubnetHandle<I, O>
  : K extends (message: infer A, context: never) => infer R
    ? ComponentHandle<{ readonly in: Port<A> }, { readonly out: Port<Sent<R>> }>
  : never
type ConfigOf<K> = K extends Kind<Ports, Ports, infer C> ? ConfigInput<C> : JsonConfig
type From<H> = H extends OutputHandle<infer T> ? T : never
type IsAny<T> = 0 extends 1 & T ? true : false
type IsOpen<T> = unknown extends T ? true : T extends object ? (string extends keyof T ? true : false) : false

/** Between modules of different kinds (ESM and CommonJS), a default export may arrive wrapped. */
declare function defaultOf<M>(module: M): M extends { readonly default: { readonly default: infer D } } ? D
  : M extends { readonly default: infer D } ? D
  : undefined
declare function component<K>(kind: K & ([HandleOf<K>] extends [never] ? NoKind : unknown)): HandleOf<K>
declare function passing<T>(): {
  <A, R extends A>(call: (message: A, ...more: never) => message is R): ComponentHandle<{ readonly in: Port<A> }, { readonly out: Port<T & R> }>
  <A>(call: (message: A, ...more: never) => unknown): ComponentHandle<{ readonly in: Port<A> }, { readonly out: Port<T> }>
}
declare function configure<K>(kind: K, config: ConfigOf<K>): void
declare function connect<T>(from: OutputHandle<T>, to: InputHandle<NoInfer<T>>): void
declare function constant<T>(to: InputHandle<T>, value: NoInfer<T>): void
declare function select<T>(from: OutputHandle<T>, choose: SelectorFunction<NoInfer<T>>): void
declare function key<T, const K extends string>(
  from: OutputHandle<T>, hash: { readonly selector: HashSelector<K> } & KeyCheck<T, K>,
): void
declare function hash<const K extends string>(key: K): HashSelector<K>
`
