import type { Cancel } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import { kindDefinition } from '../../component/kind.ts'
import { mergeFiles, type MergeRequest } from '../../snapshot/merge-files.ts'
import type {
  InstanceRestore,
  PartReport,
  SnapshotBegin,
  SnapshotCommand,
  SnapshotEnd,
} from '../../snapshot/part.ts'
import type { SnapshotStorage } from '../../snapshot/storage/storage.ts'
import type { HostedInstance } from '../hosted.ts'
import type { Instance } from '../instance.ts'
import { asKind } from '../make-instance.ts'
import type { RecordWindow } from '../record-window.ts'
import { SourceInstance } from '../source-instance.ts'
import type { WorkerMeans } from '../worker-means.ts'
import { InstanceParts, type PartFacts } from './instance-parts.ts'
import { savedStatesOf, stateVersionOf } from './reading.ts'
import { keyGroupsOf, readRestore, readSinks, type RestoredPart } from './restore.ts'
import type { SliceWork } from './slice-work.ts'
import type { RestoredSinksOf } from './sink-owner.ts'
import { Restoring } from './restoring.ts'
import { WorkerSnapshots } from './worker-snapshots.ts'

/** The snapshot that somebody goes on from, and up to which one sinks may be. */
function namesOf({
  incarnation,
  snapshot: id,
  upTo = { incarnation, id },
}: InstanceRestore): Pick<RestoredSinksOf, 'snapshot' | 'upTo'> {
  return { snapshot: { incarnation, id }, upTo }
}

type Committed = Extract<SnapshotEnd, { readonly type: 'committed' }>

const mergeToldMs = 60_000
/** After the last snapshot of an undeployed network, until it holds: for what sources tell of the commit. */
const lastTellMs = 100

type HostedSnapshotsMeans = Pick<WorkerMeans, 'clock' | 'snapshots' | 'events' | 'load'>

/** What a worker has to do with snapshots: it restores its instances, tells them to take the cut, and writes what they give. */
export class HostedSnapshots {
  private readonly means: HostedSnapshotsMeans
  private readonly network: string
  private readonly parts: WorkerSnapshots | undefined
  private readonly storage: () => Promise<SnapshotStorage>
  private readonly report: (report: PartReport) => void
  private readonly clock: WorkerMeans['clock']
  private readonly logged: WorkerMeans['events']['logged']
  private toldMs = -Infinity
  private cancelHold: Cancel = () => undefined
  /** What instances have left to read, by their ids. */
  private readonly restoring = new Map<number, Restoring>()
  /** Of these, those that wait for the switch to their generation. */
  private readonly toBegin = new Set<number>()
  /** In flight, as far as is known. */
  private begun: SnapshotBegin | undefined

  constructor(
    means: HostedSnapshotsMeans,
    network: string,
    requestStep: () => void,
    records?: Pick<RecordWindow, 'rejectionsTaken'>,
  ) {
    const { clock, snapshots, events } = means
    this.means = means
    this.network = network
    this.clock = clock
    this.logged = (record, taken) => events.logged(record, taken)
    this.report = (report) => events.part?.(report)
    this.storage = snapshots?.storage ?? noStorage
    if (snapshots === undefined) return
    this.parts = new WorkerSnapshots({
      clock,
      storage: this.storage,
      report: this.report,
      requestStep,
      rejectionsTaken: () => records?.rejectionsTaken(),
      merge:
        snapshots.merge ?? (async (request, signal) => mergeFiles(await this.storage(), request, signal)),
      mergeFailed: (of, error) => this.mergeFailed(of, error),
    })
  }

  /** Before the instance's `setup`: it goes on from a snapshot, or begins. Errors: those of `readRestore`; STOPPED, where it is given up. */
  async begin({ id, assigned, instance }: HostedInstance): Promise<void> {
    const { restore, discarded } = assigned
    const { identity, keyed, place } = instance
    if (discarded !== undefined) instance.discardedSinks = () => this.leftBy(discarded, instance)
    const read = restore && (await this.read(restore, instance))
    if (instance.state === 'closed')
      throw new VertigoError('STOPPED', `${place} was given up while its state was read`)
    if (read !== undefined) {
      instance.restore(read.saved)
      if (instance instanceof SourceInstance) instance.restoredFrom(restore!.snapshot)
      instance.wasOver = read.wasOver
      instance.isMigrated = read.isMigrated
      instance.restoredSinks = { ...namesOf(restore!), sinks: read.sinks }
      if (keyed?.restoring?.isWaiting === true) {
        this.restoring.set(id, new Restoring(keyed.restoring, instance, this.clock))
        this.toBegin.add(id)
      }
    }
    if (!instance.takesSnapshots) return
    const { component, instance: number, instances } = identity
    const about = { network: this.network, component, instance: number, instances, place, keyed }
    const { definition } = instance
    const keyGroups = keyGroupsOf(instance)
    const owner = {
      ...about,
      keyGroups,
      stateVersion: stateVersionOf(definition),
      states: savedStatesOf(definition),
    }
    const base = restore && read?.part && { snapshot: restore.snapshot, part: read.part }
    this.parts?.add(id, new InstanceParts(owner, base))
  }

