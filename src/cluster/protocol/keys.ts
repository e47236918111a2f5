import { decodeSegment, encodeSegment } from '../../store/recipes/index.ts'
import type { Generation, NetworkVersion, NodeId } from './numbers.ts'

/**
 * The keys of a cluster in the store, made in this place only. Several clusters may share a store under prefixes of their
 * own; what is decided in one begins with `clusters/<name>/`, which its nodes watch as a whole. What is large or much, and not
 * decided upon, stands outside of that.
 *
 * - KE-1 Names are encoded as one part of a key, so that no name reaches into the keys of another.
 * - KE-2 Numbers are padded, so that the order of keys is that of numbers.
 */
export class ClusterKeys {
  readonly prefix: string
  /** Of the cluster, encoded. */
  readonly name: string

  constructor(cluster: string) {
    this.name = encodeSegment(cluster)
    this.prefix = `clusters/${this.name}/`
  }

  /** Name, format and incarnation of the cluster: its first node writes it. */
  get cluster(): string {
    return `${this.prefix}cluster`
  }

  /** What operators set: quorum, log levels. */
  get config(): string {
    return `${this.prefix}config`
  }

  /** Of the election of the manager. */
  get manager(): string {
    return `${this.prefix}manager/`
  }

  /** Of the presence of nodes. */
  get nodes(): string {
    return `${this.prefix}nodes/`
  }

  node(id: NodeId): string {
    return this.nodes + encodeSegment(id)
  }

  /** Nodes that operators want empty: they get no new instances, and those that they have move. */
  get drains(): string {
    return `${this.prefix}drains/`
  }

  drain(id: NodeId): string {
    return this.drains + encodeSegment(id)
  }

  /** Of a key under `drains`. */
  drainedNode(key: string): NodeId {
    return decodeSegment(key.slice(this.drains.length)) as NodeId
  }

  /** What nodes find of others that seem to be gone. */
  get suspicions(): string {
    return `${this.prefix}suspicions/`
  }

  suspicion(of: NodeId, by: NodeId): string {
    return `${this.suspicions}${encodeSegment(of)}/${encodeSegment(by)}`
  }

  /** Of nodes whose processes have ended by themselves; the last one of each. */
  get deaths(): string {
    return `${this.prefix}deaths/`
  }

  death(of: NodeId): string {
    return this.deaths + encodeSegment(of)
  }

  /** Which others a node does not reach. */
  get links(): string {
    return `${this.prefix}links/`
  }

  link(by: NodeId): string {
    return this.links + encodeSegment(by)
  }

  get networks(): string {
    return `${this.prefix}networks/`
  }

  network(name: string): NetworkKeys {
    return new NetworkKeys(`${this.networks}${encodeSegment(name)}/`)
  }

  /** The network that a key belongs to. */
  networkOf(key: string): string | undefined {
    if (!key.startsWith(this.networks)) return undefined
    const end = key.indexOf('/', this.networks.length)
    return end < 0 ? undefined : decodeSegment(key.slice(this.networks.length, end))
  }

  get bundles(): string {
    return `cluster-bundles/${this.name}/`
  }

  /** All of a bundle. */
  bundleFiles(hash: string): string {
    return `${this.bundles}${hash}/`
  }

  /** The manifest of a bundle, written after all its parts. `hash`: SHA-256 in hex. */
  bundle(hash: string): string {
    return `${this.bundleFiles(hash)}manifest`
  }

  bundlePart(hash: string, part: number): string {
    return `${this.bundleFiles(hash)}part/${padded(part)}`
  }

  /** When bundles were last used; apart from them, so that they can be listed without their parts. */
  get bundleUses(): string {
    return `cluster-bundle-uses/${this.name}/`
  }

  bundleUse(hash: string): string {
    return this.bundleUses + hash
  }

  /** What happened, for people: bounded, oldest first. */
  get events(): string {
    return `cluster-events/${this.name}/`
  }

  event(number: number): string {
    return this.events + padded(number)
  }
}

export class NetworkKeys {
  readonly prefix: string

  constructor(prefix: string) {
    this.prefix = prefix
  }

  get desired(): string {
    return `${this.prefix}desired`
  }

  get versions(): string {
    return `${this.prefix}versions/`
  }

  version(version: NetworkVersion): string {
    return this.versions + padded(version)
  }

  get plan(): string {
    return `${this.prefix}plan`
  }

  /** Which numbers its plans have used. */
  get numbers(): string {
    return `${this.prefix}numbers`
  }

  get open(): string {
    return `${this.prefix}open`
  }

  /** While nothing is open: what was open last. */
  get closed(): string {
    return `${this.prefix}closed`
  }

  get outcome(): string {
    return `${this.prefix}outcome`
  }

  /** Of all generations. */
  get ready(): string {
    return `${this.prefix}ready/`
  }

  readyOf(generation: Generation): string {
    return `${this.ready}${padded(generation)}/`
  }

  readyAt(generation: Generation, node: NodeId): string {
    return this.readyOf(generation) + encodeSegment(node)
  }

  get snapshots(): SnapshotKeys {
    return new SnapshotKeys(`${this.prefix}snapshots/`)
  }
}

/** Of the snapshots of a network. */
export class SnapshotKeys {
  readonly prefix: string

  constructor(prefix: string) {
    this.prefix = prefix
  }

  /** Which ids were given. */
  get lineage(): string {
    return `${this.prefix}lineage`
  }

  /** The last one that was committed: what a recovery goes back to. */
  get committed(): string {
    return `${this.prefix}committed`
  }

  /** The last one that came to nothing. */
  get aborted(): string {
    return `${this.prefix}aborted`
  }

  /** All that are kept, the last committed one among them. */
  get kept(): string {
    return `${this.prefix}kept/`
  }

  keptAt(incarnation: number, id: number): string {
    return `${this.kept}${padded(incarnation)}-${padded(id)}`
  }

  /** Of a key under `kept`. */
  keptId(key: string): { readonly incarnation: number; readonly id: number } {
    const [incarnation = NaN, id = NaN] = key.slice(this.kept.length).split('-').map(Number)
    return { incarnation, id }
  }

  get wanted(): string {
    return `${this.prefix}wanted/`
  }

  wantedAs(name: string): string {
    return this.wanted + encodeSegment(name)
  }

  /** Of a key under `wanted`. */
  wantedName(key: string): string {
    return decodeSegment(key.slice(this.wanted.length))
  }
}

function padded(number: number): string {
  return String(number).padStart(12, '0')
}
