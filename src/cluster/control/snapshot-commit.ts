import type { Clock } from '../../base/clock.ts'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import { unfitReferences } from '../../snapshot/collection.ts'
import type { CoordinatorEffect } from '../../snapshot/coordinator-events.ts'
import type { InstanceManifest, SnapshotManifest } from '../../snapshot/manifest.ts'
import type { SnapshotStorage } from '../../snapshot/storage/storage.ts'
import { getManifest, type ManifestReference, putManifest } from '../../snapshot/stored-manifest.ts'
import type { Leadership } from '../../store/recipes/index.ts'
import type { NetworkView, Plan, SnapshotComponent, SnapshotRecord } from '../protocol/index.ts'
import { lostError } from './lost-files.ts'
import type { SnapshotNeeds } from './snapshot-needs.ts'
import { commitTransaction } from './snapshot-transactions.ts'

/** Opens the storage at an address of a network; undefined: where the cluster keeps snapshots by default. */
export interface SnapshotStorages {
  /** Absent: nobody has said, so each network has to. */
  readonly defaultAddress?: string | undefined
  open(address: string | undefined): Promise<SnapshotStorage>
}

export interface SnapshotPlace {
  /** Whether the storage is still the one that was checked before the snapshot began. */
  isStill(network: string, address: string | undefined): Promise<boolean>
}

/** Snapshots without a name that are kept, where the network does not say. */
export const snapshotsKept = 3

interface Taken {
  readonly view: NetworkView
  readonly plan: Plan
  /** When it began. */
  readonly committed: SnapshotRecord | undefined
  readonly needs: SnapshotNeeds
  readonly incarnation: number
  /** It stands on no file of before: these are gone. */
  readonly isWhole: boolean
}

/** Makes a snapshot of the parts that were given: its manifest in the storage, then its record in the store. */
export class SnapshotCommit {
  private readonly network: string
  private readonly means: {
    readonly clock: Clock
    readonly leadership: Leadership
    readonly storages: SnapshotStorages
    readonly places?: SnapshotPlace
  }
  private readonly ending = new AbortController()
  /** The manifest of the last committed snapshot. */
  private known: { readonly name: string; readonly manifest: SnapshotManifest } | undefined

  constructor(network: string, means: SnapshotCommit['means']) {
    this.network = network
    this.means = means
  }

  /** Ends what is under way. Storages belong to whoever opens them. */
  close(): void {
    this.ending.abort()
  }

  /**
   * The revision of the commit; undefined where the store has another truth. Errors: those of the storage and the store;
   * SNAPSHOT_STORAGE_LOST where the files of before are gone from it; SNAPSHOT_FILE_DAMAGED where a part refers to what it may not refer to.
   */
  async write(
    effect: Extract<CoordinatorEffect<InstanceManifest>, { type: 'commit' }>,
    taken: Taken,
  ): Promise<number | undefined> {
    const { clock, leadership, storages, places } = this.means
    const { view, plan, committed, needs, incarnation, isWhole } = taken
    const storage = await storages.open(needs.options.storage)
    const predecessor =
      committed && (await this.predecessorOf(storage, committed, isWhole && plan.done.length === 0))
    const manifest: SnapshotManifest = {
      network: this.network,
      incarnation,
      generation: effect.generation,
      id: effect.id,
      predecessor: committed?.incarnation === incarnation ? committed.id : null,
      instances: [...partsOf(plan, effect.parts), ...doneParts(plan, predecessor)],
    }
    if (isWhole) checkWhole(manifest, plan)
    else checkReferences(manifest, predecessor)
    // As late as can be, and beside the last call that the commit waits for: a snapshot without its files could not be gone back to.
    const [reference, isStill] = await Promise.all([
      putManifest(storage, manifest, { signal: this.ending.signal }),
      places?.isStill(this.network, needs.options.storage),
    ])
    if (isStill === false) throw lostError(this.network)
    const record = recordOf(manifest, reference, {
      version: plan.version,
      committedAtMs: clock.now(),
      tookMs: Math.round(clock.monotonic() - effect.begunAtMs),
      isLast: needs.isLast,
      names: [...effect.names],
      ...(needs.options.storage !== undefined && { storage: needs.options.storage }),
    })
    // The view is as it was read at this moment: what has changed since the beginning makes it another truth.
    if (view.plan?.value !== plan || view.snapshots.committed?.value !== committed) return undefined
    const transaction = commitTransaction(view, record, needs.options.keep ?? snapshotsKept)
    const { succeeded, revision } = await leadership.transact(transaction, { repeat: 'once' })
    if (!succeeded) return undefined
    this.known = { name: reference.name, manifest }
    return revision
  }

