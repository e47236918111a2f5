import type { DrainContext, GroupContext, MessageContext } from './context.ts'
import type { MessageOf, Ports } from './port.ts'
import type { Sink } from './sink.ts'

/**
 * What a handler may return: nothing; a promise, which the engine awaits before the next message (unless
 * `concurrency` is above 1); or an iterator, which the engine pulls while there is credit: each `yield` is a place
 * where it may pause.
 */
export type HandlerResult =
  | void
  | undefined
  | PromiseLike<void | undefined>
  | Iterator<unknown, void | undefined, undefined>
  | AsyncIterator<unknown, void | undefined, undefined>

/** By input: what is called for each of its messages, in the order of each channel. A promise holds the next message back. */
export type MessageHandlers<I extends Ports, Context> = {
  readonly [P in keyof I]?: (message: MessageOf<I[P]>, context: Context) => HandlerResult
}

type Inside<Context> = Omit<Context, 'group'> & { readonly group: GroupContext }

/** Of one input, for messages that come in groups: the parts of a group come together, in order, and as a whole. */
export interface GroupHandlers<T, Context> {
  /**
   * Before anything of the group; may be asynchronous: nothing is delivered before it is done. It runs again for a group that was open
   * at the snapshot which its network goes on from (`group.resumed`): what it changes and sends then comes on top of what it did before.
   */
  readonly start?: (args: unknown, context: Inside<Context>) => HandlerResult
  readonly message?: (message: T, context: Inside<Context>) => HandlerResult
  /** After every message and every inner group. */
  readonly end?: (args: unknown, context: Inside<Context>) => HandlerResult
  /** Handlers of inner groups, by name; `*` takes any other, unnamed ones included. */
  readonly groups?: { readonly [name: string]: GroupHandlers<T, Context> }
}

/** What a batch's `start` knows of it. */
export interface BatchStart {
  /** True where it runs again for a batch that was open at the snapshot which its network goes on from. */
  readonly resumed: boolean
}

/** Of one input, for messages that come in batches: before, for each message, and behind. */
export interface BatchHandlers<T, Context> {
  /** Runs again for a batch that was open at a snapshot (`resumed`): what it changes and sends then comes on top of what it did before. */
  readonly start?: (args: unknown, context: Context, batch: BatchStart) => HandlerResult
  readonly message?: (message: T, context: Context) => HandlerResult
  readonly end?: (args: unknown, context: Context) => HandlerResult
}

/** Everything of a component that runs. */
export interface Behaviour<I extends Ports, O extends Ports, S, C, T extends string> {
  /** Handlers of messages, by input port. */
  readonly on?: MessageHandlers<I, MessageContext<I, O, S, C, T>>
  /** Handlers of groups, by input port and name; `*` takes any other name. Without any, a group's messages come to `on`. */
  readonly groups?: {
    readonly [P in keyof I]?: {
      readonly [name: string]: GroupHandlers<MessageOf<I[P]>, MessageContext<I, O, S, C, T>>
    }
  }
  /** Handlers of batches, by input port. */
  readonly batches?: {
    readonly [P in keyof I]?: BatchHandlers<MessageOf<I[P]>, MessageContext<I, O, S, C, T>>
  }
  /** Handlers of timers, by name. */
  readonly timers?: { readonly [N in T]: (context: MessageContext<I, O, S, C, T>) => HandlerResult }
  /** Once, when the whole network is ready; the first moment when sending is possible. */
  readonly ready?: (context: MessageContext<I, O, S, C, T>) => HandlerResult
  /** Once, when all inputs have ended; the last moment when sending is possible. */
  readonly drain?: (context: DrainContext<I, O, S, C, T>) => HandlerResult
  /**
   * Publishes with the commit of snapshots. Used where snapshots are taken of the network, which `context.publishes` of `setup` tells; else
   * never called: handlers write at once then.
   */
  readonly sink?: Sink
  /** Once, at the very end, also after a failure; closes what `setup` opened. */
  readonly close?: () => void | PromiseLike<void>
}
