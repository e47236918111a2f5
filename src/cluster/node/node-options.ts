import type { Clock } from '../../base/clock.ts'
import type { LogRecord } from '../../component/context.ts'
import type { ApiOptions } from '../../api/index.ts'
import type { Store } from '../../store/store.ts'
import type { TlsFiles } from '../../transport/tcp/tls.ts'
import type { RejectedMessage } from '../../worker/host.ts'
import type { NodeId, NodeRecord } from '../protocol/index.ts'

/** One process of a cluster: agent, candidate for manager, and watcher of the others. */
export interface NodeOptions {
  readonly cluster: string
  readonly id: NodeId
  /** Address of the store; workers open it, too. */
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
  /** URLs of modules; see `RunModules`. */
  readonly builtInKinds: string
  readonly stores: string
  readonly events: NodeEvents
}

export interface NodeApiOptions extends ApiOptions {
  /** Takes any port that is free where the given one is not. Default false. */
  readonly elsewhere?: boolean
}

export interface NodeEvents {
  /** The port of its API is taken; it has another one. */
  apiElsewhere(wantedPort: number, address: string): void
  /** It is a member of the cluster: at its start, and again after it had lost its lease. */
  joined(record: NodeRecord): void
  /** Its lease is lost: all workers were ended. It joins again. */
  fenced(error: Error): void
  elected(): void
  deposed(): void
  decided(network: string, what: string): void
  declaredDead(node: NodeId): void
  failed(network: string, what: string, error: Error): void
  rejected(network: string, record: RejectedMessage): void
  logged(network: string, record: LogRecord): void
  /** What it hosts is moving away; `instances` are here. */
  draining(instances: number): void
  /** Its instances are gone, or (`left`) those that stayed when it waited no longer, with why. */
  drained(left: number, why: string | undefined): void
  /** Something is tried again. */
  troubled(what: string, error: Error): void
}

export const ttlMsDefault = 3_000
export const stallMsDefault = 10_000
export const drainMsDefault = 30_000
