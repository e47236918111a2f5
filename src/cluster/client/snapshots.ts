import type { Clock } from '../../base/clock.ts'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import { didYouMean } from '../../base/suggest.ts'
import { guaranteeInCluster, losesNothing } from '../../model/guarantee.ts'
import { isUnchanged, put, remove } from '../../store/operations.ts'
import type { CallOptions, Compare, Entry, Operation, Store } from '../../store/store.ts'
import { conflict, compareAndSet } from '../../store/recipes/index.ts'
import type { Random } from '../../base/random.ts'
import {
  asGeneration,
  type ClusterKeys,
  endingVersion,
  keptDamaged,
  type NetworkVersion,
  type SnapshotKeys,
  type SnapshotRecord,
  snapshotRecord,
  versionRecord,
  wantedRecord,
} from '../protocol/index.ts'
import type { VersionContent } from './deployment.ts'
import { checkBegun, readUndeployed } from './ending.ts'
import { type GoingOn, type GoOn, newestOf, without } from './going-on.ts'
import { checkFit } from './snapshot-fit.ts'
import {
  checkName,
  checkNotLast,
  damagedNamed,
  damageOfLast,
  isNamed,
  listed,
  type ListedSnapshot,
  type NetworkSnapshots,
} from './snapshot-list.ts'
import {
  isAsRead,
  publishedAtMost,
  putOver,
  storedLast,
  type StoredSnapshots,
  storedSnapshots,
} from './snapshot-records.ts'

export interface WantOptions extends CallOptions {
  readonly by: string
  /** An older one that has the name loses it. Default: it is refused. */
  readonly replace?: boolean | undefined
}

/**
 * What users ask about the snapshots of networks, and of them, in the store. As `Management`, it works without any node.
 *
 * - SC-1 A name belongs to one snapshot of its network at the most. Who wants one under a name that another one has is refused, or
 *   says that it is to lose it: that is so from the commit of the new one.
 * - SC-2 Nobody takes the last committed snapshot away: a failure would have nothing to go back to.
 */
export class Snapshots {
  private readonly store: Store
  private readonly keys: ClusterKeys
  private readonly clock: Clock
  private readonly random: Random

  constructor(store: Store, keys: ClusterKeys, { clock, random }: { clock: Clock; random: Random }) {
    this.store = store
    this.keys = keys
    this.clock = clock
    this.random = random
  }

  /** Newest first. Errors: NETWORK_UNKNOWN. */
  async list(network: string, options: CallOptions = {}): Promise<NetworkSnapshots> {
    const found = listed(network, await this.stored(network, options))
    if (!(await this.isEnding(network, options))) return found
    return { ...found, snapshots: found.snapshots.map((one) => ({ ...one, isCurrent: false })) }
  }

  /**
   * Then nobody goes back to the last one any more. Where a record of the network is damaged, it is not known, and its snapshots are what is looked
   * for.
   */
  private async isEnding(network: string, options: CallOptions): Promise<boolean> {
    try {
      const { facts } = await readUndeployed(this.store, this.keys.network(network), options)
      return facts !== undefined && endingVersion(facts) !== undefined
    } catch (error) {
      if (isVertigoError(error) && error.code === 'STORE_CORRUPT') return false
      throw error
    }
  }

  /** The last one, or what is wrong with its record. */
  async last(
    network: string,
    options: CallOptions = {},
  ): Promise<{ readonly committed: SnapshotRecord | undefined; readonly damaged: VertigoError | undefined }> {
    const keys = this.keys.network(network).snapshots
    const last = await storedLast(this.store, keys, options)
    const { value: committed, damage } = last ?? {}
    if (damage === undefined) return { committed, damaged: undefined }
    const damaged = damageOfLast(network, await storedSnapshots(this.store, keys, options)) ?? damage
    return { committed: undefined, damaged }
  }

  /** Errors: SNAPSHOT_RECORD_DAMAGED, with the way out. */
  async wholeLast(network: string, options: CallOptions = {}): Promise<SnapshotRecord | undefined> {
    const { committed, damaged } = await this.last(network, options)
    if (damaged !== undefined) throw damaged
    return committed
  }

