import { type Clock, machineClock } from '../../base/clock.ts'
import { asError, type VertigoError } from '../../base/errors.ts'
import { type Random, systemRandom } from '../../base/random.ts'
import type { LogRecord } from '../../component/context.ts'
import { LeaseKeeper } from '../../store/recipes/index.ts'
import type { Store } from '../../store/store.ts'
import type { TlsFiles } from '../../transport/tcp/tls.ts'
import type { RejectedMessage } from '../../worker/host.ts'
import { Agent } from '../agent/agent.ts'
import { join, type Membership } from '../agent/membership.ts'
import { DeathWatch, defaultRestartPolicy, Manager, pause } from '../control/index.ts'
import {
  type Address,
  ClusterKeys,
  type ClusterView,
  type NodeId,
  type NodeRecord,
} from '../protocol/index.ts'
import { ControlNet } from './control-net.ts'
import { isProcessGone, ownIdentity } from './process-identity.ts'
import { ThreadWorkers } from './thread-workers.ts'

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
  /** Default: loopback, and ports that the system chooses. */
  readonly listen?: { readonly host: string; readonly port: number }
  readonly tls?: TlsFiles & { readonly ca: string; readonly cert: string; readonly key: string }
  /** Base address of the node's API, for others to see. */
  readonly api?: string
  /** How long others wait for a node that is frozen or cut off, in milliseconds. Default 3000. */
  readonly ttlMs?: number
  readonly stallMs?: number
  readonly version: string
  /** URLs of modules; see `RunModules`. */
  readonly builtInKinds: string
  readonly stores: string
  readonly events: NodeEvents
}

export interface NodeEvents {
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
  /** Something is tried again. */
  troubled(what: string, error: Error): void
}

const ttlMsDefault = 3_000
const stallMsDefault = 10_000
const rejoinMs = 100
const protocol = { min: 1, max: 1 }

/**
 * - NO-1 It is a member under a lease; when that is lost, everything that it does as a member has ended before it joins again, as
 *   another life.
 * - NO-2 `drain` gives its instances up and leaves; `close` leaves at once. Others take over either way.
 */
export class ClusterNode {
  private readonly options: NodeOptions
  private readonly store: Store
  private readonly ending = new AbortController()
  private life: Life | undefined
  private living: Promise<void> = Promise.resolve()

  private constructor(options: NodeOptions, store: Store) {
    this.options = options
    this.store = store
  }

  /** Fulfilled when it has joined. Errors: NODE_EXISTS, CLUSTER_FORMAT_NEWER, those of the store and of listening. */
  static async start(options: NodeOptions): Promise<ClusterNode> {
    const store = await options.openStore(options.storeUrl, machineClock)
    const node = new ClusterNode(options, store)
    try {
      const first = await Life.begin(options, store, node.ending.signal)
      node.life = first
      node.living = node.live(first)
      return node
    } catch (error) {
      await store.close()
      throw error
    }
  }

  /** What the cluster looks like from here. */
  get view(): ClusterView | undefined {
    return this.life?.agent.view
  }

  get record(): NodeRecord | undefined {
    return this.life?.membership.record
  }

  async close(): Promise<void> {
    this.ending.abort()
    await this.living
    await this.store.close()
  }

  /** One life after the other. Never rejects. */
  private async live(first: Life): Promise<void> {
    const { events } = this.options
    const { signal } = this.ending
    let life: Life | undefined = first
    while (life !== undefined) {
      const lost: Error | undefined = await life.over(signal)
      await life.end(lost !== undefined)
      this.life = undefined
      if (lost === undefined) return
      events.fenced(lost)
      life = await this.rejoin()
      this.life = life
    }
  }

  private async rejoin(): Promise<Life | undefined> {
    const { events } = this.options
    const { signal } = this.ending
    while (!signal.aborted) {
      try {
        return await Life.begin(this.options, this.store, signal)
      } catch (error) {
        if (signal.aborted) return undefined
        events.troubled('joining the cluster again', asError(error))
        await pause(machineClock, rejoinMs, signal)
      }
    }
    return undefined
  }
}

/** From joining to leaving. */
class Life {
  readonly membership: Membership
  readonly agent: Agent
  private readonly leases: LeaseKeeper
  private readonly net: ControlNet
  private readonly manager: Manager
  private readonly watch: DeathWatch
  private readonly stopLooking: () => void

