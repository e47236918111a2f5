import { type Bundle, encodeBundle } from '../cluster/bundle/bundle.ts'
import type {
  ClusterEvent,
  Deployment,
  ExportedSnapshot,
  GoOnFrom,
  InstanceCounts,
  InstanceStatus,
  ListedSnapshot,
  LogLine,
  LogNews,
  LogPage,
  LogQuery,
  MissingNode,
  MetricValue,
  NetworkSnapshots,
  NetworkStatus,
  NodeStatus,
  PortClient,
  StateQuery,
  StateReading,
  SnapshotContent,
} from '../cluster/client/index.ts'
import type { ClusterConfig, VersionRecord } from '../cluster/protocol/index.ts'
import { isVertigoError } from '../base/errors.ts'
import { systemRandom } from '../base/random.ts'
import type { FlatNetwork } from '../model/flatten.ts'
import type { Caller } from './access.ts'
import { readEvents } from './event-reader.ts'
import { Http, type HttpOptions } from './http.ts'
import { ApiPorts } from './port-client.ts'
import type { NodeIdentity } from './route.ts'

/** A line of the list of networks. */
export interface NetworkSummary extends Pick<NetworkStatus, 'name' | 'version' | 'generation' | 'error'> {
  /** `damaged`: a record of it cannot be read, as `error` says; the numbers are 0 then. */
  readonly state: NetworkStatus['state'] | 'damaged'
  readonly components: number
  readonly instances: number
}

/** A line of the list of versions. */
export interface VersionSummary extends Pick<VersionRecord, 'version' | 'createdAtMs' | 'by' | 'change'> {
  readonly components: number
  readonly instances: number
}

export interface Definition extends VersionRecord {
  readonly name: string
}

export interface Made {
  readonly name: string
  readonly version: number
}

/** With what the nodes count; of instances on `missing` nodes there is nothing. */
export interface CountedStatus extends NetworkStatus {
  readonly instances: readonly (InstanceStatus & {
    readonly counters?: Pick<InstanceCounts, 'received' | 'sent' | 'queued' | 'rejected' | 'isBlocked'>
  })[]
  readonly metrics: readonly MetricValue[]
  readonly missing: readonly MissingNode[]
}

/** What comes when a log is followed. */
export type LogUpdate =
  | { readonly type: 'line'; readonly line: LogLine }
  | Omit<Extract<LogNews, { readonly type: 'dropped' }>, 'cursor'>
  | Omit<Extract<LogNews, { readonly type: 'missing' }>, 'cursor'>

export interface ChangeRequest {
  /** Only if this is the current version. */
  readonly expected?: number | undefined
  /** Components that begin anew, without their state, while the rest goes on from the last snapshot. */
  readonly discardState?: readonly string[]
}

/**
 * The HTTP API of a node, for programs. Its errors are those of `Management`, with the same codes; and API_UNREACHABLE,
 * API_TIMEOUT (a change may have taken effect), API_ANSWER_INVALID, API_TOKEN_MISSING, API_ROLE_MISSING.
 */
export class ApiClient {
  /** Exported ports of networks. */
  readonly ports: PortClient
  private readonly http: Http

  constructor(options: HttpOptions) {
    this.http = new Http(options)
    this.ports = new ApiPorts({
      nodes: async () => [this.http],
      clock: options.clock,
      random: systemRandom,
    })
  }

  identity(): Promise<NodeIdentity & { readonly caller: Caller }> {
    return this.get('/v1/node')
  }

  networks(): Promise<readonly NetworkSummary[]> {
    return this.get('/v1/networks')
  }

  deploy(
    { part, kinds, alone = false }: Deployment,
    options: ChangeRequest & {
      readonly mode?: 'merge' | 'replace'
      readonly bare?: boolean
      readonly from?: GoOnFrom | undefined
    } = {},
  ): Promise<Made> {
    const { mode, bare, from, discardState = [], expected } = options
    return this.post('/v1/networks', {
      part,
      kinds,
      ...(mode !== undefined && { mode }),
      ...(bare !== undefined && { bare }),
      // Nodes of earlier versions do not know it.
      ...(alone && { alone }),
      ...(from !== undefined && { from }),
      ...(expected !== undefined && { expected }),
      ...(discardState.length > 0 && { discardState }),
    })
  }

