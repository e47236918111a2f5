import type { StandardSchemaV1 } from '@standard-schema/spec'
import { VertigoError } from '../base/errors.ts'
import { isThenable } from '../base/values.ts'
import type { InstanceContext, Output, SetupContext } from './context.ts'
import type { Behaviour } from './handlers.ts'
import { type Kind, makeKind } from './kind.ts'
import { type MessageOf, type Port, type Ports, port } from './port.ts'
import type { TrackedOptions, TrackHandlers, TrackOptions } from './tracking.ts'
import type { StateDeclarations, StateMigration } from './state.ts'

/** The configuration's type: what the schema puts out, or plain JSON where there is no schema. */
export type ConfigOf<C> = C extends StandardSchemaV1
  ? StandardSchemaV1.InferOutput<C>
  : Readonly<Record<string, unknown>>

/** What every kind can say of itself. */
export interface CommonOptions {
  /** One sentence for `vertigo kinds` and the reference. */
  readonly description?: string
  /**
   * Where instances run: `main` keeps them in the thread of the caller, which only kinds need that speak to the
   * caller's code or to the process's standard streams. Default `worker`.
   */
  readonly placement?: 'worker' | 'main'
  /**
   * `local`: it reads or writes files of the machine that it runs on. In a cluster all of its copies stay on one machine then, the one
   * that has the files; where the rules of the network leave several, it is refused (FILES_NOT_SHARED) until they leave one, or say
   * `placement: { files: shared }`. Default `shared`: it does as well on any machine.
   */
  readonly files?: 'local' | 'shared'
}

/** For `defineComponent`. Handlers stand here (`on`, `timers`, ...), or are what `setup` gives. */
export interface ComponentOptions<
  I extends Ports,
  O extends Ports,
  S extends StateDeclarations,
  C extends StandardSchemaV1 | undefined,
  T extends string,
>
  extends CommonOptions, Behaviour<I, O, S, ConfigOf<C>, T> {
  readonly inputs: I
  readonly outputs?: O
  readonly state?: S
  /**
   * Version of the form of its state: a whole number, to be raised when older state means something else. Default 1. States that are
   * added need no other version.
   */
  readonly stateVersion?: number
  /**
   * By version: how its state is made of that of the version before, and that of the version before of it. A snapshot with a version that
   * no way leads from is refused before anything runs.
   */
  readonly migrate?: { readonly [version: number]: StateMigration }
  /** Any Standard Schema; faults are reported with the field's name before anything runs. */
  readonly config?: C
  /** Messages that one instance may handle at the same time; for asynchronous handlers. Default 1, which keeps state simple. */
  readonly concurrency?: number
  /** Order of results with `concurrency` above 1. Default `input`, since most targets expect it. */
  readonly order?: 'input' | 'completion'
  /**
   * What each instance has to itself, such as the file that it writes: texts that are equal where two instances would get in
   * each other's way. A network in which two are equal is refused before anything runs.
   */
  readonly targets?: (
    config: ConfigOf<C>,
    instance: number,
    instances: number,
  ) => readonly string[] | PromiseLike<readonly string[]>
  /** Opens what the instance needs (connections, caches) and returns the handlers that use it. */
  readonly setup?: (
    context: SetupContext<I, O, ConfigOf<C>>,
  ) =>
    | Behaviour<I, O, S, ConfigOf<C>, T>
    | void
    | PromiseLike<Behaviour<I, O, S, ConfigOf<C>, T>>
    | PromiseLike<void>
}

/**
 * Defines a component: its ports, state and configuration as data, its handlers as code.
 *
 * Errors: what a handler throws follows the component's error policy (`errors` in the network; default: the network
 * fails). Life cycle: `setup`, `ready`, messages and timers, `drain`, `close`.
 */
export function defineComponent<
  const I extends Ports,
  const O extends Ports = {},
  const S extends StateDeclarations = {},
  C extends StandardSchemaV1 | undefined = undefined,
  T extends string = never,
>(options: ComponentOptions<I, O, S, C, T>): Kind<I, O, C> {
  return makeKind<I, O, C>({ role: 'component', ...options, outputs: options.outputs ?? {} })
}

/** How far a source has come in one of its splits. */
export interface SourcePosition {
  /** Of the form of `position`: a source that reads several forms tells them apart by it. */
  readonly version: number
  /** What the source needs to go on; plain data, as in messages. */
  readonly position: unknown
}

/**
 * Positions by split: a split is what can be read by itself, such as a file or a partition, and its name says which for as
 * long as it exists. Splits, not instances, have positions, so that they can be dealt out to other numbers of instances.
 */
export type SourcePositions = Readonly<Record<string, SourcePosition>>

/** Sends on one output port of a source. */
export interface SourceOutput<T> extends Output<T> {
  /**
   * Sends a message that is tracked: the reader's `ack`, `fail` or `timeout` is called when it, and all that is derived
   * from it, has been handled, when a handler has failed, or when its time is over.
   */
  tracked(message: T, options?: TrackedOptions): void
}

