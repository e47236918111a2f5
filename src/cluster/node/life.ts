import { machineClock } from '../../base/clock.ts'
import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import { type Random, systemRandom } from '../../base/random.ts'
import { put, remove } from '../../store/operations.ts'
import { LeaseKeeper } from '../../store/recipes/index.ts'
import { allocateFence, setFence } from '../../run/fence.ts'
import type { RunStore } from '../../run/run-store.ts'
import type { Store } from '../../store/store.ts'
import type { CallHandlers } from '../../transport/call-server.ts'
import { authoritiesOf } from '../../transport/tcp/own-certificate.ts'
import { Agent } from '../agent/agent.ts'
import { join, type Membership } from '../agent/membership.ts'
import { RecordWriter } from '../agent/record-writer.ts'
import { DeathWatch, defaultRestartPolicy, Manager } from '../control/index.ts'
import {
  type Address,
  type ClusterKeys,
  type LinkRecord,
  linkRecord,
  protocolSpoken,
} from '../protocol/index.ts'
import { NodeBundles } from './bundles.ts'
import { ControlNet, type ControlNetOptions } from './control-net.ts'
import { dataLinksUrl } from './data-links.ts'
import type { NodeInsight } from './insight.ts'
import { LinkWatch } from './link-watch.ts'
import { type NodeOptions, stallMsDefault, ttlMsDefault } from './node-options.ts'
import { NodeSnapshots } from './node-snapshots.ts'
import type { NodeStorages } from './node-storages.ts'
import { NodeThreads } from './node-threads.ts'
import { incarnationOf, isProcessGone, ownIdentity } from './process-identity.ts'
import { portHandlers } from './ports/cluster-ports.ts'
import type { PortLines } from './ports/port-lines.ts'
import { defaultJournalFolder } from './journal-place.ts'
import type { StorageProof } from './storage-proof.ts'
import { ThreadWorkers } from './thread-workers.ts'

/** What all lives of a node have in common. */
export interface LifeMeans {
  readonly options: NodeOptions
  readonly store: Store
  /** The same, for workers. */
  readonly shared: RunStore
  readonly keys: ClusterKeys
  readonly storages: NodeStorages
  readonly proof: StorageProof
  readonly insight: NodeInsight
  /** To the instances behind exported ports on this node. */
  readonly ports: PortLines
  /** Base address of the node's API, for others to see. */
  readonly api: string | undefined
  /** Of the cluster, where it was a member before. */
  readonly incarnation: string | undefined
  readonly seen: (agent: Agent, networks: ReadonlySet<string>) => void
}

const lookMs = 500
const lookAfterMs = 50

/** Times the time to live of a lease: so long may it take until the store has ended one. */
const leaseEndFactor = 1.5

/** What is told by connections, once there is a life to tell. */
interface Watches {
  watch: DeathWatch | undefined
  links: LinkWatch | undefined
}

/** From joining to leaving. */
export class Life {
  readonly membership: Membership
  readonly agent: Agent
  private readonly leases: LeaseKeeper
  readonly net: ControlNet
  private readonly insight: NodeInsight
  private readonly manager: Manager
  private readonly watch: DeathWatch
  private readonly links: LinkWatch
  private readonly linkWriter: RecordWriter<LinkRecord>
  private readonly bundles: NodeBundles
  private readonly threads: NodeThreads
  private readonly stopLooking: () => void
  private willLook = false
  private isEnding = false

