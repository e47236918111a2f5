import type { ErrorData } from '../base/errors.ts'

export { readersMsDefault } from '../model/network.ts'

/**
 * What a node and the instance behind an exported port of a deployed network (kinds `client-input`, `client-output`) say to
 * each other. Messages of clients are JSON: they travel as text, and threads parse and write it, not the node.
 *
 * - CP-1 A batch is taken whole or not at all. `taken` is said when all of its messages were sent into the network; where that is to lose
 *   nothing, when they are in the journal of the instance.
 * - CP-2 What was `refused` is never sent: its time was over, it does not fit, or the instance is at its end.
 * - CP-3 An instance gives a part of what it has for each `pull`, and never more. While nobody reads, it keeps nothing.
 * - CP-4 Each `request` hears `answer` or `refused`: when its message, and all that was derived from it, has been handled, and where snapshots
 *   are taken, when that is committed. Requests of the same key are the same one: its message is sent once, and all who ask hear the same.
 *
 * Where a network is exactly-once, its outputs are `committed`: what readers get is `follow`ed, by each for itself; `read` gets things
 * at once all the same.
 *
 * - CP-5 A part holds messages of committed snapshots only, in their order: behind `at` of `following`, or behind `after` where nothing was
 *   `missed` since, every message, and none twice.
 * - CP-6 An instance gives a `part` for each `next`. What is given is kept for a while, and in the snapshots, for those who come back.
 * - CP-7 Who follows is told its end: PORT_CLOSED where it has got all that was committed and will be, READER_CUT_OFF where it has not. A line that
 *   breaks without a word is no end: the instance has moved, or nobody knows whether that was all.
 */
export type ClientPortCommand =
  /** `text`: an array of messages. */
  | { readonly type: 'send'; readonly id: number; readonly text: string; readonly timeoutMs: number }
  /** Nobody wants it taken any more; it may have been. */
  | { readonly type: 'cancel'; readonly id: number }
  /**
   * A message that is to be answered. `key`: by which it is known again, also in another life of the instance. `again`: it may have been
   * handed over before. `uncommitted`: the answer at once, before it is committed.
   */
  | {
      readonly type: 'request'
      readonly id: number
      readonly key: string
      readonly text: string
      readonly timeoutMs: number
      readonly again: boolean
      readonly uncommitted: boolean
    }
  /** Somebody reads, from now on. */
  | { readonly type: 'read'; readonly id: number }
  | { readonly type: 'unread' }
  | { readonly type: 'pull' }
  /** Somebody reads what is committed. `after`: behind this position (`client-position.ts`); undefined: from now on. */
  | { readonly type: 'follow'; readonly id: number; readonly after: string | undefined }
  | { readonly type: 'unfollow'; readonly id: number }
  | { readonly type: 'next'; readonly id: number }

export type ClientPortReport =
  | { readonly type: 'taken'; readonly id: number }
  | { readonly type: 'refused'; readonly id: number; readonly error: ErrorData }
  /** From the `read` of this id on. */
  | { readonly type: 'reading'; readonly id: number }
  /** A part: the messages, each as JSON. */
  | { readonly type: 'messages'; readonly texts: readonly string[] }
  /** A message cannot be given to readers. */
  | { readonly type: 'unfit'; readonly error: ErrorData }
  /** `text`: as JSON; undefined where nobody answered. */
  | { readonly type: 'answer'; readonly id: number; readonly text: string | undefined }
  | { readonly type: 'following'; readonly id: number; readonly at: string; readonly missed: boolean }
  /** `at`: the position of the first; the others follow it in the same snapshot. */
  | { readonly type: 'part'; readonly id: number; readonly at: string; readonly texts: readonly string[] }
  /** The next message cannot be given to it; or all that comes is given (PORT_CLOSED), or it did not take that in time (READER_CUT_OFF). */
  | { readonly type: 'unfollowed'; readonly id: number; readonly error: ErrorData }

/** An instance's end of the line to its node. */
export interface ClientPortLine {
  tell(report: ClientPortReport): void
  /** The instance is at its end. */
  close(): void
}

/** By what an instance reaches its node: in the bridge that the engine puts into the context of `setup`. */
export interface ClientPorts {
  /** `obey` is called with what the node says, until the line is closed. `isCommitted`: of an output, that it can be followed. */
  open(
    component: string,
    obey: (command: ClientPortCommand) => void,
    options?: { readonly isCommitted?: boolean },
  ): ClientPortLine
}

/** Characters of one message's JSON, both ways; of a batch as well. */
export const clientTextLengthMax = 1024 * 1024
/** Messages of a batch, and of a part. */
export const clientBatchMessagesMax = 1000
/** Levels of a message of clients: fewer than a message may have (`wire/message-check.ts`), as components put more around it. */
export const clientDepthMax = 200
/** Characters of what a request is known by. */
export const requestKeyLengthMax = 256
