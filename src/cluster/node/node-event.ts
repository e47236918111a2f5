import type { ErrorData } from '../../base/errors.ts'
import { errorToData } from '../../base/errors.ts'
import type { LogRecord } from '../../component/context.ts'
import type { RejectedMessage } from '../../worker/host.ts'
import type { NodeEvents } from './node-events.ts'

/** What a node tells of itself: for logs, and for programs that start nodes. */
export type NodeEvent =
  /** The port of its API is taken, by another node perhaps; it has another one. */
  | { readonly type: 'api-elsewhere'; readonly wantedPort: number; readonly api: string }
  /** It is a member of the cluster: at its start, and again after it had lost its lease. */
  | {
      readonly type: 'joined'
      readonly cluster: string
      readonly node: string
      readonly pid: number
      /** `host:port` of its control connections. */
      readonly address: string
      readonly api?: string
      readonly groups: readonly string[]
      readonly workers: number
    }
  /** Its lease is lost; all workers were ended. It joins again. */
  | { readonly type: 'fenced'; readonly error: ErrorData }
  /** It cannot be a member any more: another cluster is in the store, or the store was replaced. It ends. */
  | { readonly type: 'gave-up'; readonly error: ErrorData }
  /** It is the manager now, or no more. */
  | { readonly type: 'elected' }
  | { readonly type: 'deposed' }
  /** As the manager, it did something for a network. */
  | { readonly type: 'decided'; readonly network: string; readonly text: string }
  /** It found that another node is no more. */
  | { readonly type: 'declared-dead'; readonly dead: string }
  | { readonly type: 'failed'; readonly network: string; readonly text: string; readonly error: ErrorData }
  | { readonly type: 'rejected'; readonly network: string; readonly record: RejectedMessage }
  | { readonly type: 'log'; readonly network: string; readonly record: LogRecord }
  /** Its instances are to move away. */
  | { readonly type: 'draining'; readonly instances: number }
  /** It has none any more, or waits no longer for those that are left. */
  | { readonly type: 'drained'; readonly left: number; readonly why?: string }
  /** Something is tried again. */
  | { readonly type: 'troubled'; readonly text: string; readonly error: ErrorData }

/** The events of a node as data. */
export function eventsTo(cluster: string, tell: (event: NodeEvent) => void): NodeEvents {
  return {
    apiElsewhere: (wantedPort, api) => tell({ type: 'api-elsewhere', wantedPort, api }),
    joined: ({ id, pid, control: { host, port }, api, groups, workers }) =>
      tell({
        type: 'joined',
        cluster,
        node: id,
        pid,
        address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
        ...(api !== undefined && { api }),
        groups,
        workers,
      }),
    fenced: (error) => tell({ type: 'fenced', error: errorToData(error) }),
    gaveUp: (error) => tell({ type: 'gave-up', error: errorToData(error) }),
    elected: () => tell({ type: 'elected' }),
    deposed: () => tell({ type: 'deposed' }),
    decided: (network, text) => tell({ type: 'decided', network, text }),
    declaredDead: (dead) => tell({ type: 'declared-dead', dead }),
    failed: (network, text, error) => tell({ type: 'failed', network, text, error: errorToData(error) }),
    rejected: (network, record) => tell({ type: 'rejected', network, record }),
    logged: (network, record) => tell({ type: 'log', network, record }),
    draining: (instances) => tell({ type: 'draining', instances }),
    drained: (left, why) => tell({ type: 'drained', left, ...(why !== undefined && { why }) }),
    troubled: (text, error) => tell({ type: 'troubled', text, error: errorToData(error) }),
  }
}
