import type { VertigoError } from '../base/errors.ts'
import type { ErrorPolicy } from './network.ts'

/** Levels of the port logger: `log.info(...)` also sends to the port `info` where that is connected. */
export const logPorts = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const

/** Outputs that every component has, declared or not: `error` (rejected messages) and those of the port logger. */
export const implicitOutputs: readonly string[] = logPorts

/** What the model needs to know of a kind in order to check a network; the code behind it stays out of sight. */
export interface KindInfo {
  readonly role: 'component' | 'source' | 'network'
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Whether it has keyed state, so that all its inputs must be `hash` connections. */
  readonly keyedState: boolean
  /** Whether it has state of the instance, which all its messages share. Default false. */
  readonly instanceState?: boolean
  /** Messages at the same time, where the network does not say. Default 1. */
  readonly concurrency?: number
  /** Sources only: whether it can start again from a position. */
  readonly rewinds: boolean
  /** Sources only: `none` where its messages cannot be kept in a journal. */
  readonly journal?: 'engine' | 'none'
  /** Faults of a configuration: one for each field; empty where it fits. */
  checkConfig(config: { readonly [field: string]: unknown }): Promise<readonly ConfigFault[]>
  /** For each instance, what it has to itself: texts that are equal where two would get in each other's way. */
  targets?(
    config: { readonly [field: string]: unknown },
    instances: number,
  ): Promise<readonly (readonly string[])[]>
}

export interface ConfigFault {
  /** Path of the field below `config`; empty for the configuration itself. */
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** A kind that was looked up: its description, or why there is none. */
export type KindLookup = { readonly info: KindInfo } | { readonly error: VertigoError }

/**
 * What is wrong where a component's messages share state of the instance, several of them are at work, and a failed
 * one is taken back: its changes cannot be told from those of the others. Undefined where nothing is.
 */
export function sharedStateFault(
  name: string,
  facts: {
    readonly instanceState: boolean
    readonly concurrency: number
    readonly errors: ErrorPolicy | undefined
  },
): string | undefined {
  const { instanceState, concurrency, errors = 'fail' } = facts
  if (!instanceState || concurrency === 1 || errors === 'fail') return undefined
  const policy = errors === 'reject' ? 'reject' : 'retry'
  return `${name} has state of the instance, handles ${concurrency} messages at a time, and a failed one is to be taken back (errors: ${policy}), which would take back changes of the others too.`
}
