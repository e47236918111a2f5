/** Selectors of connections, typed by the messages that they choose for. */

declare const messages: unique symbol
declare const keyed: unique symbol
declare const unfit: unique symbol

/** Chooses the instance of the target for each message of type `T`. */
export interface TypedSelector<in T> {
  readonly [messages]: (message: T) => void
  readonly type: 'round-robin' | 'random' | 'fair' | 'all' | 'custom'
  /** For `custom`. */
  readonly choose?: SelectorFunction<T>
}

/** Chooses by the key at the path `K`; by the whole message where `K` is `never`. */
export interface HashSelector<out K extends string> {
  readonly [keyed]: K
  readonly type: 'hash'
  readonly key?: string
}

/** Any selector for messages of type `T`; `connect` checks that they have the key `K`. */
export type SelectorFor<T, K extends string> = TypedSelector<T> | HashSelector<K>

/** A selector of the author's: gives the number of the target instance, from 0 to `targets - 1`, or several of them. */
export type SelectorFunction<in T = never> = (message: T, targets: number) => number | readonly number[]

/** The instances in turn. The default. */
export function roundRobin(): TypedSelector<unknown> {
  return selector({ type: 'round-robin' })
}

/** Any instance, each as likely. */
export function random(): TypedSelector<unknown> {
  return selector({ type: 'random' })
}

/** The instance with the fewest messages waiting. */
export function fair(): TypedSelector<unknown> {
  return selector({ type: 'fair' })
}

/** Every instance gets every message. */
export function all(): TypedSelector<unknown> {
  return selector({ type: 'all' })
}

/**
 * Messages of equal keys go to the same instance. Without `key` the whole message is the key; with it, what stands
 * there: `hash('user.id')`. Every message of the connection must have the key (it may be optional: then messages
 * without it share one instance); else the connection does not compile.
 */
export function hash(): HashSelector<never>
export function hash<const K extends string>(key: K): HashSelector<K>
export function hash(key?: string): HashSelector<string> {
  return (key === undefined ? { type: 'hash' } : { type: 'hash', key }) as HashSelector<string>
}

/** The instance that `choose` names. It must depend on nothing but the message, so that a replay chooses alike. */
export function custom<T>(choose: SelectorFunction<T>): TypedSelector<T> {
  return selector({ type: 'custom', choose })
}

/**
 * `unknown` where every message of type `T` may have a key at the path `K`; else a selector that nothing is, named for
 * the compiler's message. It follows the path only, so recursive types and deep paths do no harm.
 */
export type KeyCheck<T, K extends string> = [K] extends [never]
  ? unknown
  : Lacks<At<T, K>> extends true
    ? { readonly selector: `messages have no field "${K}"` }
    : unknown

type At<T, K extends string> = K extends `${infer First}.${infer Rest}`
  ? At<Field<T, First>, Rest>
  : Field<T, K>

/** One step of a path into each member of a union. What may be absent is looked through. */
type Field<T, F extends string> =
  IsAny<T> extends true
    ? T
    : unknown extends T
      ? Absent
      : T extends null | undefined
        ? never
        : T extends OpenObject
          ? OpenObject
          : T extends (...values: never) => unknown
            ? Absent
            : T extends object
              ? FieldOfObject<T, F>
              : Absent

type FieldOfObject<T extends object, F extends string> = string extends F
  ? Absent
  : F extends keyof T
    ? T[F] extends (...values: never) => unknown
      ? Absent
      : Opened<T, T[F]>
    : F extends `${number}`
      ? number extends keyof T
        ? T[number & keyof T]
        : Absent
      : Absent

/** A field of a type that allows any field: where nothing is known of its value, everything is allowed below too. */
type Opened<T, V> = string extends keyof T ? (unknown extends V ? OpenObject : V) : V

type IsAny<T> = 0 extends 1 & T ? true : false
type Lacks<V> = IsAny<V> extends true ? false : [Extract<V, Absent>] extends [never] ? false : true

/** What the path leads to where there is no such field. */
interface Absent {
  readonly [unfit]: 'absent'
}
interface OpenObject {
  readonly [unfit]: 'open'
}

function selector<T>(declared: Pick<TypedSelector<T>, 'type' | 'choose'>): TypedSelector<T> {
  return declared as TypedSelector<T>
}