  private async stored(network: string, options: CallOptions): Promise<StoredSnapshots> {
    const keys = this.keys.network(network)
    const stored = await storedSnapshots(this.store, keys.snapshots, options)
    const { entry: desired } = await this.store.get(keys.desired, options)
    if (desired === undefined && stored.kept.length === 0) throw this.unknownNetwork(network)
    return stored
  }

  /** By a name, or by its number. Errors: NETWORK_UNKNOWN, SNAPSHOT_UNKNOWN. */
  async show(network: string, snapshot: string, options: CallOptions = {}): Promise<ListedSnapshot> {
    const found = this.named(network, await this.stored(network, options), snapshot)
    return found.isCurrent && (await this.isEnding(network, options)) ? { ...found, isCurrent: false } : found
  }

  private named(network: string, stored: StoredSnapshots, snapshot: string): ListedSnapshot {
    const { snapshots } = listed(network, stored)
    const found = snapshots.find((one) => isNamed(one, snapshot))
    if (found !== undefined) return found
    const { id, damage } = damagedNamed(stored, snapshot) ?? {}
    if (id !== undefined && damage !== undefined) throw keptDamaged(network, id, damage)
    const near = didYouMean(
      snapshot,
      snapshots.flatMap(({ names }) => names),
    )
    throw new VertigoError(
      'SNAPSHOT_UNKNOWN',
      `The network "${network}" has no snapshot "${snapshot}".${near}`,
    )
  }

  /**
   * Asks for one that is kept under a name; `created` says when it is there. Who asks for one that is wanted already gets the same.
   * Errors: NETWORK_UNKNOWN; SNAPSHOT_NAME_TAKEN; SNAPSHOT_NONE, NETWORK_NOT_RUNNING where there never would be one.
   */
  async want(network: string, name: string, { by, replace = false, ...options }: WantOptions): Promise<void> {
    checkName(name)
    const keys = this.keys.network(network)
    const contention = { ...this.contention(network), signal: options.signal }
    await compareAndSet(contention, async () => {
      const desired = await this.checkTakes(network, options)
      const isFree = replace ? [] : await this.checkFree(network, name, options)
      const value = wantedRecord.encode({ by, atMs: this.clock.now() })
      const { succeeded } = await this.store.transact(
        {
          compare: [isUnchanged(keys.desired, desired), ...isFree],
          then: [put(keys.snapshots.wantedAs(name), value)],
        },
        { ...options, repeat: 'harmless' },
      )
      return succeeded ? true : conflict
    })
  }

  /** SC-1: names come with commits only, so none has come while that is the last one. Errors: SNAPSHOT_NAME_TAKEN. */
  private async checkFree(network: string, name: string, options: CallOptions): Promise<readonly Compare[]> {
    const keys = this.keys.network(network).snapshots
    const { kept, last } = await storedSnapshots(this.store, keys, options)
    const owner = kept.find(({ value }) => value?.names.includes(name))
    if (owner === undefined) return isAsRead(keys.committed, last?.entry)
    throw new VertigoError(
      'SNAPSHOT_NAME_TAKEN',
      `Snapshot ${owner.id} of the network "${network}" has the name "${name}" already.`,
    )
  }

  /** What is wanted of the network, which snapshots are taken of. */
  private async checkTakes(network: string, options: CallOptions): Promise<Entry> {
    const keys = this.keys.network(network)
    const { desired, facts } = await readUndeployed(this.store, keys, options)
    if (desired === undefined || facts === undefined) throw this.unknownNetwork(network)
    const { version, goal } = facts.desired
    const { outcome } = facts
    const isOver =
      outcome?.version === version && (outcome.state === 'finished' || outcome.state === 'failed')
    if (goal === 'stop' || isOver)
      throw new VertigoError('NETWORK_NOT_RUNNING', `The network "${network}" does not run.`)
    const { entry } = await this.store.get(keys.version(version), options)
    const flat = entry && versionRecord.decode(entry).flat
    if (flat === undefined || !losesNothing(guaranteeInCluster(flat)))
      throw new VertigoError(
        'SNAPSHOT_NONE',
        `No snapshots are taken of the network "${network}": its guarantee is at-most-once.`,
      )
    checkBegun(network, facts)
    return desired
  }

