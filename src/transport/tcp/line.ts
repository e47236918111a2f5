import type { Refusal } from './hello.ts'

/**
 * One connection of bytes, as it is given to links: TCP, TLS, or a simulated one. It breaks at any time; what was written
 * and has not arrived is gone then.
 */
export interface Line {
  /** Where the other end is, for logs. */
  readonly remote: string
  /** The bytes must not be changed afterwards. False: more than the line can take; `drained` says when to go on. */
  write(parts: readonly Uint8Array[]): boolean
  /** Lets go out what was written, and ends. */
  end(): void
  /** Ends at once. `closed` is not called any more. */
  destroy(): void
  /** Why the other end cannot be this node; undefined where it can. A line without TLS knows nothing about it. */
  identityFault(node: string): Refusal | undefined
}

export interface LineHandlers {
  /** A dialled line is there; not called for an accepted one. */
  opened(): void
  bytes(bytes: Uint8Array): void
  drained(): void
  /** The line is no more: broken, ended by the other end, or never made. Called once, and last. */
  closed(error?: Error): void
}

/** Begins to make a line to a place that it knows. Handlers are called later, never within. */
export type Dial = (handlers: LineHandlers) => Line

/** Takes a line that somebody else has made, and gives who handles it. */
export type AcceptLine = (line: Line) => LineHandlers
