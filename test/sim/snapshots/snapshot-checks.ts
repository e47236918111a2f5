import { asError } from '../../../src/base/errors.ts'
import type { Kind } from '../../../src/component/kind.ts'
import type { SnapshotManifest } from '../../../src/snapshot/manifest.ts'
import { type SnapshotRecord, snapshotRecord } from '../../../src/cluster/protocol/index.ts'
import type { SnapshotBegin, SnapshotCommand } from '../../../src/snapshot/part.ts'
import type { Entry, WatchEvent } from '../../../src/store/store.ts'
import type { CheckedCluster } from '../../../src/testkit/cluster/checked-cluster.ts'
import type { WatchedWorker } from '../../../src/testkit/cluster/watcher.ts'
import { CommittedReader, type SeenPart } from './committed.ts'

/** The cluster that is looked at. */
interface LookedAt extends Pick<CheckedCluster, 'cluster' | 'checks' | 'violate' | 'note' | 'supervise'> {
  readonly kinds: ReadonlyMap<string, Kind>
}

/** A snapshot as the store and the storage have it. */
export interface SeenSnapshot {
  readonly record: SnapshotRecord
  readonly manifest: SnapshotManifest
}

/**
 * Looks at all that happens with the snapshots of a cluster, at every change of the store.
 *
 * - SX-1 (SN-1) An id stands for one snapshot: whoever is told of it is told the same, and it is committed once. Committed ones ascend.
 * - SX-2 (SN-2) What is committed is of the newest plan, which is open or was; it stands on the one that was committed before. A plan goes
 *   back to the last committed one.
 * - SX-3 All files of a committed snapshot are there and whole, and those of all that are kept stay so.
 * - SX-4 (CR-1) A manager has one snapshot in flight.
 * - SX-6 No snapshot is committed of a network that has come to its end: what is deployed then would go on from it.
 * - SX-5 What an instance has put off, in a committed snapshot, has its timer there.
 */
export class SnapshotChecks {
  committedCount = 0
  abortedCount = 0
  restoredCount = 0
  withChannelState = 0
  late = 0
  /** How often a network has begun without a snapshot to go on from, after another one had come to its end. */
  beginnings = 1
  /** By network: the last one that was committed, also when it does not count any more. */
  readonly last = new Map<string, SnapshotRecord>()
  private isOver = false
  private readonly world: LookedAt
  private readonly reader: CommittedReader
  private readonly counting = new Map<string, SnapshotRecord | undefined>()
  private readonly kept = new Map<string, { readonly network: string; readonly record: SnapshotRecord }>()
  private readonly begun = new Map<string, string>()
  private readonly committed = new Set<string>()
  private readonly inFlight = new Map<string, Map<SnapshotBegin, number>>()

  constructor(world: LookedAt) {
    this.world = world
    this.reader = new CommittedReader(world.cluster.files, world.kinds)
    const { keys, backend } = world.cluster
    backend.follow(keys.networks, 2, {
      events: (_revision, events) => this.apply(events),
      compacted: () => world.violate('the history of the store is incomplete'),
      failed: (error) => world.violate(`the store cannot be followed: ${error.message}`),
    })
  }

  /** SX-1 */
  told({ network, name, end }: WatchedWorker, command: SnapshotCommand): void {
    this.world.note(end.node, `${command.type} snapshot ${command.snapshot} to worker ${name}`)
    if (command.type !== 'begin') return
    const text = JSON.stringify(command)
    const key = `${network} ${command.incarnation}/${command.snapshot}`
    const before = this.begun.get(key)
    this.begun.set(key, text)
    if (before !== undefined && before !== text)
      this.world.violate(`SX-1 snapshot ${key} is ${text} and ${before}`)
  }

  /** SX-4 */
  asked(manager: string, network: string, begin: SnapshotBegin): { readonly over: () => void } {
    const key = `${manager} ${network} ${this.world.cluster.nodes.get(manager)?.process?.means.pid}`
    const asked = this.inFlight.get(key) ?? new Map<SnapshotBegin, number>()
    this.inFlight.set(key, asked)
    asked.set(begin, (asked.get(begin) ?? 0) + 1)
    if (asked.size > 1)
      this.world.violate(
        `SX-4 ${manager} has in flight: ${[...asked.keys()].map(({ snapshot }) => snapshot).join(' and ')}`,
      )
    let isOver = false
    return {
      over: () => {
        if (isOver) return
        isOver = true
        const left = asked.get(begin)! - 1
        if (left === 0) asked.delete(begin)
        else asked.set(begin, left)
      },
    }
  }

  /** The parts of a component in a snapshot. `kind`: its. */
  parts({ manifest }: SeenSnapshot, component: string, kind: string): Promise<SeenPart[]> {
    const own = manifest.instances.filter((part) => part.component === component)
    return Promise.all(own.map((part) => this.reader.read(part, kind)))
  }

