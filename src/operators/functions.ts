import { isThenable } from '../base/values.ts'
import {
  builtInKind,
  type CommonOptions,
  defineComponent,
  type HandlerResult,
  type Kind,
  port,
  type Port,
} from '../component/index.ts'
import { functionConfig } from './config.ts'
import { loadFunction } from './load-function.ts'
import { sendEach } from './send-each.ts'

/** How an operator with an asynchronous function runs. */
export interface OperatorOptions extends CommonOptions {
  /** Messages that one instance works on at the same time. Default 1. */
  readonly concurrency?: number
  /** Order of the results with `concurrency` above 1. Default `input`. */
  readonly order?: 'input' | 'completion'
}

/** A kind with the ports `in` and `out`. */
export type Operator<A, R> = Kind<{ readonly in: Port<A> }, { readonly out: Port<R> }, undefined>

interface Sends<R> {
  readonly emit: { readonly out: (message: R) => void }
}
type Handler<A, R> = (message: A, context: Sends<R>) => HandlerResult

/** One result for each message, `undefined` included (`defineFunction` leaves that out). Promises are awaited. */
export function map<A, R>(call: (message: A) => R, options?: OperatorOptions): Operator<A, Awaited<R>> {
  return operator(mapHandler(call), options)
}

/**
 * Sends on the messages for which `predicate` is true. A predicate that narrows (`(m): m is Order => ...`) narrows
 * the type of the output too.
 */
export function filter<A, R extends A>(
  predicate: (message: A) => message is R,
  options?: OperatorOptions,
): Operator<A, R>
export function filter<T>(
  predicate: (message: T) => boolean | PromiseLike<boolean>,
  options?: OperatorOptions,
): Operator<T, T>
export function filter<T>(
  predicate: (message: T) => boolean | PromiseLike<boolean>,
  options?: OperatorOptions,
): Operator<T, T> {
  return operator(filterHandler(predicate), options)
}

/** Sends each item of the list or iterator that `call` gives for a message. Of an iterator it takes no more than is asked for. */
export function flatMap<A, R>(
  call: (message: A) => Iterable<R> | AsyncIterable<R> | PromiseLike<Iterable<R>>,
  options?: OperatorOptions,
): Operator<A, R> {
  return operator(flatMapHandler(call), options)
}

/** Calls `look` with each message and sends the message on; a promise is awaited first. */
export function tap<T>(look: (message: T) => unknown, options?: OperatorOptions): Operator<T, T> {
  return operator(tapHandler(look), options)
}

/** Kind `map`: as `map()`, by a function that the configuration names. */
export const mapKind = builtInKind(
  'map',
  defineComponent({
    description: 'Sends what a function makes of each message.',
    inputs: { in: port() },
    outputs: { out: port() },
    config: functionConfig,
    setup: async (context) => ({ on: { in: mapHandler(await loadFunction(context)) } }),
  }),
)

/** Kind `filter`: as `filter()`, by a function that the configuration names. */
export const filterKind = builtInKind(
  'filter',
  defineComponent({
    description: 'Sends on the messages for which a function says true.',
    inputs: { in: port() },
    outputs: { out: port() },
    config: functionConfig,
    setup: async (context) => ({ on: { in: filterHandler(await loadFunction(context)) } }),
  }),
)

/** Kind `flat-map`: as `flatMap()`, by a function that the configuration names. */
export const flatMapKind = builtInKind(
  'flat-map',
  defineComponent({
    description: 'Sends each item of the list or iterator that a function makes of a message.',
    inputs: { in: port() },
    outputs: { out: port() },
    config: functionConfig,
    setup: async (context) => ({ on: { in: flatMapHandler(await loadFunction(context)) } }),
  }),
)

/** Kind `tap`: as `tap()`, by a function that the configuration names. */
export const tapKind = builtInKind(
  'tap',
  defineComponent({
    description: 'Calls a function with each message and sends the message on.',
    inputs: { in: port() },
    outputs: { out: port() },
    config: functionConfig,
    setup: async (context) => ({ on: { in: tapHandler(await loadFunction(context)) } }),
  }),
)

function operator<A, R>(handler: Handler<A, R>, options?: OperatorOptions): Operator<A, R> {
  return defineComponent({
    ...options,
    inputs: { in: port<A>() },
    outputs: { out: port<R>() },
    on: { in: handler },
  })
}

function mapHandler<A, R>(call: (message: A) => R): Handler<A, Awaited<R>> {
  return (message, { emit }) => {
    const result = call(message)
    if (isThenable(result)) return result.then((settled) => emit.out(settled))
    emit.out(result as Awaited<R>)
    return undefined
  }
}

function filterHandler<T>(predicate: (message: T) => unknown): Handler<T, T> {
  return (message, { emit }) => {
    const kept = predicate(message)
    if (isThenable(kept))
      return kept.then((settled) => {
        if (settled) emit.out(message)
      })
    if (kept) emit.out(message)
    return undefined
  }
}

function flatMapHandler<A, R>(call: (message: A) => unknown): Handler<A, R> {
  return (message, { emit }) => {
    const items = call(message)
    if (isThenable(items)) return items.then((settled) => sendAll(settled, emit.out))
    return sendEach(items, emit.out)
  }
}

/** After a promise, a handler can no longer become an iterator: the list is there as a whole anyway. */
function sendAll(items: unknown, send: (message: never) => void): PromiseLike<void> | undefined {
  const rest = sendEach(items, send)
  if (rest === undefined) return undefined
  return (async () => {
    for (;;) {
      const { done } = await rest.next()
      if (done) return
    }
  })()
}

function tapHandler<T>(look: (message: T) => unknown): Handler<T, T> {
  return (message, { emit }) => {
    const result = look(message)
    if (isThenable(result)) return result.then(() => emit.out(message))
    emit.out(message)
    return undefined
  }
}
