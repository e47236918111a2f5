import type { ComponentText } from '../../cluster-faults/cluster.ts'

/** What is published: counts of words, pairs of requests, and calls that cannot be read again. */
export const streams = ['words', 'pairs', 'calls'] as const
export type Stream = (typeof streams)[number]

/** Somewhere to publish to, with a sink for each stream; and what is there in the end. */
export interface Target {
  /** Begins the names of its components. */
  readonly name: string
  readonly sinks: Readonly<Record<Stream, ComponentText>>
  /** Holds all that is there against a plain loop, and gives how many messages there are. `noted`: what the source of calls has noted. */
  check(noted: string): Promise<number>
  close(): Promise<void>
}
