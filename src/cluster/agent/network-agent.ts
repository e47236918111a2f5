import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import type { SnapshotManifest } from '../../snapshot/manifest.ts'
import type { PartReport, SnapshotBegin } from '../../snapshot/part.ts'
import type { WorkerAssignment } from '../../worker/assignment.ts'
import type {
  Address,
  ErrorText,
  Generation,
  InstanceId,
  NetworkVersion,
  NetworkView,
  NodeId,
  OpenRecord,
  Plan,
  ReadyRecord,
  SnapshotRecord,
  VersionRecord,
  WorkerNumber,
} from '../protocol/index.ts'
import type { AgentWorker, AgentWorkerEvents, MakeWorker, PeerPlace } from './agent-worker.ts'
import { assignmentsOf } from './assignments.ts'
import { NodeParts } from './node-parts.ts'
import { takesSnapshots, withSnapshots } from './restoring.ts'

/**
 * One node's part of one network: compares what runs here with the newest plan, and makes the one like the other.
 *
 * - NA-1 It is level-triggered: only the newest plan counts, whatever was prepared before; and `open` counts as it is.
 * - NA-2 Workers hold whenever nothing is open, and emit only in a generation that was open when they switched to it.
 * - NA-3 A generation is said to be ready only when it is prepared; that something failed or finished is said at once.
 * - NA-4 It restarts nothing: a worker or an instance that has failed stays so until a plan is without it.
 */
export interface NetworkAgentMeans {
  /** Name of the cluster. */
  readonly cluster: string
  readonly node: NodeId
  readonly incarnation: string
  readonly makeWorker: MakeWorker
  /** Puts what a plan says into what workers can load: addresses of bundles become those of files. Rejects where it cannot. */
  readonly localize: (assignment: WorkerAssignment) => Promise<WorkerAssignment>
  /** The record is to be written, in place of what was given before. */
  readonly publish: (record: ReadyRecord) => void
  readonly events: NetworkAgentEvents
  /** Reads the snapshot that a plan goes on from. Errors: those of the storage and of manifests. */
  readonly readSnapshot?: (plan: Plan, version: VersionRecord) => Promise<SnapshotManifest>
}

export interface NetworkAgentEvents extends Pick<AgentWorkerEvents, 'rejected' | 'logged'> {
  /** A component or worker failed, for the log. */
  failed(what: string, error: Error): void
  linkFailed(from: WorkerNumber, to: WorkerNumber, error: Error): void
}

interface Slot {
  readonly worker: AgentWorker
  /** Where it listens, when it is known. */
  listens: Address | undefined
  state: 'lives' | 'died'
  isHeld: boolean
  /** Instances that are set up. */
  readonly instances: Set<InstanceId>
}

export class NetworkAgent {
  private readonly means: NetworkAgentMeans
  private readonly slots = new Map<WorkerNumber, Slot>()
  private readonly finished = new Set<InstanceId>()
  private readonly failed = new Map<InstanceId, ErrorText>()
  /** Have handled all there was, and wait for a snapshot to publish it. */
  private readonly awaiting = new Set<InstanceId>()
  private readonly ending = new Set<Promise<void>>()
  private plan: Plan | undefined
  /** The plan that everything here is prepared for. */
  private prepared: Plan | undefined
  /** The generation that the workers have switched to. */
  private switched: Generation | undefined
  private published = ''
  private readonly parts = new NodeParts()
  /** The snapshot of the generation in force that workers have been told to be committed. */
  private committed: number | undefined
  private onSwitched: (() => void)[] = []
  private isClosed = false

  constructor(means: NetworkAgentMeans) {
    this.means = means
  }

  /** What the store says now; undefined where there is no such network any more. */
  update(view: NetworkView | undefined): void {
    if (this.isClosed) return
    const plan = view?.plan?.value
    const open = view?.open?.value
    // Before anything is held, or ends: what belongs to it is to be seen.
    if (open === undefined) this.tellCommitted(view?.snapshots)
    // First what was prepared: `open` may be of that generation, and the newest plan one further.
    this.follow(open)
    this.tellCommitted(view?.snapshots)
    this.endWorkers(plan)
    if (plan === undefined || view === undefined || plan.generation === this.plan?.generation) return
    this.plan = plan
    this.forget(plan)
    this.prepare(plan, view)
  }

