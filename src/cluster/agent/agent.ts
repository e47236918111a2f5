import type { LogRecord } from '../../component/context.ts'
import type { Random } from '../../base/random.ts'
import { asError, VertigoError } from '../../base/errors.ts'
import { put } from '../../store/operations.ts'
import { follow } from '../../store/recipes/index.ts'
import type { Revision, Store } from '../../store/store.ts'
import type { SnapshotManifest } from '../../snapshot/manifest.ts'
import type { PartReport, SnapshotBegin } from '../../snapshot/part.ts'
import type { WorkerAssignment } from '../../worker/assignment.ts'
import type { RejectedMessage } from '../../worker/host.ts'
import {
  type ClusterKeys,
  ClusterView,
  type Plan,
  type ReadyRecord,
  readyRecord,
  type VersionRecord,
  type WorkerNumber,
} from '../protocol/index.ts'
import type { MakeWorker } from './agent-worker.ts'
import type { Membership } from './membership.ts'
import { NetworkAgent } from './network-agent.ts'
import { RecordWriter } from './record-writer.ts'

/**
 * The part of a node that carries plans out: follows the store, and has one `NetworkAgent` for each network with workers here.
 *
 * - AG-1 When the node's lease is lost, all its workers end at once (they fence themselves before; see `lease`).
 * - AG-2 What cannot be followed for a while is followed again; meanwhile workers go on as they are, as long as the lease lives.
 */
export interface AgentMeans {
  readonly store: Store
  readonly keys: ClusterKeys
  readonly random: Random
  readonly membership: Membership
  /** For the workers of a network. */
  readonly workersOf: (network: string) => MakeWorker
  readonly localize: (assignment: WorkerAssignment) => Promise<WorkerAssignment>
  /** Without it no snapshots can be gone on from. */
  readonly readSnapshot?: (plan: Plan, version: VersionRecord) => Promise<SnapshotManifest>
  readonly events: AgentEvents
}

export interface AgentEvents {
  rejected(network: string, record: RejectedMessage, taken: () => void): void
  logged(network: string, record: LogRecord, taken: () => void): void
  failed(network: string, what: string, error: Error): void
  linkFailed(network: string, from: WorkerNumber, to: WorkerNumber, error: Error): void
  /** The view shows something new of these networks, or of the cluster. */
  seen(networks: ReadonlySet<string>): void
  /** Something is tried again. */
  troubled(what: string, error: Error): void
}

const retryMs = 100

interface Hosted {
  readonly agent: NetworkAgent
  readonly writer: RecordWriter<ReadyRecord>
}

export class Agent {
  /** What the store says, for whoever wants to look. */
  view: ClusterView
  /** Of the store, to which the view is up to date. */
  revision: Revision = 0
  private readonly means: AgentMeans
  private readonly networks = new Map<string, Hosted>()
  /** Networks that have no part here any more, until their workers have ended. */
  private readonly leaving = new Set<Promise<void>>()
  private readonly ending = new AbortController()
  private readonly running: Promise<void>

  /** Begins at once. */
  constructor(means: AgentMeans) {
    this.means = means
    this.view = new ClusterView(means.keys)
    const { lease } = means.membership
    lease.signal.addEventListener('abort', this.onLost, { once: true })
    this.running = this.run()
  }

  /** This node's part of a snapshot; see `NetworkAgent`. Errors: NETWORK_UNKNOWN where the network has no part here. */
  takeSnapshot(network: string, begin: SnapshotBegin, signal: AbortSignal): AsyncIterable<PartReport> {
    const hosted = this.networks.get(network)
    if (hosted === undefined)
      throw new VertigoError('NETWORK_UNKNOWN', `The network "${network}" has no part on this node.`)
    return hosted.agent.takeSnapshot(begin, signal)
  }

  /** Ends all workers, in peace. Idempotent. */
  async close(): Promise<void> {
    this.means.membership.lease.signal.removeEventListener('abort', this.onLost)
    this.ending.abort()
    await this.running
    for (const [name, hosted] of this.networks) this.letGo(name, hosted)
    await Promise.all(this.leaving)
  }

