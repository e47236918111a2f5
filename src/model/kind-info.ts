import type { VertigoError } from '../base/errors.ts'

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
  /** Faults of a configuration: one for each field; empty where it fits. */
  checkConfig(config: { readonly [field: string]: unknown }): Promise<readonly ConfigFault[]>
}

export interface ConfigFault {
  /** Path of the field below `config`; empty for the configuration itself. */
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** A kind that was looked up: its description, or why there is none. */
export type KindLookup = { readonly info: KindInfo } | { readonly error: VertigoError }
