import { machineClock } from '../../base/clock.ts'
import type { ErrorCode } from '../../base/error-codes.ts'
import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import { isLoopback } from '../../base/loopback.ts'
import { systemRandom } from '../../base/random.ts'
import { RunStore } from '../../run/run-store.ts'
import type { StoresModule } from '../../run/types.ts'
import type { Store } from '../../store/store.ts'
import type { Calls } from '../../transport/calls.ts'
import { BundleStore } from '../bundle/index.ts'
import { EventLog, Management, Operation, SnapshotFiles } from '../client/index.ts'
import { pause } from '../control/index.ts'
import { ClusterKeys, type ClusterView, type NodeId, type NodeRecord } from '../protocol/index.ts'
import { catchUp } from './catch-up.ts'
import { NodeInsight } from './insight.ts'
import { giveUpInstances, instancesOn } from './leave.ts'
import { Life, type LifeMeans } from './life.ts'
import { apiPortOf, type ServedApi, serveNodeApi } from './node-api.ts'
import { drainMsDefault, type NodeOptions } from './node-options.ts'
import { NodeStorages } from './node-storages.ts'
import { NodeView } from './node-view.ts'
import { stateReader } from './state-reader.ts'
import { incarnationOf } from './process-identity.ts'
import { ClusterPorts } from './ports/cluster-ports.ts'
import { PortLines } from './ports/port-lines.ts'
import { defaultSnapshotAddress } from './snapshot-place.ts'
import { StorageProof } from './storage-proof.ts'

export type { NodeEvents } from './node-events.ts'
export type { NodeApiOptions, NodeOptions } from './node-options.ts'
export { drainMsDefault, ttlMsDefault } from './node-options.ts'

const rejoinMs = 100
/** Between two times that the same trouble with it is told. */
const rejoinToldMs = 10_000
/**
 * To try again would not end. CLUSTER_FOREIGN is not of them: the cluster is the one of before then (ME-3), and a stranger who
 * came first, after all had lost their leases, must not end all that belong to it.
 */
const hopeless: ReadonlySet<ErrorCode> = new Set([
  'STORE_REPLACED',
  'CLUSTER_REPLACED',
  'CLUSTER_FORMAT_NEWER',
] as const)

/**
 * - NO-1 It is a member under a lease; when that is lost, everything that it does as a member has ended before it joins again, as
 *   another life.
 * - NO-2 `drain` gives its instances up and leaves; `close` leaves at once. Others take over either way.
 * - NO-3 Its API is there before it joins, since its record says where, and through all its lives.
 * - NO-4 A node that cannot be a member any more, however often it tries, ends as a whole and says why (`ended`).
 */
export class ClusterNode {
  private readonly options: NodeOptions
  private readonly store: Store
  private readonly keys: ClusterKeys
  private readonly storages: NodeStorages
  private readonly proof: StorageProof
  private readonly observer: NodeView
  /** Logs, counters, events: for the API. */
  readonly insight: NodeInsight
  /** The store, for workers. */
  private readonly shared: RunStore
  /** Clients of exported ports. */
  readonly ports: ClusterPorts
  private readonly portLines = new PortLines(machineClock)
  private readonly ending = new AbortController()
  private api: ServedApi | undefined
  private life: Life | undefined
  private living: Promise<void> = Promise.resolve()
  private draining: Promise<void> | undefined
  private closing: Promise<void> | undefined
  private failure: Error | undefined
  /** Of the cluster that it belongs to. */
  private incarnation: string | undefined
  /** Fulfilled when it has left; rejected where it gave up, with why: STORE_REPLACED, CLUSTER_REPLACED, CLUSTER_FORMAT_NEWER. */
  ended: Promise<void> = Promise.resolve()