  /** The snapshot of a name that was wanted; undefined as long as it is still wanted. Errors: SNAPSHOT_UNKNOWN. */
  async created(
    network: string,
    name: string,
    options: CallOptions = {},
  ): Promise<ListedSnapshot | undefined> {
    const { entry } = await this.store.get(this.keys.network(network).snapshots.wantedAs(name), options)
    return entry === undefined ? this.show(network, name, options) : undefined
  }

  /** Nobody waits for it any more. */
  async unwant(network: string, name: string, options: CallOptions = {}): Promise<void> {
    const then = [remove(this.keys.network(network).snapshots.wantedAs(name))]
    await this.store.transact({ then }, { ...options, repeat: 'harmless' })
  }

  /**
   * Takes a snapshot away: its files go with the next collection. The last committed one only loses its names (SC-2). One that is wanted is
   * wanted no more. Errors: NETWORK_UNKNOWN, SNAPSHOT_UNKNOWN; SNAPSHOT_RECORD_DAMAGED where it may be the last one.
   */
  async remove(network: string, snapshot: string, options: CallOptions = {}): Promise<void> {
    const { snapshots: there, wanted } = await this.list(network, options)
    if (wanted.includes(snapshot)) {
      await this.unwant(network, snapshot, options)
      if (!there.some((one) => isNamed(one, snapshot))) return
    }
    const keys = this.keys.network(network).snapshots
    const contention = { ...this.contention(network), signal: options.signal }
    await compareAndSet(contention, async () => {
      const stored = await this.stored(network, options)
      const damaged = damagedNamed(stored, snapshot)
      checkNotLast(network, stored, damaged ?? this.named(network, stored, snapshot))
      if (damaged !== undefined) {
        const { entry } = damaged
        const { succeeded } = await this.store.transact(
          { compare: [...isAsRead(entry.key, entry)], then: [remove(entry.key)] },
          { ...options, repeat: 'once' },
        )
        return succeeded ? true : conflict
      }
      const { isCurrent, ...found } = this.named(network, stored, snapshot)
      const { entry, compare } = await this.kept(keys, found, options)
      if (entry === undefined) return conflict
      const change: Operation = isCurrent
        ? put(entry.key, snapshotRecord.encode({ ...found, names: [] }))
        : remove(entry.key)
      const { succeeded } = await this.store.transact(
        { compare, then: [change] },
        { ...options, repeat: 'once' },
      )
      return succeeded ? true : conflict
    })
  }