  private async leftBy(discarded: InstanceRestore, { identity }: Instance): Promise<RestoredSinksOf> {
    return { ...namesOf(discarded), sinks: await readSinks(discarded, identity, await this.storage()) }
  }

  private async read(restore: InstanceRestore, instance: Instance): Promise<RestoredPart> {
    const { clock, load } = this.means
    const { writer } = restore
    return readRestore(restore, instance, {
      storage: await this.storage(),
      nowMs: clock.now(),
      writer: async () => writer && kindDefinition(asKind(await load(writer), writer.address)),
    })
  }

  /** Another generation is in force: what was begun before it is over, whether or not its end has been heard of. */
  switched(removed: Iterable<HostedInstance>): void {
    this.begun = undefined
    this.cancelHold()
    for (const hosted of removed) this.forget(hosted)
    // Not before: whatever is read earlier keeps all of them waiting.
    for (const id of this.toBegin) this.restoring.get(id)?.begin()
    this.toBegin.clear()
  }

  /** The instance is no more, or will never begin: nothing of it is held. */
  forget({ id }: HostedInstance): void {
    this.parts?.forget(id)
    this.restoring.get(id)?.stop()
    this.restoring.delete(id)
    this.toBegin.delete(id)
  }

  /** `hold`: called a moment after the last snapshot of all. What would come is in none; sinks publish all the same. */
  obey(command: SnapshotCommand, running: Iterable<HostedInstance>, hold?: () => void): void {
    if (command.type !== 'begin') {
      if (this.begun?.snapshot === command.snapshot) this.begun = undefined
      for (const hosted of running) {
        const { instance } = hosted
        instance.endSnapshot(command.snapshot)
        if (command.type === 'committed') this.publish(hosted, command)
        if (instance instanceof SourceInstance) instance.snapshotEnded(command)
      }
      this.parts?.ended(command)
      if (command.type === 'committed' && command.isLast === true && hold !== undefined)
        this.cancelHold = this.clock.after(lastTellMs, hold, { background: true })
      return
    }
    if (this.parts === undefined || command.snapshot <= (this.begun?.snapshot ?? 0)) return
    this.begun = command
    for (const hosted of running) {
      if (hosted.hasFinished) this.finished(hosted)
      else hosted.instance.beginSnapshot(command)
    }
  }

  /** Of the last one, it is told when that is out. */
  private publish({ id, instance: { sink } }: HostedInstance, { snapshot, isLast = false }: Committed): void {
    const tell = (): void => this.means.events.instanceFinished?.(id)
    if (sink !== undefined) sink.publish(snapshot, isLast ? tell : undefined)
    else if (isLast) tell()
  }

  cut({ id }: HostedInstance, begin: SnapshotBegin, alignedMs: number, facts: () => PartFacts): void {
    this.parts?.cut(id, begin, alignedMs, facts)
  }

  late({ id }: HostedInstance, { generation, snapshot }: SnapshotBegin, waitsFor: string): void {
    this.report({ type: 'part-late', generation, snapshot, instance: id, waitsFor })
  }

  /** An instance that is over has a part in the snapshot that is in flight, unless it took the cut before its end, and in later ones. */
  finished({ id, instance }: HostedInstance): void {
    const { begun } = this
    if (begun === undefined || instance.lastCut >= begun.snapshot) return
    instance.lastCut = begun.snapshot
    this.parts?.cutFinished(id, begun, () => instance.partFacts(begun))
  }

  inSlices(work: SliceWork): void {
    this.parts?.inSlices(work)
  }

  /** Works for a while where it is its turn (TN-3); true where there is more to do. */
  sliceEnd(isOwnTurn: boolean): boolean {
    if (this.parts === undefined) return false
    return isOwnTurn ? this.parts.step() : this.parts.isWaiting
  }

  close(): void {
    this.cancelHold()
    for (const restoring of this.restoring.values()) restoring.stop()
    this.parts?.close()
  }

  private mergeFailed({ component, instance }: MergeRequest['head'], error: Error): void {
    const nowMs = this.clock.monotonic()
    if (nowMs - this.toldMs < mergeToldMs) return
    this.toldMs = nowMs
    const message = `Files of its snapshots could not be made one: ${error.message}`
    const record = { level: 'warn', message, component, instance, timeMs: this.clock.now() } as const
    this.logged(record, () => undefined)
  }
}

function noStorage(): Promise<SnapshotStorage> {
  return Promise.reject(
    new VertigoError(
      'INTERNAL',
      'an instance is to go on from a snapshot, and no storage of snapshots was given',
    ),
  )
}
