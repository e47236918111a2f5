import type { Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import { didYouMean } from '../../base/suggest.ts'
import { get, isPresent, isUnchanged, put, remove } from '../../store/operations.ts'
import type { CallOptions, Compare, Entry, Operation, Store } from '../../store/store.ts'
import { conflict, compareAndSet } from '../../store/recipes/index.ts'
import type { Random } from '../../base/random.ts'
import {
  type AbortedSnapshot,
  abortedRecord,
  asGeneration,
  type ClusterKeys,
  type SnapshotKeys,
  type SnapshotRecord,
  snapshotRecord,
  wantedRecord,
} from '../protocol/index.ts'

/**
 * What users ask about the snapshots of networks, and of them, in the store. As `Management`, it works without any node.
 *
 * - SC-1 A snapshot has one name at the most among those of its network; the last one that was made under a name has it.
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
    const keys = this.keys.network(network)
    const { snapshots } = keys
    const { results } = await this.store.transact(
      { then: [get(keys.desired), get(snapshots.committed), get(snapshots.aborted)] },
      options,
    )
    const [desired, committed, aborted] = results.map((one) => (one.type === 'get' ? one.entry : undefined))
    const { entries } = await this.store.range(snapshots.kept, options)
    if (desired === undefined && entries.length === 0) throw this.unknownNetwork(network)
    const current = committed && snapshotRecord.decode(committed)
    const kept = entries.map((entry) => snapshotRecord.decode(entry)).toReversed()
    return {
      snapshots: kept.map((one) => ({
        ...one,
        isCurrent: one.id === current?.id && one.incarnation === current.incarnation,
      })),
      aborted: aborted && abortedRecord.decode(aborted),
    }
  }

  /** By a name, or by its number. Errors: NETWORK_UNKNOWN, SNAPSHOT_UNKNOWN. */
  async show(network: string, snapshot: string, options: CallOptions = {}): Promise<ListedSnapshot> {
    const { snapshots } = await this.list(network, options)
    const found = snapshots.find((one) => one.names.includes(snapshot) || String(one.id) === snapshot)
    if (found !== undefined) return found
    const near = didYouMean(
      snapshot,
      snapshots.flatMap(({ names }) => names),
    )
    throw new VertigoError(
      'SNAPSHOT_UNKNOWN',
      `The network "${network}" has no snapshot "${snapshot}".${near}`,
    )
  }

  /** Asks for one that is kept under a name; `created` says when it is there. Errors: NETWORK_UNKNOWN. */
  async want(network: string, name: string, by: string, options: CallOptions = {}): Promise<void> {
    checkName(name)
    const keys = this.keys.network(network)
    const value = wantedRecord.encode({ by, atMs: this.clock.now() })
    const { succeeded } = await this.store.transact(
      { compare: [isPresent(keys.desired)], then: [put(keys.snapshots.wantedAs(name), value)] },
      { ...options, repeat: 'harmless' },
    )
    if (!succeeded) throw this.unknownNetwork(network)
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
   * Takes a snapshot away: its files go with the next collection. The last committed one only loses its names (SC-2). Errors:
   * NETWORK_UNKNOWN, SNAPSHOT_UNKNOWN.
   */
  async remove(network: string, snapshot: string, options: CallOptions = {}): Promise<void> {
    const keys = this.keys.network(network).snapshots
    const { signal } = options
    const contention = { clock: this.clock, random: this.random, signal, what: `The network "${network}"` }
    await compareAndSet(contention, async () => {
      const { isCurrent, ...found } = await this.show(network, snapshot, options)
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
   * What a deployment adds to its transaction, so that the network goes on from a snapshot. Errors: NETWORK_UNKNOWN, SNAPSHOT_UNKNOWN;
   * SNAPSHOT_REPEATS where a later one was committed and duplicates are not accepted.
   */
  async goingOnFrom(
    network: string,
    snapshot: string,
    { acceptDuplicates = false, ...options }: CallOptions & { readonly acceptDuplicates?: boolean } = {},
  ): Promise<GoingOn> {
    const keys = this.keys.network(network).snapshots
    const { isCurrent: _, ...found } = await this.show(network, snapshot, options)
    const { snapshots } = await this.list(network, options)
    const [newest] = snapshots
    const isNewest = newest?.id === found.id && newest.incarnation === found.incarnation
    if (!isNewest && !acceptDuplicates)
      throw new VertigoError(
        'SNAPSHOT_REPEATS',
        `Snapshot ${found.id} of "${network}" is not its last, which is ${newest!.id}: what its sinks have published since would be published again.`,
      )
    const { entry, compare } = await this.kept(keys, found, options)
    const { entry: committed } = await this.store.get(keys.committed, options)
    if (entry === undefined)
      throw new VertigoError('SNAPSHOT_UNKNOWN', `Snapshot ${found.id} of "${network}" is gone.`)
    // It is of no generation that may still commit: what runs now is to give way to what goes on from it.
    const chosen = snapshotRecord.encode({ ...found, generation: asGeneration(0) })
    return {
      snapshot: found,
      compare: [...compare, isUnchanged(keys.committed, committed)],
      then: [put(keys.committed, chosen)],
    }
  }

  /**
   * What a deployment adds to its transaction, so that components begin anew while the rest of the network goes on: from the last snapshot,
   * or from one that was `chosen`. Errors: NETWORK_UNKNOWN, SNAPSHOT_UNKNOWN where there is none.
   */
  async discarding(
    network: string,
    discards: readonly string[],
    chosen: GoingOn | undefined,
    options: CallOptions = {},
  ): Promise<GoingOn> {
    const { committed: key } = this.keys.network(network).snapshots
    const { entry } = await this.store.get(key, options)
    const found = chosen?.snapshot ?? (entry && snapshotRecord.decode(entry))
    if (found === undefined)
      throw new VertigoError(
        'SNAPSHOT_UNKNOWN',
        `The network "${network}" has no snapshot yet: there is no state that could be discarded.`,
      )
    const snapshot = { ...found, discards: [...discards] }
    const value = snapshotRecord.encode({ ...snapshot, generation: asGeneration(0) })
    return { snapshot, compare: chosen?.compare ?? [isUnchanged(key, entry)], then: [put(key, value)] }
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

/** What makes a network go on from a snapshot, in one transaction with what else is wanted. */
export interface GoingOn {
  readonly compare: readonly Compare[]
  readonly then: readonly Operation[]
  readonly snapshot: SnapshotRecord
}

export interface ListedSnapshot extends SnapshotRecord {
  /** A failure would go back to it. */
  readonly isCurrent: boolean
}

export interface NetworkSnapshots {
  readonly snapshots: readonly ListedSnapshot[]
  /** The last one that came to nothing. */
  readonly aborted: AbortedSnapshot | undefined
}

const namePattern = /^[A-Za-z][A-Za-z0-9._-]{0,99}$/

function checkName(name: string): void {
  if (namePattern.test(name)) return
  throw new VertigoError('USAGE', `"${name}" is no name for a snapshot.`, {
    remedy: 'Use letters, digits, ".", "_" and "-", beginning with a letter.',
  })
}