  /**
   * The files of before are gone: whether a snapshot can be whole all the same. What has finished and runs no more cannot be saved again; its
   * files are in the storage, or in the manifest. Errors: SNAPSHOT_FILE_MISSING, those of the storage.
   */
  async checkDone(
    { done }: Plan,
    committed: SnapshotRecord | undefined,
    needs: SnapshotNeeds,
  ): Promise<void> {
    if (done.length === 0 || committed === undefined) return
    const storage = await this.means.storages.open(needs.options.storage)
    const predecessor = await this.manifestOf(storage, committed)
    for (const { name, inline } of doneParts({ done }, predecessor).flatMap(({ files }) => files)) {
      if (inline !== undefined) continue
      const { names } = await storage.page(name, { countMax: 1, signal: this.ending.signal })
      if (names[0] === name) continue
      throw new VertigoError(
        'SNAPSHOT_FILE_MISSING',
        `No snapshot of "${this.network}" can be taken: ${name} is gone from the storage, and was of an instance that has finished and runs no more.`,
      )
    }
  }

  /** `mayBeGone`: nothing of it is needed. */
  private async predecessorOf(
    storage: SnapshotStorage,
    committed: SnapshotRecord,
    mayBeGone: boolean,
  ): Promise<SnapshotManifest | undefined> {
    try {
      return await this.manifestOf(storage, committed)
    } catch (error) {
      if (mayBeGone && isVertigoError(error) && error.code === 'SNAPSHOT_FILE_MISSING') return undefined
      throw error
    }
  }

  private async manifestOf(
    storage: SnapshotStorage,
    { manifest }: SnapshotRecord,
  ): Promise<SnapshotManifest> {
    if (this.known?.name !== manifest.name) {
      const read = await getManifest(
        storage,
        manifest,
        { network: this.network },
        { signal: this.ending.signal },
      )
      this.known = { name: manifest.name, manifest: read }
    }
    return this.known.manifest
  }
}

function partsOf(plan: Plan, parts: ReadonlyMap<number, InstanceManifest>): InstanceManifest[] {
  return plan.instances.map(({ id, component, index }) => {
    const part = parts.get(id)
    if (part?.component === component && part.instance === index) return part
    throw new VertigoError('INTERNAL', `The part of ${component}[${index}] is not its own.`)
  })
}

/** What is not placed any more has the part that it had. */
function doneParts(
  { done }: Pick<Plan, 'done'>,
  predecessor: SnapshotManifest | undefined,
): InstanceManifest[] {
  return done.flatMap(
    ({ component, index }) =>
      predecessor?.instances.find((part) => part.component === component && part.instance === index) ?? [],
  )
}

function checkReferences(manifest: SnapshotManifest, predecessor: SnapshotManifest | undefined): void {
  const [unfit] = unfitReferences(manifest, predecessor)
  if (unfit !== undefined)
    throw new VertigoError(
      'SNAPSHOT_FILE_DAMAGED',
      `Snapshot ${manifest.id} would stand on ${unfit.name}, which the one before does not have.`,
    )
}

/** Of what runs nothing may be of before. */
function checkWhole(manifest: SnapshotManifest, { done }: Plan): void {
  const isDone = ({ component, instance }: InstanceManifest): boolean =>
    done.some((one) => one.component === component && one.index === instance)
  const instances = manifest.instances.filter((part) => !isDone(part))
  const [gone] = unfitReferences({ ...manifest, instances }, undefined)
  if (gone !== undefined)
    throw new VertigoError(
      'SNAPSHOT_FILE_MISSING',
      `Snapshot ${manifest.id} is not whole: it would stand on ${gone.name}, which is gone from the storage.`,
    )
}

function recordOf(
  { id, incarnation, generation, predecessor, instances }: SnapshotManifest,
  manifest: ManifestReference,
  rest: Pick<SnapshotRecord, 'version' | 'committedAtMs' | 'tookMs' | 'isLast' | 'names' | 'storage'>,
): SnapshotRecord {
  return {
    id,
    incarnation,
    generation: generation as SnapshotRecord['generation'],
    predecessor,
    manifest,
    bytes: instances.reduce((sum, { files }) => sum + files.reduce((all, { bytes }) => all + bytes, 0), 0),
    finished: instances
      .filter(({ isFinished }) => isFinished)
      .map(({ component, instance }) => ({ component, index: instance })),
    hasChannelState: instances.some(({ hasChannelState }) => hasChannelState),
    components: componentsOf(instances),
    ...rest,
  }
}

function componentsOf(instances: readonly InstanceManifest[]): SnapshotComponent[] {
  const byName = new Map<string, SnapshotComponent>()
  for (const { component, instances: count, files, keyGroups, hasChannelState } of instances) {
    const known = byName.get(component)
    byName.set(component, {
      component,
      instances: count,
      hasState: files.length > 0 || known?.hasState === true,
      hasKeyedState: keyGroups !== null || known?.hasKeyedState === true,
      hasChannelState: hasChannelState || known?.hasChannelState === true,
    })
  }
  return [...byName.values()]
}
