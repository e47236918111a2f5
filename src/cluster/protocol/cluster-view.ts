import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import { decodeSegment } from '../../store/recipes/index.ts'
import type { Entry } from '../../store/store.ts'
import {
  type ClusterConfig,
  type ClusterRecord,
  clusterRecord,
  configRecord,
  type DrainRecord,
  drainRecord,
  suspicionRecord,
} from './config-record.ts'
import { type BereavedNetwork, type DeathRecord, deathRecord } from './death-record.ts'
import type { ClusterKeys, NetworkKeys } from './keys.ts'
import { type LinkRecord, linkRecord } from './link-record.ts'
import {
  type DesiredNetwork,
  desiredRecord,
  type NetworkOutcome,
  outcomeRecord,
  type VersionRecord,
  versionRecord,
} from './network-record.ts'
import { type NodeRecord, nodeRecord } from './node-record.ts'
import { asNodeId, type Generation, type NetworkVersion, type NodeId } from './numbers.ts'
import { type Plan, planRecord } from './plan.ts'
import {
  type ClosedRecord,
  closedRecord,
  type OpenRecord,
  openRecord,
  type ReadyRecord,
  readyRecord,
} from './ready-record.ts'
import type { Recorded, RecordType } from './record.ts'
import { SnapshotsView } from './snapshots-view.ts'
import { type UsedNumbers, usedNumbersRecord } from './used-numbers.ts'

/**
 * What the store says of a cluster, kept up to date by the changes of a watch. Manager, agents and those who show the
 * cluster look at one of these; it decides nothing.
 *
 * - VI-1 It shows what was at one revision of the store: all changes of a batch are applied before anybody looks.
 * - VI-2 A record that cannot be read is a fault of its network (or of the cluster) and counts as absent; it never stops
 *   those who look from seeing the rest.
 */
export class ClusterView {
  readonly nodes = new Map<NodeId, Recorded<NodeRecord>>()
  readonly drains = new Map<NodeId, Recorded<DrainRecord>>()
  /** Of a node, by another: the life that it suspects to be over. */
  readonly suspicions = new Map<NodeId, Map<NodeId, string>>()
  /** The last one of each node that others have seen to end. */
  readonly deaths = new Map<NodeId, Recorded<DeathRecord>>()
  /** What nodes say of their links. */
  readonly links = new Map<NodeId, Recorded<LinkRecord>>()
  readonly networks = new Map<string, NetworkView>()
  /** By key: what cannot be read, outside of networks. */
  readonly faults = new Map<string, VertigoError>()
  config: ClusterConfig = {}
  cluster: ClusterRecord | undefined
  private readonly keys: ClusterKeys

  constructor(keys: ClusterKeys) {
    this.keys = keys
  }

  /** `entry` undefined: the key is gone. Gives the name of the network that it concerns, if it concerns one. */
  apply(key: string, entry: Entry | undefined): string | undefined {
    const name = this.keys.networkOf(key)
    if (name !== undefined) {
      this.networkOf(name).apply(key, entry)
      if (this.networks.get(name)!.isEmpty) this.networks.delete(name)
      return name
    }
    this.faults.delete(key)
    if (key.startsWith(this.keys.nodes)) this.set(this.nodes, this.keys.nodes, key, entry, nodeRecord)
    else if (key.startsWith(this.keys.drains))
      this.set(this.drains, this.keys.drains, key, entry, drainRecord)
    else if (key.startsWith(this.keys.links)) this.set(this.links, this.keys.links, key, entry, linkRecord)
    else if (key.startsWith(this.keys.deaths))
      this.set(this.deaths, this.keys.deaths, key, entry, deathRecord)
    else if (key.startsWith(this.keys.suspicions)) this.suspicion(key, entry)
    else if (key === this.keys.cluster) this.cluster = entry && this.read(clusterRecord, entry)?.value
    else if (key === this.keys.config) this.config = (entry && this.read(configRecord, entry)?.value) ?? {}
    return undefined
  }

  private suspicion(key: string, entry: Entry | undefined): void {
    const [of, by] = key
      .slice(this.keys.suspicions.length)
      .split('/')
      .map((part) => asNodeId(decodeSegment(part)))
    if (of === undefined || by === undefined) return
    const told = entry && this.read(suspicionRecord, entry)?.value.incarnation
    const all = this.suspicions.get(of) ?? new Map<NodeId, string>()
    if (told === undefined) all.delete(by)
    else all.set(by, told)
    if (all.size === 0) this.suspicions.delete(of)
    else this.suspicions.set(of, all)
  }