/** `emit.<output>(message)` of a source, and `emit.<output>.tracked(message)`. */
export type SourceEmit<O extends Ports> = { readonly [P in keyof O]: SourceOutput<MessageOf<O[P]>> }

/** For `poll` of a source. */
export interface PollContext<O extends Ports> {
  readonly emit: SourceEmit<O>
  /**
   * Calls `then` once what this poll has emitted is kept: whoever gave it may be told so, and forget it. With a journal that is when it is
   * on the disk; else at once. With an error where it cannot be kept: then it may or may not be sent. Called in the order of the polls.
   */
  readonly kept: (then: (error?: Error) => void) => void
}

/** What `setup` of a source gives: how the engine pulls from it, and how far it has come. */
export interface SourceReader<O extends Ports> extends TrackHandlers {
  /**
   * Emits up to about `max` messages and says whether there may be `more`, or that the source is `done`. The engine
   * calls it only while there is room. Where nothing is there at the moment, return a promise that settles when
   * there is (it is not called again before that).
   *
   * Others of its thread wait meanwhile: `max` is 1 to 256, as many as have taken up to 4 ms in the polls before, or up to twice what a
   * poll takes by itself; 8 at first. Nobody can break a poll off: one that emits for longer than a thread may be blocked
   * (COMPONENT_STALLED, 10 s) fails the network.
   */
  poll(max: number, context: PollContext<O>): PollResult | PromiseLike<PollResult>
  /**
   * The run asks the source to end (Ctrl-C, `drain()`, `durationMs`). With it, the source is polled on until it is
   * `done`: for readers that hold messages which they have accepted. Without it, `signal` is aborted and a poll that is
   * under way is the last one.
   */
  drain?(): void
  /**
   * How far it has come: all that stands before has been emitted, and nothing behind. Called between two polls, and while a
   * poll waits. A source that `rewinds` has it, and goes on from what it finds in `context.positions`.
   */
  positions?(): SourcePositions
  /**
   * No snapshot that is kept goes back to what stands before these positions: whoever keeps it for this source may forget it (a
   * consumer group's offset, a slot of replication, acknowledgements). Called now and then after commits, never with earlier positions than before;
   * what it throws is logged, and it is called again with the next ones.
   */
  release?(positions: SourcePositions): void | PromiseLike<void>
  close?(): void | PromiseLike<void>
}

/** What a poll says: there may be `more`, or nothing will come any more. */
export type PollResult = 'more' | 'done'

/**
 * Splits, in the order in which they are dealt. `byName`: each is dealt by its name alone, so that it matters little whether all instances
 * see the same ones: for those that come while the source runs (`SourceSetupContext.owns`).
 */
export type ListedSplits = readonly string[] | { readonly byName: readonly string[] }

/** For `splits` of a source. */
export interface SplitsContext<C> extends Pick<
  InstanceContext<{}, C>,
  'component' | 'instances' | 'config' | 'log' | 'clock' | 'shared'
> {
  /** Those of all instances, where the network goes on from a snapshot; undefined where it begins. */
  readonly positions: SourcePositions | undefined
  /** Imports a module of the user's, as in `setup`. */
  readonly load: (address: string) => Promise<unknown>
}

interface SourceDeclaration<O extends Ports, C extends StandardSchemaV1 | undefined> extends CommonOptions {
  readonly outputs: O
  readonly config?: C
  /** Whether it can start again from a position (`SourceReader.positions`). One that cannot gets a journal where messages are not to be lost. Default false. */
  readonly rewinds?: boolean
  /**
   * How it tracks messages. With `read`, it tracks all that it yields, where this is given; with `setup`, those that are
   * sent by `emit.port.tracked`.
   */
  readonly track?: TrackOptions
  /**
   * Lists the splits that there are now: the engine deals them to instances (`context.splits`), and deals them anew where their number
   * changes. Each instance asks for itself, so it has to give the same names in the same order everywhere.
   *
   * A split whose identity has changed has another name: it is a removal and an addition. What has a position and is not listed any more
   * is dropped; where that loses what was not read yet, throw SOURCE_POSITION_LOST. Without `splits`, splits are what has positions.
   */
  readonly splits?: (context: SplitsContext<ConfigOf<C>>) => ListedSplits | PromiseLike<ListedSplits>
  /**
   * `none`: its messages cannot be kept in a journal, so that it has to rewind by itself, or be in a network that may lose messages.
   * Default `engine`: a journal of the engine's, where it does not rewind and the network loses nothing.
   */
  readonly journal?: 'engine' | 'none'
}

type SourceRead<O extends Ports, C extends StandardSchemaV1 | undefined> = (
  context: InstanceContext<{}, ConfigOf<C>>,
) => Iterable<MessageOf<O[keyof O]>> | AsyncIterable<MessageOf<O[keyof O]>>

/** For `setup` of a source: among others the positions that it goes on from. */
export interface SourceSetupContext<O extends Ports, C> extends Omit<
  SetupContext<{}, O, C>,
  'pump' | 'publishes' | 'writer'