  private constructor(options: NodeOptions, store: Store) {
    this.store = store
    this.shared = new RunStore(options.stores, options.storeUrl, machineClock)
    this.keys = new ClusterKeys(options.cluster)
    this.observer = new NodeView(this.keys)
    this.storages = new NodeStorages({
      clock: machineClock,
      defaultAddress: options.snapshots ?? defaultSnapshotAddress(options.storeUrl),
      openStorage: async (address, clock) =>
        ((await import(options.stores)) as StoresModule).openSnapshotStorage(address, clock),
    })
    this.proof = new StorageProof({
      self: options.id,
      clock: machineClock,
      random: systemRandom,
      storages: this.storages,
      view: () => this.life?.agent.view,
      to: (node) => this.callsTo(node),
    })
    this.insight = new NodeInsight({
      self: options.id,
      store,
      keys: this.keys,
      clock: machineClock,
      random: systemRandom,
      epoch: incarnationOf(systemRandom),
      folder: options.deadLetters ?? '.',
      view: () => this.life?.agent.view,
      to: (node) => this.callsTo(node),
      events: options.events,
    })
    this.ports = new ClusterPorts({
      lines: this.portLines,
      peers: { self: options.id, nodes: () => [...this.view.nodes.keys()], to: (node) => this.callsTo(node) },
      view: () => this.view,
      catchUp: (network, timeoutMs) =>
        catchUp(network, { store, keys: this.keys, observer: this.observer, clock: machineClock }, timeoutMs),
      clock: machineClock,
      random: systemRandom,
    })
    this.options = { ...options, events: this.insight.events }
  }

