import { builtInKind, defineComponent, type Kind, port, type Port, value } from '../component/index.ts'
import { configObject } from '../component/built-in-config.ts'

/** A message, and how many messages of its routing key have come so far, this one included. */
export interface Counted<T> {
  readonly value: T
  readonly count: number
}

/** Kind `counter`: see `counter()`. */
export const counterKind = builtInKind(
  'counter',
  defineComponent({
    description: 'Counts the messages of each routing key; sends each message with the count so far.',
    inputs: { in: port() },
    outputs: { out: port<Counted<unknown>>() },
    state: { count: value(0) },
    config: configObject({}),
    on: {
      in(message, { emit, state }) {
        emit.out({ value: message, count: state.count.update(plusOne) })
      },
    },
  }),
)

/**
 * Counts by routing key: for each message it sends `{ value, count }`. Connect its input with `hash()`, which counts
 * equal messages, or with `hash('user.id')`, which counts the messages of each user (`value` is then the last one).
 */
export function counter<T>(): Kind<{ readonly in: Port<T> }, { readonly out: Port<Counted<T>> }, undefined> {
  return counterKind as unknown as Kind<
    { readonly in: Port<T> },
    { readonly out: Port<Counted<T>> },
    undefined
  >
}

function plusOne(count: number): number {
  return count + 1
}