  /** Sends bundles that the cluster does not have, before a network is deployed that names them. */
  async sendBundles(
    bundles: readonly Bundle[],
    sent: (bundle: Bundle) => void = () => undefined,
  ): Promise<void> {
    for (const bundle of bundles) {
      const path = `/v1/bundles/${bundle.hash}`
      const { there } = await this.post<{ readonly there: boolean }>(`${path}/use`)
      if (there) continue
      await this.http.json({ method: 'PUT', path, bytes: encodeBundle(bundle), timeoutMs: uploadMsMax })
      sent(bundle)
    }
  }

  status(name: string): Promise<NetworkStatus> {
    return this.get(network(name))
  }

  countedStatus(name: string): Promise<CountedStatus> {
    return this.get(`${network(name)}?counters=true`)
  }

  undeploy(name: string): Promise<NetworkStatus> {
    return this.http.json({ method: 'DELETE', path: network(name) }) as Promise<NetworkStatus>
  }

  undeployPart(part: FlatNetwork, change: ChangeRequest = {}): Promise<Made> {
    return this.change(part.name, 'undeploy-part', { part }, change)
  }

  scale(name: string, component: string, instances: number, change: ChangeRequest = {}): Promise<Made> {
    return this.change(name, 'scale', { component, instances }, change)
  }

  rollback(name: string, to: number, change: ChangeRequest = {}): Promise<Made> {
    return this.change(name, 'rollback', { to }, change)
  }

  async forget(name: string): Promise<void> {
    await this.post(`${network(name)}/forget`)
  }

  versions(name: string): Promise<readonly VersionSummary[]> {
    return this.get(`${network(name)}/versions`)
  }

  /** As it is deployed; default: its newest version. */
  definition(name: string, version?: number): Promise<Definition> {
    return this.get(`${network(name)}/definition${version === undefined ? '' : `?version=${version}`}`)
  }

  /** Of a key, by a snapshot. */
  state(name: string, { component, key, snapshot }: StateQuery): Promise<StateReading> {
    const query = new URLSearchParams({
      key: JSON.stringify(key),
      ...(snapshot !== undefined && { snapshot }),
    })
    return this.get(`${network(name)}/components/${encodeURIComponent(component)}/state?${query.toString()}`)
  }

  snapshots(network: string): Promise<NetworkSnapshots> {
    return this.get(snapshotPath(network))
  }

  /** By its name or number. */
  snapshot(network: string, snapshot: string): Promise<ListedSnapshot> {
    return this.get(snapshotPath(network, snapshot))
  }

  snapshotContent(network: string, snapshot: string): Promise<SnapshotContent> {
    return this.get(`${snapshotPath(network, snapshot)}/content`)
  }

  /** Asks for one; `replace`: an older one that has the name loses it. It is there when `wanted` of the list is without the name. */
  async createSnapshot(network: string, name: string, { replace = false } = {}): Promise<void> {
    await this.post(snapshotPath(network), { name, ...(replace && { replace }) })
  }

  async removeSnapshot(network: string, snapshot: string): Promise<void> {
    await this.http.json({ method: 'DELETE', path: snapshotPath(network, snapshot) })
  }

  /** A file of a snapshot. */
  snapshotFile(network: string, snapshot: string, name: string): AsyncIterable<Uint8Array> {
    return this.http.bytes({ method: 'GET', path: filePath(network, snapshot, name) })
  }

  /** Begins to send a snapshot that was taken elsewhere. `isPartial`: its files are wanted. */
  importSnapshot(
    network: string,
    exported: ExportedSnapshot,
    storage: string | undefined,
  ): Promise<{ readonly name: string; readonly id: number; readonly isPartial: boolean }> {
    const body = { ...exported, ...(storage !== undefined && { storage }) }
    return this.post(`${snapshotPath(network)}/import`, body)
  }

  async putSnapshotFile(
    network: string,
    snapshot: string,
    { name, content }: { readonly name: string; readonly content: AsyncIterable<Uint8Array> },
  ): Promise<void> {
    const path = filePath(network, snapshot, name)
    await this.http.json({ method: 'PUT', path, bytes: content, timeoutMs: uploadMsMax })
  }

  completeSnapshot(network: string, snapshot: string): Promise<ListedSnapshot> {
    return this.post(`${snapshotPath(network, snapshot)}/complete`)
  }

  nodes(): Promise<readonly NodeStatus[]> {
    return this.get('/v1/nodes')
  }