> {
  /**
   * Where to go on, of the splits that are this instance's; undefined where the network begins. Errors that `setup` throws for a position that is
   * no more (SOURCE_POSITION_LOST) come before anything runs.
   */
  readonly positions: SourcePositions | undefined
  /** Those of the splits listed by `splits` that are this instance's to read; undefined for a source that lists none. */
  readonly splits: readonly string[] | undefined
  /** Whether a split that is dealt by its name, and was not listed yet, is this instance's. */
  readonly owns: (split: string) => boolean
  /**
   * What it emits goes through a journal, since it does not rewind and nothing is to be lost: whoever gives it something is told by
   * `kept` of `poll`, and not before.
   */
  readonly isJournaled: boolean
}

type SourceSetup<O extends Ports, C extends StandardSchemaV1 | undefined> = (
  context: SourceSetupContext<O, ConfigOf<C>>,
) => SourceReader<O> | PromiseLike<SourceReader<O>>

/** One of `read` and `setup` has to be there. */
export type SourceOptions<O extends Ports, C extends StandardSchemaV1 | undefined> = SourceDeclaration<O, C> &
  (
    | {
        /** Simple sources: yields the messages of the first output port. The engine pulls it while there is room. */
        readonly read: SourceRead<O, C>
        readonly setup?: undefined
      }
    | {
        /** Sources that want control of each pull. */
        readonly setup: SourceSetup<O, C>
        readonly read?: undefined
      }
  )

/**
 * Defines a source: a pull, asked for messages only when there is room. Give either `read` or `setup`.
 *
 * Errors: KIND_INVALID for one without outputs.
 */
export function defineSource<const O extends Ports, C extends StandardSchemaV1 | undefined = undefined>(
  options: SourceOptions<O, C>,
): Kind<{}, O, C> {
  // No compiler has looked at code in JavaScript. What it reads would be lost.
  if (Object.keys(options.outputs ?? {}).length === 0)
    throw new VertigoError('KIND_INVALID', 'A source without outputs sends to nobody what it reads.', {
      remedy: 'Declare the output that it sends to: `outputs: { out: port() }`.',
    })
  return makeKind<{}, O, C>({ role: 'source', inputs: {}, ...options })
}

/** What a function kind sends on for a result type: nothing for `undefined`, awaited promises, each item of an iterator. */
export type Sent<R> =
  R extends PromiseLike<infer U>
    ? Exclude<U, void | undefined>
    : R extends Generator<infer U, unknown, unknown>
      ? U
      : R extends AsyncGenerator<infer U, unknown, unknown>
        ? U
        : Exclude<R, void | undefined>

/** A kind made of a function: one input `in`, one output `out`. */
export type FunctionKind<A, R> = Kind<{ readonly in: Port<A> }, { readonly out: Port<R> }, undefined>

/**
 * Makes a component of a function: each message of the port `in` is its argument, and its result goes to the port
 * `out`. `undefined` sends nothing; promises are awaited; generators send each item they yield.
 */
export function defineFunction<A, R>(
  call: (
    message: A,
    context: InstanceContext<{ readonly in: Port<A> }, Readonly<Record<string, unknown>>>,
  ) => R,
  options: CommonOptions & { readonly concurrency?: number; readonly order?: 'input' | 'completion' } = {},
): FunctionKind<A, Sent<R>> {
  return makeKind<{ readonly in: Port<A> }, { readonly out: Port<Sent<R>> }, undefined>({
    role: 'component',
    ...options,
    inputs: { in: port<A>() },
    outputs: { out: port<Sent<R>>() },
    on: { in: functionHandler(call as FunctionBody) },
    isFunction: true,
  })
}

type FunctionBody = (message: unknown, context: unknown) => unknown
interface FunctionContext {
  readonly emit: { readonly out: (message: unknown) => void }
}

function functionHandler(call: FunctionBody): (message: never, context: never) => unknown {
  return (message: unknown, context: FunctionContext) => {
    const result = call(message, context)
    if (typeof result !== 'object' || result === null) {
      if (result !== undefined) context.emit.out(result)
      return undefined
    }
    if (isThenable(result)) {
      return result.then((settled) => {
        if (settled !== undefined) context.emit.out(settled)
      })
    }
    if (isGenerator(result)) return sendEach(result, context)
    if (isAsyncGenerator(result)) return sendEachAsync(result, context)
    context.emit.out(result)
    return undefined
  }
}

function isGenerator(value: object): value is Generator {
  return Object.prototype.toString.call(value) === '[object Generator]'
}

function isAsyncGenerator(value: object): value is AsyncGenerator {
  return Object.prototype.toString.call(value) === '[object AsyncGenerator]'
}

function* sendEach(items: Generator, context: FunctionContext): Generator<void> {
  for (const item of items) {
    context.emit.out(item)
    yield
  }
}

async function* sendEachAsync(items: AsyncGenerator, context: FunctionContext): AsyncGenerator<void> {
  for await (const item of items) {
    context.emit.out(item)
    yield
  }
}