  private networkOf(name: string): NetworkView {
    let network = this.networks.get(name)
    if (network === undefined) {
      network = new NetworkView(name, this.keys.network(name))
      this.networks.set(name, network)
    }
    return network
  }

  private set<T>(
    map: Map<NodeId, Recorded<T>>,
    prefix: string,
    key: string,
    entry: Entry | undefined,
    type: RecordType<T>,
  ): void {
    const id = asNodeId(decodeSegment(key.slice(prefix.length)))
    const recorded = entry && this.read(type, entry)
    if (recorded === undefined) map.delete(id)
    else map.set(id, recorded)
  }

  private read<T>(type: RecordType<T>, entry: Entry): Recorded<T> | undefined {
    return readInto(this.faults, type, entry)
  }
}

/** What the store says of one network. */
export class NetworkView {
  readonly name: string
  readonly keys: NetworkKeys
  desired: Recorded<DesiredNetwork> | undefined
  plan: Recorded<Plan> | undefined
  numbers: Recorded<UsedNumbers> | undefined
  open: Recorded<OpenRecord> | undefined
  closed: Recorded<ClosedRecord> | undefined
  outcome: Recorded<NetworkOutcome> | undefined
  readonly versions = new Map<NetworkVersion, Recorded<VersionRecord>>()
  /** By key; records of several generations may be there for a while. */
  readonly readyRecords = new Map<string, Recorded<ReadyRecord>>()
  readonly snapshots: SnapshotsView
  readonly faults = new Map<string, VertigoError>()

  constructor(name: string, keys: NetworkKeys) {
    this.name = name
    this.keys = keys
    this.snapshots = new SnapshotsView(keys.snapshots)
  }

  get isEmpty(): boolean {
    return (
      this.desired === undefined &&
      this.plan === undefined &&
      this.numbers === undefined &&
      this.open === undefined &&
      this.closed === undefined &&
      this.outcome === undefined &&
      this.versions.size === 0 &&
      this.readyRecords.size === 0 &&
      this.snapshots.isEmpty &&
      this.faults.size === 0
    )
  }

  /** Of one generation. */
  readyOf(generation: Generation): readonly ReadyRecord[] {
    const records: ReadyRecord[] = []
    for (const { value } of this.readyRecords.values())
      if (value.generation === generation) records.push(value)
    return records
  }

  apply(key: string, entry: Entry | undefined): void {
    const { keys, faults } = this
    faults.delete(key)
    const read = <T>(type: RecordType<T>): Recorded<T> | undefined => entry && readInto(faults, type, entry)
    if (key === keys.desired) this.desired = read(desiredRecord)
    else if (key === keys.plan) this.plan = read(planRecord)
    else if (key === keys.numbers) this.numbers = read(usedNumbersRecord)
    else if (key === keys.open) this.open = read(openRecord)
    else if (key === keys.closed) this.closed = read(closedRecord)
    else if (key === keys.outcome) this.outcome = read(outcomeRecord)
    else if (key.startsWith(keys.versions)) {
      const number = Number(key.slice(keys.versions.length)) as NetworkVersion
      const version = read(versionRecord)
      if (version === undefined) this.versions.delete(number)
      else this.versions.set(number, version)
    } else if (key.startsWith(keys.ready)) {
      const ready = read(readyRecord)
      if (ready === undefined) this.readyRecords.delete(key)
      else this.readyRecords.set(key, ready)
    } else if (key.startsWith(this.snapshots.keys.prefix)) this.snapshots.apply(key, entry, read)
  }
}

/** What of each network tells who may be to blame for the end of a node. */
export function bereaved({ networks }: ClusterView): BereavedNetwork[] {
  return [...networks.values()].map(({ name, plan, open, closed }) => ({
    name,
    plan: plan?.value,
    lastOpen: open?.value.generation ?? closed?.value.generation,
  }))
}

function readInto<T>(
  faults: Map<string, VertigoError>,
  type: RecordType<T>,
  entry: Entry,
): Recorded<T> | undefined {
  try {
    return { value: type.decode(entry), entry }
  } catch (thrown) {
    const error = asError(thrown)
    faults.set(
      entry.key,
      isVertigoError(error) ? error : new VertigoError('INTERNAL', error.message, { cause: error }),
    )
    return undefined
  }
}