  /**
   * What a deployment adds to its transaction, so that the network goes on from a snapshot: the one that is named, or the last one, with
   * some components that begin afresh. Errors: NETWORK_UNKNOWN, SNAPSHOT_UNKNOWN;
   * SNAPSHOT_REPEATS where a later one was committed and duplicates are not accepted; SNAPSHOT_UNFIT, COMPONENT_UNKNOWN;
   * SNAPSHOT_RECORD_DAMAGED where it is that of the one to go on from.
   */
  async goingOnFrom(
    network: string,
    { version, ...content }: VersionContent & { readonly version: NetworkVersion },
    { from, discardState = [], beginsAfresh = false }: GoOn,
    options: CallOptions = {},
  ): Promise<GoingOn> {
    const keys = this.keys.network(network).snapshots
    const stored = await this.stored(network, options)
    const { snapshots } = listed(network, stored)
    const { snapshot, acceptDuplicates = false } = from ?? {}
    const current = snapshots.find(({ isCurrent }) => isCurrent)
    const damaged = damageOfLast(network, stored)
    if (snapshot === undefined && beginsAfresh)
      throw new VertigoError(
        'SNAPSHOT_UNKNOWN',
        `The network "${network}" was undeployed and begins afresh: there is no state that could be discarded.`,
      )
    if (snapshot === undefined && damaged !== undefined) throw damaged
    const one = snapshot === undefined ? current : this.named(network, stored, snapshot)
    if (one === undefined)
      throw new VertigoError(
        'SNAPSHOT_UNKNOWN',
        `The network "${network}" has no snapshot that it would go on from, and so no state that could be discarded.`,
      )
    const { isCurrent: _, ...found } = one
    // What comes from elsewhere is not what the network has published last.
    const newest = damaged === undefined ? (current ?? snapshots[0]) : publishedAtMost(stored)
    const isNewest = newest?.id === found.id && newest.incarnation === found.incarnation
    if (!isNewest && !acceptDuplicates)
      throw new VertigoError(
        'SNAPSHOT_REPEATS',
        `Snapshot ${found.id} of "${network}" is not its last, which is ${newest?.id ?? 'not known'}: what its sinks have published since would be published again.`,
      )
    checkFit(found, content, discardState)
    if (found.isPartial === true)
      throw new VertigoError(
        'SNAPSHOT_UNFIT',
        `Snapshot ${found.id} of "${network}" has not been taken in as a whole.`,
        { remedy: 'Deploy once more from the folder of the export.' },
      )
    const { entry, compare } = await this.kept(keys, found, options)
    if (entry === undefined)
      throw new VertigoError('SNAPSHOT_UNKNOWN', `Snapshot ${found.id} of "${network}" is gone.`)
    const committed = stored.last?.entry
    const before = stored.last?.value?.upTo
    const chosen = snapshotRecord.encode({
      ...found,
      // It is of no generation that may still commit: what runs now is to give way to what goes on from it.
      generation: asGeneration(0),
      upTo: newestOf([...stored.kept, ...(before === undefined ? [] : [before])]),
      chosenFor: version,
      discards: [...discardState],
      ...without(found, discardState),
    })
    return {
      snapshot: found,
      compare: [...compare, ...isAsRead(keys.committed, committed)],
      then: [putOver(keys.committed, committed, chosen)],
    }
  }

  /**
   * Whether a version finds what it goes on from where it keeps its snapshots. `chosen`: what an operator has named. Errors: SNAPSHOT_UNFIT,
   * SNAPSHOT_RECORD_DAMAGED.
   */
  async checkPlace(
    network: string,
    { flat }: VersionContent,
    chosen: SnapshotRecord | undefined,
    options: CallOptions = {},
  ): Promise<void> {
    if (!losesNothing(guaranteeInCluster(flat))) return
    const from = chosen ?? (await this.wholeLast(network, options))
    const place = flat.snapshot?.storage
    // Earlier versions did not note it.
    if (from?.components === undefined || from.storage === place) return
    const [was, is] = [from.storage, place].map((address) => address ?? 'where the cluster keeps snapshots')
    throw new VertigoError(
      'SNAPSHOT_UNFIT',
      `Snapshot ${from.id}, which "${network}" would go on from, is in another place (${was}) than its snapshots are to be (${is}).`,
      {
        remedy:
          'Leave `snapshot.storage` as it was; or export that snapshot, undeploy the network, and deploy it from the export.',
      },
    )
  }

  private contention(network: string): { clock: Clock; random: Random; what: string } {
    return { clock: this.clock, random: this.random, what: `The network "${network}"` }
  }

  private async kept(
    keys: SnapshotKeys,
    { incarnation, id }: SnapshotRecord,
    options: CallOptions,
  ): Promise<{ readonly entry: Entry | undefined; readonly compare: readonly Compare[] }> {
    const key = keys.keptAt(incarnation, id)
    const { entry } = await this.store.get(key, options)
    return { entry, compare: [isUnchanged(key, entry)] }
  }

  private unknownNetwork(network: string): VertigoError {
    return new VertigoError('NETWORK_UNKNOWN', `There is no network "${network}" in the cluster.`)
  }
}