  private constructor(
    membership: Membership,
    parts: LifeMeans & {
      readonly leases: LeaseKeeper
      readonly net: ControlNet
      readonly snapshots: NodeSnapshots
    },
    nets: Watches,
  ) {
    const { options, store, keys, net, seen, insight, ports, snapshots } = parts
    const { events, ttlMs = ttlMsDefault } = options
    this.membership = membership
    this.leases = parts.leases
    this.net = net
    this.insight = insight
    const clock = machineClock
    const random: Random = systemRandom
    const troubled = (what: string, error: Error): void => events.troubled(what, error)
    this.bundles = new NodeBundles({ store, keys, clock, random, folder: options.cache, troubled })
    this.threads = new NodeThreads({ clock, workers: options.workers, preload: preloaded(options) })
    const fence = allocateFence()
    membership.lease.followLimits((limits) => setFence(fence, limits))
    this.agent = new Agent({
      store,
      keys,
      random,
      membership,
      workersOf: (network) => {
        const workers = threadWorkers(network, options, {
          control: net.address,
          fence,
          threads: this.threads,
          shared: parts.shared,
          ports,
        })
        insight.counts.add(network, workers)
        return workers.make
      },
      localize: async (assignment) => snapshots.placed(await this.bundles.localize(assignment)),
      readSnapshot: snapshots.read,
      events: {
        rejected: (network, record, taken) => insight.rejected(network, record, taken),
        logged: (network, record, taken) => {
          insight.logged(network, record)
          taken()
        },
        failed: (network, what, error) => events.failed(network, what, error),
        linkFailed: (network, from, to, error) => {
          insight.linkFailed(network, from, to, error)
          events.troubled(`the link of "${network}" from worker ${from} to ${to}`, error)
          if (isVertigoError(error) && error.code === 'LINK_UNREACHABLE') this.links.doubt(network, to)
        },
        seen: (networks) => {
          seen(this.agent, networks)
          this.lookSoon()
        },
        troubled,
      },
    })
    snapshots.agent = this.agent
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
    this.linkWriter = new RecordWriter<LinkRecord>({
      store,
      keys,
      membership,
      random,
      operation: (record, lease) =>
        record.unreached.length === 0
          ? remove(keys.link(options.id))
          : put(keys.link(options.id), linkRecord.encode(record), lease),
      troubled: (error) => troubled('telling which nodes are not reached', error),
    })
    this.links = new LinkWatch({
      clock,
      self: options.id,
      incarnation: membership.record.incarnation,
      view: () => this.agent.view,
      confirmMs: ttlMs * leaseEndFactor,
      probe: (control) => net.probe({ control }),
      publish: (record) => this.linkWriter.write(record),
      events: {
        lost: (node, why) => insight.unreachable(node, why),
        mended: (node) => insight.reachable(node),
        troubled,
      },
    })
    nets.watch = this.watch
    nets.links = this.links
    this.manager = new Manager({
      store,
      keys,
      clock,
      lease: membership.lease,
      node: options.id,
      restarts: defaultRestartPolicy,
      snapshots: { takers: snapshots, storages: parts.storages, places: parts.proof },
      events: {
        elected: () => {
          this.bundles.elected()
          events.elected()
        },
        deposed: () => {
          this.bundles.deposed()
          events.deposed()
        },
        decided: (network, what, kind) => events.decided(network, what, kind),
        troubled,
      },
    })
    // What is told of a node that is missed is told when nothing happens any more, too.
    this.stopLooking = clock.every(lookMs, () => this.look(), { background: true, coarse: true })
  }

  /** A while after a change: whoever is dialled must have seen the change as well. */
  private lookSoon(): void {
    if (this.willLook || this.isEnding) return
    this.willLook = true
    machineClock.after(lookAfterMs, () => this.look(), { background: true })
  }

  /** Connections, and what is told of nodes, follow the agent's view. */
  private look(): void {
    this.willLook = false
    if (this.isEnding) return
    this.net.update([...this.agent.view.nodes.values()].map(({ value }) => value))
    this.links.look()
    this.insight.look()
  }