  /**
   * This node's part of a snapshot: what its instances give, as they give it. Ends with the signal, or when all have. Errors: CALL_INVALID
   * for a generation that is over.
   */
  async *takeSnapshot(
    begin: SnapshotBegin,
    signal: AbortSignal,
  ): AsyncGenerator<PartReport, void, undefined> {
    // Who was told by the manager may not have seen that the generation is open.
    while (this.switched !== begin.generation && !signal.aborted && !this.isClosed) {
      if ((this.switched ?? 0) > begin.generation)
        throw new VertigoError(
          'CALL_INVALID',
          `generation ${begin.generation} is over on node "${this.means.node}"`,
        )
      await this.untilSwitched(signal)
    }
    const { plan } = this
    if (signal.aborted || this.isClosed || plan?.generation !== begin.generation) return
    const mine = new Set(this.mine(plan).map(({ worker }) => worker))
    const workers = [...this.slots].filter(([number]) => mine.has(number)).map(([, { worker }]) => worker)
    const instances = plan.instances.filter(({ worker }) => mine.has(worker)).map(({ id }) => id)
    yield* this.parts.take(begin, { workers, instances }, signal)
  }

  private untilSwitched(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.onSwitched.push(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  private wakeSwitched(): void {
    const waiting = this.onSwitched
    this.onSwitched = []
    for (const resolve of waiting) resolve()
  }

  private tellCommitted(snapshots: NetworkView['snapshots'] | undefined): void {
    const snapshot = snapshots?.committed?.value
    if (snapshot === undefined || snapshot.generation !== this.switched || snapshot.id === this.committed)
      return
    this.committed = snapshot.id
    for (const { worker, state } of this.slots.values())
      if (state === 'lives')
        worker.snapshot({
          type: 'committed',
          generation: snapshot.generation,
          snapshot: snapshot.id,
          oldestKept: oldestKept(snapshots!, snapshot),
          ...(snapshot.isLast && { isLast: true }),
        })
  }

  /** Ends all workers, in peace. */
  async close(): Promise<void> {
    this.isClosed = true
    this.endParts()
    for (const [number, slot] of this.slots) this.end(number, slot)
    await Promise.all(this.ending)
  }

  /** Ends all workers at once: the node must not do anything more. */
  async terminate(): Promise<void> {
    this.isClosed = true
    this.endParts()
    const slots = [...this.slots.values()]
    this.slots.clear()
    await Promise.all([...slots.map(({ worker }) => worker.terminate()), ...this.ending])
  }

  private endParts(): void {
    this.parts.close()
    this.wakeSwitched()
  }

  /** Whether it has workers. */
  get isEmpty(): boolean {
    return this.slots.size === 0
  }

  private follow(open: OpenRecord | undefined): void {
    if (open === undefined) {
      for (const slot of this.slots.values()) {
        if (slot.isHeld || slot.state !== 'lives') continue
        slot.isHeld = true
        slot.worker.hold()
      }
      return
    }
    if (open.generation === this.prepared?.generation && open.generation !== this.switched) {
      this.switchOver(this.prepared, open)
      return
    }
    if (open.generation !== this.switched) return
    for (const slot of this.slots.values()) {
      if (!slot.isHeld || slot.state !== 'lives') continue
      slot.isHeld = false
      slot.worker.release()
    }
  }

  private switchOver(plan: Plan, open: OpenRecord): void {
    const nodes = new Map(plan.workers.map(({ worker, node }) => [worker, node]))
    const peers: PeerPlace[] = open.workers.flatMap(({ worker, address }) => {
      const node = nodes.get(worker)
      return node === undefined ? [] : [{ worker, node, address, isLocal: this.slots.has(worker) }]
    })
    this.switched = open.generation
    for (const { worker } of this.mine(plan)) {
      const slot = this.slots.get(worker)
      if (slot?.state !== 'lives') continue
      slot.isHeld = false
      slot.worker.switchOver(peers.filter((peer) => peer.worker !== worker))
    }
    this.wakeSwitched()
  }

  private endWorkers(plan: Plan | undefined): void {
    const mine = new Set(plan === undefined ? [] : this.mine(plan).map(({ worker }) => worker))
    for (const [number, slot] of this.slots) if (!mine.has(number)) this.end(number, slot)
  }

  private end(number: WorkerNumber, { worker, state }: Slot): void {
    this.slots.delete(number)
    if (state === 'died') return
    const ended = worker
      .close()
      .catch((error: unknown) => this.means.events.failed(`worker ${number} while it closed`, asError(error)))
      .finally(() => this.ending.delete(ended))
    this.ending.add(ended)
  }

  private mine(plan: Plan): readonly Plan['workers'][number][] {
    const { node, incarnation } = this.means
    return plan.workers.filter((worker) => worker.node === node && worker.incarnation === incarnation)
  }

  /** What is told of instances that no plan has any more. */
  private forget(plan: Plan): void {
    const known = new Set(plan.instances.map(({ id }) => id))
    for (const id of this.finished) if (!known.has(id)) this.finished.delete(id)
    for (const id of this.failed.keys()) if (!known.has(id)) this.failed.delete(id)
    for (const id of this.awaiting) if (!known.has(id)) this.awaiting.delete(id)
    for (const { instances } of this.slots.values())
      for (const id of instances) if (!known.has(id)) instances.delete(id)
  }

  private prepare(plan: Plan, view: NetworkView): void {
    if (this.mine(plan).length === 0) return
    const versions = new Map([...view.versions].map(([number, { value }]) => [number, value]))
    if (plan.restores === undefined) this.assign(plan, versions, undefined)
    else this.supervise(this.restore(plan, versions))
  }

  private async restore(plan: Plan, versions: ReadonlyMap<NetworkVersion, VersionRecord>): Promise<void> {
    try {
      const version = versions.get(plan.version)
      const { readSnapshot } = this.means
      if (version === undefined || readSnapshot === undefined)
        throw new VertigoError('INTERNAL', `node "${this.means.node}" reads no snapshots`)
      const snapshot = await readSnapshot(plan, version)
      if (this.plan === plan && !this.isClosed) this.assign(plan, versions, snapshot)
    } catch (error) {
      if (this.plan !== plan || this.isClosed) return
      for (const { worker } of this.mine(plan)) this.notPrepared(plan, worker, asError(error))
    }
  }

  private assign(
    plan: Plan,
    versions: ReadonlyMap<NetworkVersion, VersionRecord>,
    snapshot: SnapshotManifest | undefined,
  ): void {
    const mine = this.mine(plan)
    let assignments: ReadonlyMap<number, WorkerAssignment>
    try {
      const plain = assignmentsOf(plan, versions)
      const isSaved = takesSnapshots(versions.get(plan.version)?.flat ?? {})
      const { cluster } = this.means
      const by = plan.restores?.version
      // The same version has no other code.
      const wrote = by === undefined || by === plan.version ? undefined : versions.get(by)
      const from = { restores: plan.restores, snapshot, wrote }
      const all = isSaved ? withSnapshots(plain, cluster, from) : plain
      assignments = new Map(all.map((one) => [one.worker, one]))
    } catch (error) {
      for (const { worker } of mine) this.notPrepared(plan, worker, asError(error))
      return
    }
    const steps = mine.map(({ worker }) => this.prepareWorker(plan, worker, assignments.get(worker)))
    this.supervise(this.whenPrepared(plan, steps))
  }

  private supervise(work: Promise<void>): void {
    const all: Promise<void> = work.finally(() => this.ending.delete(all))
    this.ending.add(all)
  }

  private async whenPrepared(plan: Plan, steps: readonly Promise<boolean>[]): Promise<void> {
    const results = await Promise.all(steps)
    if (this.plan !== plan || this.isClosed) return
    if (results.every((isPrepared) => isPrepared)) this.prepared = plan
    this.tell()
  }

  /** Never rejects. */
  private async prepareWorker(
    plan: Plan,
    number: WorkerNumber,
    assignment: WorkerAssignment | undefined,
  ): Promise<boolean> {
    const slot = this.slots.get(number) ?? this.makeSlot(number)
    if (slot.state === 'died' || assignment === undefined) return false
    try {
      const prepared = await slot.worker.prepare(await this.means.localize(assignment))
      if (prepared === undefined || this.plan !== plan) return false
      slot.listens = prepared.listens
      for (const { id } of assignment.instances) slot.instances.add(id as InstanceId)
      return true
    } catch (error) {
      if (this.plan === plan && !this.isClosed) this.notPrepared(plan, number, asError(error))
      return false
    }
  }

  private makeSlot(number: WorkerNumber): Slot {
    const { makeWorker, events } = this.means
    const slot: Slot = {
      worker: makeWorker(number, {
        finished: (id) => {
          this.finished.add(id)
          this.tell()
        },
        awaitsSnapshot: (id, awaits) => {
          if (awaits) this.awaiting.add(id)
          else this.awaiting.delete(id)
          this.tell()
        },
        failed: (id, error) => this.instanceFailed(number, id, error),
        died: (error) => this.workerDied(number, error),
        rejected: events.rejected,
        logged: events.logged,
        part: (report) => this.parts.report(report),
        linkFailed: (peer, error) => events.linkFailed(number, peer, error),
      }),
      listens: undefined,
      state: 'lives',
      isHeld: false,
      instances: new Set(),
    }
    this.slots.set(number, slot)
    return slot
  }

  /** The error names the component where it can; all that is new in the worker is not there either way. */
  private notPrepared(plan: Plan, number: WorkerNumber, error: Error): void {
    const known = this.slots.get(number)?.instances ?? new Set<InstanceId>()
    const fresh = plan.instances.filter(({ id, worker }) => worker === number && !known.has(id))
    const named = isVertigoError(error) ? error.place.component : undefined
    const blamed = fresh.filter(
      ({ component, index }) => named === `${component}[${index}]` || named === component,
    )
    for (const { id } of blamed.length > 0 ? blamed : fresh) this.failed.set(id, errorText(error))
    this.means.events.failed(`worker ${number} was not prepared`, error)
    this.tell()
  }

  private instanceFailed(number: WorkerNumber, id: InstanceId | undefined, error: Error): void {
    const ids = id === undefined ? (this.slots.get(number)?.instances ?? []) : [id]
    for (const failed of ids) if (!this.finished.has(failed)) this.failed.set(failed, errorText(error))
    this.means.events.failed(id === undefined ? `worker ${number}` : `instance ${id}`, error)
    this.tell()
  }

  private workerDied(number: WorkerNumber, error: Error): void {
    const slot = this.slots.get(number)
    if (slot === undefined) return
    slot.state = 'died'
    // Also those that it was setting up.
    const planned = this.plan?.instances.filter(({ worker }) => worker === number).map(({ id }) => id) ?? []
    for (const id of new Set([...slot.instances, ...planned]))
      if (!this.finished.has(id) && !this.failed.has(id)) this.failed.set(id, errorText(error))
    this.means.events.failed(`worker ${number} died`, error)
    this.tell()
  }

  private tell(): void {
    const { plan } = this
    if (plan === undefined || this.isClosed) return
    const isPrepared = this.prepared === plan
    const mine = this.mine(plan)
    if (mine.length === 0) return
    const numbers = new Set(mine.map(({ worker }) => worker))
    const own = plan.instances.filter(({ worker }) => numbers.has(worker)).map(({ id }) => id)
    const failed = own.filter((id) => this.failed.has(id))
    const finished = own.filter((id) => this.finished.has(id))
    // A worker may have died before anybody knew of the plan, with nothing of it: its end is news all the same.
    const lost = mine.filter(({ worker }) => this.slots.get(worker)?.state === 'died')
    const awaiting = own.filter((id) => this.awaiting.has(id) && !this.finished.has(id))
    if (!isPrepared && [failed, finished, lost].every((some) => some.length === 0)) return
    const setUp = new Set([...this.slots.values()].flatMap(({ instances }) => [...instances]))
    const record: ReadyRecord = {
      node: this.means.node,
      incarnation: this.means.incarnation,
      generation: plan.generation,
      ready: own.filter((id) => setUp.has(id) && !this.failed.has(id) && !this.finished.has(id)),
      finished,
      ...(awaiting.length > 0 && { awaiting }),
      failed: failed.map((instance) => ({ instance, error: this.failed.get(instance)! })),
      lost: lost.map(({ worker }) => worker),
      workers: mine.flatMap(({ worker }) => {
        const address = this.slots.get(worker)?.listens
        return address === undefined ? [] : [{ worker, address }]
      }),
    }
    const text = JSON.stringify(record)
    if (text === this.published) return
    this.published = text
    this.means.publish(record)
  }
}

/** Of its incarnation. */
function oldestKept({ kept }: NetworkView['snapshots'], { incarnation, id }: SnapshotRecord): number {
  let oldest = id
  for (const { value } of kept.values())
    if (value.incarnation === incarnation) oldest = Math.min(oldest, value.id)
  return oldest
}

const stackLengthMax = 4_000

export function errorText(error: Error): ErrorText {
  const code = isVertigoError(error) ? error.code : 'COMPONENT_FAILED'
  const component = isVertigoError(error) ? error.place.component : undefined
  const cause = error.cause instanceof Error ? error.cause.stack : error.stack
  return {
    code,
    message: error.message,
    ...(component !== undefined && { component }),
    ...(isVertigoError(error) && { remedy: error.remedy }),
    ...(cause !== undefined && { stack: cause.slice(0, stackLengthMax) }),
  }
}