  async seen(network: string, record: SnapshotRecord): Promise<SeenSnapshot> {
    return { record, manifest: await this.reader.verified(network, record) }
  }

  /** SX-3: of all that are kept. */
  async checkKept(): Promise<void> {
    for (const { network, record } of this.kept.values()) {
      const fresh = new CommittedReader(this.world.cluster.files, this.world.kinds)
      try {
        await fresh.verified(network, record)
      } catch (error) {
        this.world.violate(`SX-3 snapshot ${record.id}, which is kept: ${asError(error).message}`)
      }
    }
  }

  private apply(events: readonly WatchEvent[]): void {
    const { keys } = this.world.cluster
    for (const { key, entry } of events) {
      const network = keys.networkOf(key)
      if (network === undefined) continue
      const of = keys.network(network)
      if (key === of.snapshots.committed) this.committedChanged(network, entry)
      else if (key === of.snapshots.aborted && entry !== undefined) this.abortedCount++
      else if (key.startsWith(of.snapshots.kept)) this.keptChanged(network, key, entry)
    }
    // A plan may come with a change of what it goes back to.
    for (const { key, entry } of events) {
      const network = keys.networkOf(key)
      if (network !== undefined && entry !== undefined && key === keys.network(network).plan)
        this.planned(network)
    }
  }

  private keptChanged(network: string, key: string, entry: Entry | undefined): void {
    if (entry === undefined) this.kept.delete(key)
    else this.kept.set(key, { network, record: snapshotRecord.decode(entry) })
  }

  /** SX-2 */
  private planned(network: string): void {
    const plan = this.world.checks.view.networks.get(network)?.plan?.value
    if (plan === undefined || plan.instances.length === 0) return
    const counts = this.counting.get(network)
    if (this.isOver) this.beginnings++
    this.isOver = false
    if (plan.restores !== undefined) this.restoredCount++
    if (plan.restores?.id !== counts?.id || plan.restores?.incarnation !== counts?.incarnation)
      this.world.violate(
        `SX-2 generation ${plan.generation} goes back to ${plan.restores?.id}, not ${counts?.id}`,
      )
  }

  private committedChanged(network: string, entry: Entry | undefined): void {
    const before = this.counting.get(network)
    if (entry === undefined) {
      this.counting.set(network, undefined)
      this.isOver = true
      return
    }
    const record = snapshotRecord.decode(entry)
    this.counting.set(network, record)
    // Chosen by an operator.
    if ((record.generation as number) === 0) return
    if (this.isOver)
      this.world.violate(`SX-6 snapshot ${record.id} of ${network} is committed, which has finished`)
    this.committedCount++
    if (record.hasChannelState) this.withChannelState++
    this.last.set(network, record)
    this.world.note('--', `snapshot ${record.id} of ${network} is committed`)
    this.checkCommit(network, record, before)
    this.world.supervise(this.checkFiles(network, record))
  }

  private checkCommit(network: string, record: SnapshotRecord, before: SnapshotRecord | undefined): void {
    const { world } = this
    const { id, incarnation, generation, predecessor } = record
    const key = `${network} ${incarnation}/${id}`
    if (this.committed.has(key)) world.violate(`SX-1 snapshot ${key} is committed again`)
    this.committed.add(key)
    if (before !== undefined && before.incarnation === incarnation && before.id >= id)
      world.violate(`SX-1 snapshot ${key} is committed after ${before.id}`)
    const plan = world.checks.view.networks.get(network)?.plan?.value
    if (plan?.generation !== generation || world.checks.opened.get(network)?.has(generation) !== true)
      world.violate(
        `SX-2 snapshot ${key} of generation ${generation} is committed in generation ${plan?.generation}`,
      )
    const stands = before?.incarnation === incarnation ? before.id : null
    if (predecessor !== stands)
      world.violate(`SX-2 snapshot ${key} stands on ${predecessor}, the one before is ${stands}`)
  }

  /** SX-3, SX-5 */
  private async checkFiles(network: string, record: SnapshotRecord): Promise<void> {
    const { world } = this
    try {
      const manifest = await this.reader.verified(network, record)
      const flat = world.checks.view.networks.get(network)?.versions.get(record.version)?.value.flat
      for (const part of manifest.instances) {
        if (flat?.components[part.component]?.kind !== 'later') continue
        const { saved, state } = await this.reader.read(part, 'later')
        const timed = new Set(saved.timers.map(({ key }) => key))
        for (const { key, slots } of state.rows)
          if ((slots['pending'] as unknown[]).length > 0 && !timed.has(key))
            world.violate(
              `SX-5 ${part.component}[${part.instance}] has put off ${key}, and snapshot ${record.id} has no timer`,
            )
      }
    } catch (error) {
      world.violate(`SX-3 snapshot ${record.id} of ${network}: ${asError(error).stack}`)
    }
  }
}
