/**
 * State that a component declares. Keyed state belongs to the routing key of the current message or timer; instance
 * state belongs to the instance. Values are immutable: they change through `set` and `update` only.
 */

import { VertigoError } from '../base/errors.ts'

declare const stateType: unique symbol

export interface StateOptions {
  /**
   * `keyed`: one for each routing key (all inputs must then be `hash` connections). `instance`: one for each
   * instance. Default `keyed`, since that can be spread over more instances.
   */
  readonly scope?: 'keyed' | 'instance'
  /** Time after the last change, in milliseconds, when the entry is forgotten. Default: never. */
  readonly ttlMs?: number
}

/** Of lists and maps, which have parts. */
export interface PartedStateOptions extends StateOptions {
  /**
   * Instance state only: what happens to it when the number of instances changes. `split`: the items of all lists, or the entries of all
   * maps, are dealt out. `union`: every instance gets all of them. `refuse`: the number cannot change. Default `refuse`, since nobody
   * else knows what the state means.
   */
  readonly onRescale?: Redistribution
}

export type Redistribution = 'split' | 'union' | 'refuse'

export interface ValueDeclaration<out T> {
  readonly [stateType]: T
  readonly type: 'value'
  readonly initial: T
  readonly options: StateOptions
}

export interface MapDeclaration<out K, out V> {
  readonly [stateType]: readonly [K, V]
  readonly type: 'map'
  readonly options: PartedStateOptions
}

export interface ListDeclaration<out T> {
  readonly [stateType]: T
  readonly type: 'list'
  readonly options: PartedStateOptions
}

export type StateDeclaration =
  ValueDeclaration<unknown> | MapDeclaration<unknown, unknown> | ListDeclaration<unknown>

export type StateDeclarations = { readonly [name: string]: StateDeclaration }

/** One value with an initial value: `value(0)`. Errors: STATE_INVALID. */
export function value<T>(initial: T, options: StateOptions = {}): ValueDeclaration<T> {
  check(options, false)
  return { type: 'value', initial, options } as ValueDeclaration<T>
}

/** A map, whose entries are read and written one by one. Errors: STATE_INVALID. */
export function map<K, V>(options: PartedStateOptions = {}): MapDeclaration<K, V> {
  check(options, true)
  return { type: 'map', options } as MapDeclaration<K, V>
}

/** A list that is appended to. Errors: STATE_INVALID. */
export function list<T>(options: PartedStateOptions = {}): ListDeclaration<T> {
  check(options, true)
  return { type: 'list', options } as ListDeclaration<T>
}

/** What types say is said to those who have none, too. */
function check(
  { scope = 'keyed', ttlMs, onRescale = 'refuse' }: PartedStateOptions,
  hasParts: boolean,
): void {
  const refuse = (what: string): never => {
    throw new VertigoError('STATE_INVALID', `A state cannot be declared like this: ${what}.`)
  }
  if (ttlMs !== undefined && !(ttlMs > 0)) refuse(`its \`ttlMs\` is ${ttlMs}, and no time`)
  if (onRescale === 'refuse') return
  if (scope === 'keyed') refuse('keyed state moves with its keys; `onRescale` is for state of the instance')
  if (!hasParts)
    refuse(`one value has no parts, so it cannot be \`onRescale: ${onRescale}\`; use a list or a map`)
}

/** State by the names of its declaration: values as they are, maps as `Map`, lists as arrays. */
export type StateContent = { readonly [name: string]: unknown }

/** Whose state it is. */
export interface MigratedState {
  readonly scope: 'keyed' | 'instance'
  /** The routing key; undefined for state of the instance. */
  readonly key: unknown
}

/**
 * How state of one version is made of that of the version before, and the other way around. Both are called for each key, and once for
 * state of the instance. What a result does not name has its initial value.
 */
export interface StateMigration {
  /** Makes this version of the one before. */
  readonly up?: (state: StateContent, of: MigratedState) => StateContent
  /** Makes the version before of this one, for going back to older code. */
  readonly down?: (state: StateContent, of: MigratedState) => StateContent
}

/** One value, of the current key or of the instance. Changes are taken back when the handler's attempt fails. */
export interface ValueState<T> {
  get(): T
  /** Replaces the value, which is not to be changed in place: that could not be taken back. */
  set(value: T): void
  /** Replaces the value by what `change` makes of it, and returns the new one. */
  update(change: (old: T) => T): T
  /** Back to the initial value. */
  clear(): void
}

/** Entries that are read and written one by one. Keys are compared as in a `Map`. */
export interface MapState<K, V> {
  readonly size: number
  get(key: K): V | undefined
  has(key: K): boolean
  set(key: K, value: V): void
  /** Replaces the entry by what `change` makes of it (of `undefined` where there is none), and returns the new one. */
  update(key: K, change: (old: V | undefined) => V): V
  /** True where there was one. */
  delete(key: K): boolean
  clear(): void
  /** In no promised order. */
  entries(): IterableIterator<[K, V]>
}

/** Items that are appended; appending is cheap however long the list is. */
export interface ListState<T> {
  readonly length: number
  push(item: T): void
  /** All items in the order of their appending; not to be changed. */
  get(): readonly T[]
  clear(): void
}

/** The handles that a declaration gives. */
export type StateOf<S> = {
  readonly [N in keyof S]: S[N] extends ValueDeclaration<infer T>
    ? ValueState<Widen<T>>
    : S[N] extends MapDeclaration<infer K, infer V>
      ? MapState<K, V>
      : S[N] extends ListDeclaration<infer T>
        ? ListState<T>
        : never
}

/** `value(0)` is a number, not the literal 0. */
type Widen<T> = T extends number
  ? number extends T
    ? T
    : number
  : T extends string
    ? string extends T
      ? T
      : string
    : T extends boolean
      ? boolean
      : T extends bigint
        ? bigint
        : T