  async drain(id: string): Promise<void> {
    await this.post(`/v1/nodes/${encodeURIComponent(id)}/drain`)
  }

  async undrain(id: string): Promise<void> {
    await this.post(`/v1/nodes/${encodeURIComponent(id)}/undrain`)
  }

  config(): Promise<ClusterConfig> {
    return this.get('/v1/config')
  }

  configure(config: ClusterConfig): Promise<ClusterConfig> {
    return this.http.json({ method: 'PUT', path: '/v1/config', body: config }) as Promise<ClusterConfig>
  }

  /** Events behind the number `after`, the oldest first. */
  events({ after = 0, limit = 1000 }: { readonly after?: number; readonly limit?: number } = {}): Promise<
    readonly ClusterEvent[]
  > {
    return this.get(`/v1/events?after=${after}&limit=${limit}`)
  }

  /**
   * The status now, and after each change; of changes that come faster than they are read, the last one. Ends with the
   * signal, or after `undefined` where the network was forgotten.
   */
  async *watchNetwork(
    name: string,
    signal: AbortSignal,
  ): AsyncGenerator<NetworkStatus | undefined, void, undefined> {
    let isThere = false
    try {
      for await (const { type, data } of readEvents(this.http, { path: `${network(name)}/watch`, signal })) {
        isThere = true
        yield type === 'gone' ? undefined : (JSON.parse(data) as NetworkStatus)
        if (type === 'gone') return
      }
    } catch (error) {
      // It was forgotten while the connection was broken.
      if (!isThere || !isVertigoError(error) || error.code !== 'NETWORK_UNKNOWN') throw error
      yield undefined
    }
  }

  /** Those behind the number `after`, then each as it comes, until the signal. */
  async *watchEvents(after: number, signal: AbortSignal): AsyncGenerator<ClusterEvent, void, undefined> {
    const path = '/v1/events/watch'
    for await (const { data } of readEvents(this.http, { path, lastEventId: String(after), signal }))
      yield JSON.parse(data) as ClusterEvent
  }

  /** Of all nodes, in the order of their times. */
  logs(name: string, query: LogQuery = {}): Promise<LogPage> {
    return this.get(`${network(name)}/logs${logParameters(query)}`)
  }

  /** The newest lines, then each as it comes, until the signal. */
  async *watchLogs(
    name: string,
    query: LogQuery,
    signal: AbortSignal,
  ): AsyncGenerator<LogUpdate, void, undefined> {
    const path = `${network(name)}/logs/watch${logParameters(query)}`
    for await (const { type, data } of readEvents(this.http, { path, signal })) {
      const value = JSON.parse(data) as object
      yield (type === 'line' ? { type, line: value } : { type, ...value }) as LogUpdate
    }
  }

  private get<T>(path: string): Promise<T> {
    return this.http.json({ method: 'GET', path }) as Promise<T>
  }

  private post<T>(path: string, body?: object): Promise<T> {
    return this.http.json({ method: 'POST', path, ...(body !== undefined && { body }) }) as Promise<T>
  }

  private change(name: string, what: string, body: object, change: ChangeRequest): Promise<Made> {
    const { expected, discardState = [] } = change
    return this.post(`${network(name)}/${what}`, {
      ...body,
      ...(expected !== undefined && { expected }),
      ...(discardState.length > 0 && { discardState }),
    })
  }
}

/** A large bundle takes as long as its line does: of a time in which nothing of it is taken, and for the answer. */
const uploadMsMax = 60_000

function network(name: string): string {
  return `/v1/networks/${encodeURIComponent(name)}`
}

function snapshotPath(name: string, snapshot?: string): string {
  return `${network(name)}/snapshots${snapshot === undefined ? '' : `/${encodeURIComponent(snapshot)}`}`
}

function filePath(network: string, snapshot: string, name: string): string {
  return `${snapshotPath(network, snapshot)}/file?name=${encodeURIComponent(name)}`
}

function logParameters({ component, level, sinceMs, limit }: LogQuery): string {
  const given = new URLSearchParams({
    ...(component !== undefined && { component }),
    ...(level !== undefined && { level }),
    ...(sinceMs !== undefined && { since: String(Math.trunc(sinceMs)) }),
    ...(limit !== undefined && { limit: String(limit) }),
  })
  return given.size === 0 ? '' : `?${given.toString()}`
}
