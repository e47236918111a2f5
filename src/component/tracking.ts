import type { ErrorData } from '../base/errors.ts'

/** Tracked messages: what their source says of them, and hears. */

/** How a source tracks. */
export interface TrackOptions {
  /**
   * How long a message and all that is derived from it may take, in milliseconds, unless the message says otherwise.
   * Default 30,000: longer than a network usually needs, also while a node is replaced.
   */
  readonly timeoutMs?: number
  /**
   * Tracked messages of one instance that may be under way, or wait for the commit. At the limit, the source is asked for
   * nothing more. Default 65,536: more than waits in a usual network, and some ten megabytes of small messages. At most
   * 1,000,000.
   */
  readonly openMessagesMax?: number
  /**
   * Sends a message again when it has failed or its time is over, and gives it to the dead letters when that does not help.
   * Then only is the source told. Default in networks with `guarantee: at-least-once`: three times, in others never; in
   * those with `exactly-once` it has no effect, since there the network itself begins again from a snapshot.
   */
  readonly replay?: ReplayOptions | false
}

export interface ReplayOptions {
  /** How often a message is sent again. Default 3. */
  readonly times?: number
  /** How long a message that has failed waits before, in milliseconds, doubled each time. Default 100. */
  readonly delayMs?: number
  /** Default 10,000. */
  readonly delayMsMax?: number
}

/** For `emit.port.tracked(message, options)`. */
export interface TrackedOptions {
  /** What the source's `ack`, `fail` and `timeout` get; anything by which it knows the message. */
  readonly id?: unknown
  /** Default: that of the source. */
  readonly timeoutMs?: number
  /** What components give as an answer (`context.answer`) comes to the source's `answer`. Default false. */
  readonly wantsAnswers?: boolean
}

/** Why a tracked message failed: whose handler it was, what it was called with, and what it threw. */
export interface TrackFailure {
  readonly component: string
  readonly instance: number
  readonly port: string
  /** The message of the tree that its handler failed for; as text, where it cannot leave its thread. */
  readonly message: unknown
  readonly error: { readonly name: string; readonly message: string; readonly code?: string }
}

/**
 * What a source hears of its tracked messages: of each exactly one of `ack`, `fail` and `timeout`, as long as the source's
 * instance lives. They are called between two polls, or while one waits.
 */
export interface TrackHandlers {
  /**
   * The message, and all that was derived from it, has been handled. Where snapshots are taken of the network, after the
   * commit of one that holds what came of it.
   */
  ack?(id: unknown, message: unknown): void | PromiseLike<void>
  /**
   * A handler has failed, or rejected its message. With replay: also the last time. Of a message that `wantsAnswers`, it is told
   * after a commit, as `ack` is.
   */
  fail?(id: unknown, failure: TrackFailure, message: unknown): void | PromiseLike<void>
  /** The time is over. With replay: also the last time. What is still under way of it goes on. */
  timeout?(id: unknown, message: unknown): void | PromiseLike<void>
  /**
   * An answer to a message that `wantsAnswers`; before its `ack`, and as many as are given. After a recovery it is called again with
   * the first one, where the message is told of again.
   */
  answer?(id: unknown, answer: unknown): void | PromiseLike<void>
}

/** What sources of the engine's own hear and say beside that, of messages that want answers. */
export interface TrackInsights extends TrackHandlers {
  /** All has been handled, or has failed; `ack` or `fail` follows with a commit. Where no snapshots are taken it is not called. */
  complete?(id: unknown, failure: TrackFailure | undefined): void
  /** In place of `ack`, which those hear who have none: it was handled, and what it was answered is gone with a failure. */
  lost?(id: unknown, message: unknown): void | PromiseLike<void>
  /** A message with this id is about to be sent out of the journal. False: it was sent before, and is let go. */
  begins?(id: unknown): boolean
  /** What it was told, and is to be in the snapshot for those who ask again. */
  kept?(): readonly KeptOutcome[]
  /** What it had kept, and the ids of what it will hear of: before anything is sent. */
  recall?(kept: readonly KeptOutcome[], open: readonly unknown[]): void
}

/** What became of a message that wanted answers. */
export interface KeptOutcome {
  readonly id: string
  /** As JSON; undefined where nobody answered. */
  readonly text?: string | undefined
  readonly failure?: ErrorData | undefined
}

/** What an instance holds at most: its trees have numbers of 20 bits. */
export const openMessagesMaxMax = 1_000_000