  private constructor(
    membership: Membership,
    parts: { leases: LeaseKeeper; net: ControlNet; options: NodeOptions; store: Store; keys: ClusterKeys },
    nets: { watch: DeathWatch | undefined },
  ) {
    const { options, store, keys, net } = parts
    const { events, ttlMs = ttlMsDefault } = options
    this.membership = membership
    this.leases = parts.leases
    this.net = net
    const clock = machineClock
    const random: Random = systemRandom
    this.agent = new Agent({
      store,
      keys,
      random,
      membership,
      workersOf: (network) => threadWorkers(network, options, net.address).make,
      localize: (assignment) => Promise.resolve(assignment),
      events: {
        rejected: (network, record, taken) => {
          events.rejected(network, record)
          taken()
        },
        logged: (network, record, taken) => {
          events.logged(network, record)
          taken()
        },
        failed: (network, what, error) => events.failed(network, what, error),
        linkFailed: (network, from, to, error) =>
          events.troubled(`the link of "${network}" from worker ${from} to ${to}`, error),
        troubled: (what, error) => events.troubled(what, error),
      },
    })
    this.watch = new DeathWatch({
      store,
      keys,
      clock,
      self: options.id,
      lease: membership.lease,
      view: () => this.agent.view,
      probe: (record) => net.probe(record),
      isGone: (record) => (record.machine === membership.record.machine ? isProcessGone(record) : undefined),
      events,
    })
    nets.watch = this.watch
    this.manager = new Manager({
      store,
      keys,
      clock,
      lease: membership.lease,
      node: options.id,
      restarts: defaultRestartPolicy,
      events,
    })
    // The view is the agent's; connections follow it soon enough.
    this.stopLooking = clock.every(
      Math.min(100, ttlMs / 10),
      () => net.update([...this.agent.view.nodes.values()].map(({ value }) => value)),
      { background: true },
    )
  }

  static async begin(options: NodeOptions, store: Store, signal: AbortSignal): Promise<Life> {
    const { cluster, id, listen = { host: '127.0.0.1', port: 0 }, ttlMs = ttlMsDefault, events } = options
    const clock = machineClock
    const random = systemRandom
    const keys = new ClusterKeys(cluster)
    const leases = new LeaseKeeper(store, { clock, random })
    const nets: { watch: DeathWatch | undefined } = { watch: undefined }
    const net = await ControlNet.open({
      cluster,
      self: id,
      listen,
      tls: options.tls,
      clock,
      random,
      handlers: { requests: {}, hints: {}, streams: {} },
      events: {
        broken: (node) => nets.watch?.suspect(node),
        unreachable: (node, error: VertigoError) => {
          nets.watch?.suspect(node)
          events.troubled(`the connection to node "${node}"`, error)
        },
        reachable: () => undefined,
        turnedAway: (remote, error) => events.troubled(`somebody at ${remote} was turned away`, error),
        troubled: (error) => events.troubled('a call between nodes', asError(error)),
      },
    })
    try {
      const membership = await join(
        {
          ...ownIdentity(),
          id,
          incarnation: incarnationOf(random),
          version: options.version,
          protocol,
          control: net.address,
          ...(options.api !== undefined && { api: options.api }),
          groups: [...(options.groups ?? [])],
          labels: { ...options.labels },
          workers: options.workers,
        },
        { store, keys, leases, clock, random, isGone: isProcessGone },
        { cluster, ttlMs, signal },
      )
      events.joined(membership.record)
      return new Life(membership, { leases, net, options, store, keys }, nets)
    } catch (error) {
      await net.close()
      await leases.close()
      throw error
    }
  }

  /** Undefined where it is to end; the reason where the lease was lost. */
  over(signal: AbortSignal): Promise<Error | undefined> {
    const { lease } = this.membership
    return new Promise((resolve) => {
      const done = (error: Error | undefined): void => {
        signal.removeEventListener('abort', onEnd)
        lease.signal.removeEventListener('abort', onLost)
        resolve(error)
      }
      const onEnd = (): void => done(undefined)
      const onLost = (): void => done(asError(lease.signal.reason))
      signal.addEventListener('abort', onEnd)
      lease.signal.addEventListener('abort', onLost)
      if (signal.aborted) onEnd()
      else if (lease.signal.aborted) onLost()
    })
  }

  async end(isLost: boolean): Promise<void> {
    this.stopLooking()
    await this.watch.close()
    // Somebody else may lead while the workers here end in peace.
    await this.manager.close()
    if (isLost) await this.agent.terminated
    else await this.agent.close()
    await this.leases.close()
    await this.net.close()
  }
}

/** 128 bits: no two lives have the same. */
function incarnationOf(random: Random): string {
  return Array.from({ length: 4 }, () =>
    random
      .int(2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('')
}

function threadWorkers(network: string, options: NodeOptions, control: Address): ThreadWorkers {
  return new ThreadWorkers({
    network,
    clock: machineClock,
    net: { cluster: options.cluster, node: options.id, host: control.host, tls: options.tls },
    store: options.storeUrl,
    builtInKinds: options.builtInKinds,
    stores: options.stores,
    workers: options.workers,
    stallMs: options.stallMs ?? stallMsDefault,
  })
}