  /** Errors: NODE_EXISTS, CLUSTER_FORMAT_NEWER, CLUSTER_FOREIGN, CLUSTER_REPLACED, LINK_VERSION_UNFIT, NODE_ADDRESS_UNFIT, those of the store. */
  static async begin(means: LifeMeans, signal: AbortSignal): Promise<Life> {
    const { options, store, keys, api, incarnation, insight, ports } = means
    const { cluster, id, listen = { host: '127.0.0.1', port: 0 }, ttlMs = ttlMsDefault, events } = options
    const clock = machineClock
    const random = systemRandom
    const leases = new LeaseKeeper(store, { clock, random })
    const nets: Watches = { watch: undefined, links: undefined }
    const snapshots = new NodeSnapshots({
      self: id,
      storages: means.storages,
      to: (node) => net.to(node),
    })
    const net: ControlNet = await openNet({
      cluster,
      self: id,
      listen,
      tls: options.tls,
      clock,
      random,
      handlers: allHandlers(insight.handlers, portHandlers(ports), snapshots.handlers, means.proof.handlers),
      events: {
        broken: (node) => {
          nets.watch?.suspect(node)
          nets.links?.broken(node)
        },
        refused: (node, error) => {
          nets.watch?.suspect(node)
          insight.unreachable(node, error.message)
          events.troubled(`the connection to node "${node}"`, error)
        },
        silent: (node, error) => {
          nets.watch?.suspect(node)
          nets.links?.silent(node, error.message)
          events.troubled(`the connection to node "${node}"`, error)
        },
        reachable: (node) => nets.links?.heard(node),
        turnedAway: (remote, error, more) => events.troubled(turnedAway(remote, more), error),
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
          protocol: protocolSpoken,
          authorities: options.tls === undefined ? [] : authoritiesOf(options.tls),
          control: net.address,
          ...(api !== undefined && { api }),
          groups: [...(options.groups ?? [])],
          labels: { ...options.labels },
          workers: options.workers,
        },
        { store, keys, leases, clock, random, isGone: isProcessGone },
        { cluster, ttlMs, incarnation, signal },
      )
      events.joined(membership.record)
      return new Life(membership, { ...means, leases, net, snapshots }, nets)
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
    this.isEnding = true
    this.stopLooking()
    if (!isLost) this.insight.leaves(this.membership.record)
    await this.watch.close()
    // Somebody else may lead while the workers here end in peace.
    await this.manager.close()
    if (isLost) await this.agent.terminated
    else await this.agent.close()
    await this.links.close()
    await this.linkWriter.idle
    await this.threads.close()
    await this.bundles.close()
    await this.leases.close()
    await this.net.close()
  }
}

async function openNet(options: ControlNetOptions): Promise<ControlNet> {
  try {
    return await ControlNet.open(options)
  } catch (cause) {
    const { code } = cause as { readonly code?: unknown }
    if (typeof code !== 'string' || isVertigoError(cause)) throw cause
    const { host, port } = options.listen
    const why = code === 'EADDRINUSE' ? 'another process listens there' : code
    throw new VertigoError('NODE_ADDRESS_UNFIT', `The node cannot listen on ${host}:${port}: ${why}.`, {
      cause,
    })
  }
}

/** What nearly every worker needs. Components import the package; where their own is another one, it was in vain. */
function preloaded({ builtInKinds }: NodeOptions): string[] {
  return [builtInKinds, dataLinksUrl, import.meta.resolve('vertigo-flow')]
}

function turnedAway(remote: string, more: number, where = ''): string {
  return `somebody at ${remote} was turned away${where}${more === 0 ? '' : `, and ${more} before that`}`
}

function threadWorkers(
  network: string,
  options: NodeOptions,
  {
    control,
    fence,
    threads,
    shared,
    ports,
  }: {
    readonly control: Address
    readonly fence: SharedArrayBuffer
    readonly threads: NodeThreads
    readonly shared: RunStore
    readonly ports: PortLines
  },
): ThreadWorkers {
  return new ThreadWorkers({
    network,
    clock: machineClock,
    net: { cluster: options.cluster, node: options.id, host: control.host, tls: options.tls },
    fence,
    store: shared,
    storeFailed: (error) => options.events.troubled(`the store for the workers of "${network}"`, error),
    builtInKinds: options.builtInKinds,
    stores: options.stores,
    threads,
    journals: options.journals ?? defaultJournalFolder(options, process.env),
    stallMs: options.stallMs ?? stallMsDefault,
    clientPorts: ports,
    turnedAway: (worker, remote, error, more) =>
      options.events.troubled(turnedAway(remote, more, ` by worker ${worker} of "${network}"`), error),
  })
}

function allHandlers(...all: readonly CallHandlers[]): CallHandlers {
  return {
    requests: Object.assign({}, ...all.map(({ requests }) => requests)) as CallHandlers['requests'] & object,
    hints: Object.assign({}, ...all.map(({ hints }) => hints)) as CallHandlers['hints'] & object,
    streams: Object.assign({}, ...all.map(({ streams }) => streams)) as CallHandlers['streams'] & object,
  }
}