  /** Fulfilled when all workers have been ended, after the lease was lost. */
  terminated: Promise<void> = Promise.resolve()

  private readonly onLost = (): void => {
    this.ending.abort()
    const ended = [...this.networks].map(([network, { agent }]) =>
      agent
        .terminate()
        .catch((error: unknown) => this.means.events.failed(network, 'while it was ended', asError(error))),
    )
    this.terminated = Promise.all([this.running, ...ended, ...this.leaving]).then(() => undefined)
  }

  private async run(): Promise<void> {
    const { membership, events } = this.means
    while (!this.ending.signal.aborted) {
      try {
        await this.follow()
      } catch (error) {
        if (this.ending.signal.aborted) return
        events.troubled('following the store', asError(error))
        await membership.lease.pause(retryMs)
      }
    }
  }

  private async follow(): Promise<void> {
    const { store, keys, events } = this.means
    const { signal } = this.ending
    const following = await follow(store, keys.prefix, { signal, damaged: 'tell' })
    try {
      const view = new ClusterView(keys)
      for (const entry of following.entries) view.apply(entry.key, entry)
      const before = this.view
      this.view = view
      this.revision = following.revision
      this.updateAll(new Set([...view.networks.keys(), ...this.networks.keys()]))
      events.seen(new Set([...before.networks.keys(), ...view.networks.keys()]))
      for await (const { changes, revision } of following) {
        const touched = new Set<string>()
        const seen = new Set<string>()
        for (const { key, entry } of changes) {
          const name = view.apply(key, entry)
          if (name === undefined) continue
          seen.add(name)
          // Records of readiness are for the manager; a crowd of them comes with each generation.
          if (!key.startsWith(keys.network(name).ready)) touched.add(name)
        }
        this.revision = revision
        this.updateAll(touched)
        events.seen(seen)
      }
    } finally {
      following.close()
    }
  }

  private updateAll(names: Iterable<string>): void {
    const { node, incarnation } = {
      node: this.means.membership.record.id,
      incarnation: this.means.membership.record.incarnation,
    }
    for (const name of names) {
      const network = this.view.networks.get(name)
      const isMine = network?.plan?.value.workers.some(
        (worker) => worker.node === node && worker.incarnation === incarnation,
      )
      let hosted = this.networks.get(name)
      if (hosted === undefined && isMine !== true) continue
      hosted ??= this.host(name)
      hosted.agent.update(network)
      if (hosted.agent.isEmpty && isMine !== true) this.letGo(name, hosted)
    }
  }

  /** Its workers may still be closing; who ends this agent waits for them. */
  private letGo(name: string, { agent, writer }: Hosted): void {
    this.networks.delete(name)
    const left: Promise<void> = agent
      .close()
      .then(() => writer.idle)
      .finally(() => this.leaving.delete(left))
    this.leaving.add(left)
  }

  private host(name: string): Hosted {
    const { store, keys, random, membership, workersOf, localize, readSnapshot, events } = this.means
    const networkKeys = keys.network(name)
    const { id } = membership.record
    const writer = new RecordWriter<ReadyRecord>({
      store,
      keys,
      operation: (record, lease) =>
        put(networkKeys.readyAt(record.generation, id), readyRecord.encode(record), lease),
      membership,
      random,
      troubled: (error) => events.troubled(`telling that "${name}" is ready`, error),
    })
    const agent = new NetworkAgent({
      cluster: keys.name,
      node: membership.record.id,
      incarnation: membership.record.incarnation,
      makeWorker: workersOf(name),
      localize,
      publish: (record) => writer.write(record),
      ...(readSnapshot && { readSnapshot }),
      events: {
        rejected: (record, taken) => events.rejected(name, record, taken),
        logged: (record, taken) => events.logged(name, record, taken),
        failed: (what, error) => events.failed(name, what, error),
        linkFailed: (from, to, error) => events.linkFailed(name, from, to, error),
      },
    })
    const hosted = { agent, writer }
    this.networks.set(name, hosted)
    return hosted
  }
}