  /**
   * Fulfilled when it has joined. Errors: NODE_EXISTS, NODE_OPEN, NODE_ADDRESS_UNFIT, CLUSTER_FORMAT_NEWER, CLUSTER_FOREIGN, LINK_VERSION_UNFIT, those of the API
   * and of the store.
   */
  static async start(options: NodeOptions, signal?: AbortSignal): Promise<ClusterNode> {
    checkListen(options)
    const store = await options.openStore(options.storeUrl, machineClock)
    const node = new ClusterNode(options, store)
    const onAbort = (): void => node.ending.abort(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted === true) onAbort()
    try {
      node.api = await node.serve()
      const first = await Life.begin(node.lifeMeans, node.ending.signal)
      node.life = first
      node.living = node.live(first)
      node.ended = node.whenEnded()
      // Who started it may not ask.
      node.ended.catch(() => undefined)
      return node
    } catch (error) {
      await node.api?.server.close()
      await node.insight.close()
      await node.storages.close()
      await node.shared.close()
      await store.close()
      throw error
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Errors: NODE_UNKNOWN, STOPPED. */
  private callsTo(node: NodeId): Calls {
    if (this.life === undefined) throw new VertigoError('STOPPED', 'this node is not in the cluster')
    return this.life.net.to(node)
  }

  /** What the cluster looks like from here. */
  get view(): ClusterView {
    return this.observer.view
  }

  /** Undefined while it is no member. */
  get record(): NodeRecord | undefined {
    return this.life?.membership.record
  }

  /** Base address of its API. */
  get apiAddress(): string | undefined {
    return this.api?.address
  }

  /**
   * Its instances move to other nodes, for `graceMs` at most (default 30 s), then it leaves. Not waited for are those that
   * nobody is there to take. `close` cuts it short. Idempotent.
   */
  drain({ graceMs = drainMsDefault }: { readonly graceMs?: number } = {}): Promise<void> {
    this.draining ??= this.giveUp(graceMs)
    return this.draining
  }

  /** Leaves at once. Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.end()
    return this.closing
  }

  private async giveUp(graceMs: number): Promise<void> {
    const { life, store, keys, observer } = this
    const { events } = this.options
    if (life !== undefined && this.closing === undefined) {
      const { membership } = life
      events.draining(instancesOn(observer.view, membership.record.id))
      const { instances, why } = await giveUpInstances(
        { store, keys, clock: machineClock, membership, observer, troubled: events.troubled.bind(events) },
        { graceMs, signal: this.ending.signal },
      )
      events.drained(instances, why)
    }
    await this.close()
  }

  private async end(): Promise<void> {
    this.ending.abort()
    await this.living
    await this.api?.server.close()
    await this.insight.close()
    await this.storages.close()
    await this.shared.close()
    await this.store.close()
  }

  private async whenEnded(): Promise<void> {
    await this.living
    if (this.failure !== undefined) {
      await this.close()
      throw this.failure
    }
    await this.draining
    await this.closing
  }

  private get lifeMeans(): LifeMeans {
    const { options, store, shared, keys, storages, proof, api, observer, insight, portLines: ports } = this
    return {
      options,
      store,
      shared,
      storages,
      proof,
      insight,
      ports,
      keys,
      api: api?.address,
      incarnation: this.incarnation,
      seen: (agent, networks) => observer.seen(agent, networks),
    }
  }

  private async serve(): Promise<ServedApi | undefined> {
    const { options, store, keys, observer } = this
    const { api, events, listen } = options
    if (api === undefined) return undefined
    const means = { clock: machineClock, random: systemRandom }
    const management = new Management(store, keys, means)
    const served = await serveNodeApi(
      {
        node: { id: options.id, cluster: options.cluster, version: options.version },
        management,
        snapshots: new SnapshotFiles(management, {
          open: (address) => this.storages.open(address),
          check: (network, address) => this.proof.checkNew(network, address),
        }),
        operation: new Operation(store, keys, means),
        bundles: new BundleStore(store, keys, machineClock),
        observer,
        events: new EventLog(store, keys, means),
        logs: this.insight.logs,
        counts: this.insight.counts,
        ports: this.ports,
        states: stateReader(options, new Management(store, keys, means)),
        clock: machineClock,
        troubled: (error, request) => events.troubled(`the request ${request}`, error),
      },
      api,
      listen?.host ?? '127.0.0.1',
    )
    if (served.isElsewhere) events.apiElsewhere(apiPortOf(api), served.address)
    return served
  }

  /** One life after the other. Never rejects. */
  private async live(first: Life): Promise<void> {
    const { events } = this.options
    const { signal } = this.ending
    let life: Life | undefined = first
    while (life !== undefined) {
      this.incarnation = life.membership.incarnation
      const lost: Error | undefined = await life.over(signal)
      await life.end(lost !== undefined)
      this.life = undefined
      if (lost === undefined) return
      events.fenced(lost)
      // One that was leaving has left.
      if (this.draining !== undefined) return
      life = await this.rejoin()
      this.life = life
    }
  }

  private async rejoin(): Promise<Life | undefined> {
    const { events } = this.options
    const { signal } = this.ending
    let told: { readonly text: string; readonly atMs: number } | undefined
    while (!signal.aborted) {
      try {
        return await Life.begin(this.lifeMeans, signal)
      } catch (error) {
        if (signal.aborted) return undefined
        if (isVertigoError(error) && hopeless.has(error.code)) {
          this.failure = error
          events.gaveUp(error)
          return undefined
        }
        const text = isVertigoError(error) ? error.code : asError(error).message
        const atMs = machineClock.monotonic()
        if (told?.text !== text || atMs - told.atMs >= rejoinToldMs) {
          events.troubled('joining the cluster again', asError(error))
          told = { text, atMs }
        }
        await pause(machineClock, rejoinMs, signal)
      }
    }
    return undefined
  }
}

/** Before anything is opened. */
function checkListen({ listen, tls, insecure = false }: NodeOptions): void {
  if (listen === undefined) return
  const { host } = listen
  // The others are told it.
  if (host === '0.0.0.0' || host === '::')
    throw new VertigoError(
      'NODE_ADDRESS_UNFIT',
      `A node cannot listen on ${host}: the others could not reach it by that.`,
      {
        remedy: 'Give an address or a name of this machine by which the other nodes reach it.',
      },
    )
  if (tls === undefined && !insecure && !isLoopback(host))
    throw new VertigoError(
      'NODE_OPEN',
      `The node was to listen on ${host}, where other machines reach it, without TLS.`,
    )
}
