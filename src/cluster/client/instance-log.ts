import type { LogLevel } from '../../component/context.ts'
import { subnetSeparator } from '../../model/flatten.ts'

export type { LogLevel }

/** The highest first. */
export const logLevels: readonly LogLevel[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace']

/** What an instance of a network logged, a message that it could not handle, or what its node says of it. */
export interface LogLine {
  readonly node: string
  /** Milliseconds since 1970, by the clock of the node. */
  readonly timeMs: number
  readonly level: LogLevel
  readonly message: string
  /** Absent where the node itself speaks. */
  readonly component?: string
  readonly instance?: number
  /** What JSON holds of what was given. */
  readonly details?: unknown
  /** Of a message that was rejected, and that no `error` port took. It is in the node's dead-letter file. */
  readonly rejected?: { readonly port: string; readonly message: unknown; readonly code?: string }
}

export interface LogFilter {
  /** A component, or a subnet with all that is in it. */
  readonly component?: string
  /** This one and those above. */
  readonly level?: LogLevel
  /** Milliseconds since 1970. */
  readonly sinceMs?: number
}

export interface LogQuery extends LogFilter {
  /** Of all lines the newest so many. Default `logLinesDefault`, at most `logLinesMax`. */
  readonly limit?: number
}

export const logLinesDefault = 1_000
export const logLinesMax = 10_000

/** A node whose part is not there, and why. */
export interface MissingNode {
  readonly node: string
  readonly reason: string
}

export interface LogPage {
  /** Of all nodes, in the order of their times, the oldest first. */
  readonly lines: readonly LogLine[]
  /** Lines that nodes had let go, whatever they were: each keeps a bounded number. */
  readonly dropped: number
  readonly missing: readonly MissingNode[]
}

/** `cursor` says where each node stands; whoever gives it back gets what comes after. */
export type LogNews =
  | { readonly type: 'line'; readonly line: LogLine; readonly cursor: string }
  /** A node had to let lines go before they were read. */
  | { readonly type: 'dropped'; readonly node: string; readonly count: number; readonly cursor: string }
  /** Nothing comes from a node at the moment. It is asked again. */
  | { readonly type: 'missing'; readonly node: string; readonly reason: string; readonly cursor: string }

/** The logs of all nodes, as any of them gives it. */
export interface LogReader {
  read(network: string, query: LogQuery): Promise<LogPage>
  /**
   * The newest lines (or those behind a cursor), and then each as it comes, until the signal is aborted. The order is that
   * of times as far as what comes at about the same moment can be put in order.
   */
  follow(
    network: string,
    query: LogQuery & { readonly after?: string },
    signal: AbortSignal,
  ): AsyncIterable<LogNews>
}

export function isWanted(line: Omit<LogLine, 'node'>, { component, level, sinceMs }: LogFilter): boolean {
  if (sinceMs !== undefined && line.timeMs < sinceMs) return false
  if (level !== undefined && logLevels.indexOf(line.level) > logLevels.indexOf(level)) return false
  if (component === undefined) return true
  return line.component === component || (line.component?.startsWith(component + subnetSeparator) ?? false)
}
