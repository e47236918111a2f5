import type { Clock } from '../../base/clock.ts'
import type { ApiOptions } from '../../api/index.ts'
import type { Store } from '../../store/store.ts'
import type { TlsFiles } from '../../transport/tcp/tls.ts'
import type { NodeId } from '../protocol/index.ts'
import type { NodeEvents } from './node-events.ts'

/** One process of a cluster: agent, candidate for manager, and watcher of the others. */
export interface NodeOptions {
  readonly cluster: string
  readonly id: NodeId
  /** Address of the store, which workers use, too; see `RunStore`. */
  readonly storeUrl: string
  readonly openStore: (url: string, clock: Clock) => Promise<Store>
  readonly groups?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  /** Threads that it is meant to host. */
  readonly workers: number
  /** An address by which the others reach it. Default: loopback, and a port that the system chooses. */
  readonly listen?: { readonly host: string; readonly port: number }
  readonly tls?: TlsFiles & { readonly ca: string; readonly cert: string; readonly key: string }
  /** Being reached from other machines without `tls` is meant. Default false. */
  readonly insecure?: boolean
  /** Its HTTP API. Default: none. */
  readonly api?: NodeApiOptions
  /** How long others wait for a node that is frozen or cut off, in milliseconds. Default 3000. */
  readonly ttlMs?: number
  readonly stallMs?: number
  readonly version: string
  /** Folder that bundles are kept in. Default: `vertigo/bundles` in the user's cache. */
  readonly cache?: string
  /** URLs of modules; see `RunModules`. */
  readonly builtInKinds: string
  readonly stores: string
  /** Where snapshots are of networks that do not say it. Default: beside a store in a folder; else nowhere. */
  readonly snapshots?: string
  /**
   * Folder of the journals of sources that cannot rewind; nobody else may write there. Default: beside a store in a folder, else
   * `vertigo/journals` in the user's folder for state; for each node of its own.
   */
  readonly journals?: string
  /** Folder of the files for messages that were rejected; see `DeadLetters`. Default: the current one. */
  readonly deadLetters?: string
  readonly events: NodeEvents
}

export interface NodeApiOptions extends ApiOptions {
  /** Takes any port that is free where the given one is not. Default false. */
  readonly elsewhere?: boolean
}

export const clusterDefault = 'vertigo'
export const ttlMsDefault = 3_000
export const stallMsDefault = 10_000
export const drainMsDefault = 30_000
