import type { StandardSchemaV1 } from '@standard-schema/spec'

declare const messageType: unique symbol

/**
 * A declared port. The type parameter stands in a member that is not optional, so that the compiler compares it
 * (an optional or missing member would let every port fit every other).
 */
export interface Port<out T> {
  readonly [messageType]: T
  /** Checks values where that is asked for: at the network's edges, and everywhere in the test kit. */
  readonly schema?: StandardSchemaV1
  /** Size of a message in bytes, for back-pressure; without it the engine estimates from samples. */
  readonly sizeOf?: (message: never) => number
}

/** Ports by name. */
export type Ports = { readonly [name: string]: Port<unknown> }

/** The message type of a port. */
export type MessageOf<P> = P extends Port<infer T> ? T : never

/** For `port`. */
export interface PortOptions<T> {
  /**
   * Size of one message in bytes. Give it where messages differ much in size and hold their bulk where an estimate
   * does not see it. Default: an estimate from samples.
   */
  readonly sizeOf?: (message: T) => number
}

/**
 * Declares a port.
 *
 * `port<T>()` is checked by the compiler only. `port(schema)` takes any Standard Schema (zod, valibot, arktype ...):
 * the message type is the schema's output, and values are checked at the network's edges and in the test kit.
 * `port()` without a type is a port of `unknown`.
 */
export function port<T = unknown>(options?: PortOptions<T>): Port<T>
export function port<S extends StandardSchemaV1>(
  schema: S,
  options?: PortOptions<StandardSchemaV1.InferOutput<S>>,
): Port<StandardSchemaV1.InferOutput<S>>
export function port(
  first?: StandardSchemaV1 | PortOptions<never>,
  second?: PortOptions<never>,
): Port<unknown> {
  const isSchema = first !== undefined && '~standard' in first
  const declared = isSchema
    ? { schema: first, sizeOf: second?.sizeOf }
    : { schema: undefined, sizeOf: first?.sizeOf }
  return declared as unknown as Port<unknown>
}
