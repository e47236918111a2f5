import { Buffer } from 'node:buffer'
import { VertigoError } from '../base/errors.ts'
import { isRecord } from '../base/values.ts'

/**
 * What a snapshot consists of: for each instance, the files that make up its state. Written once all of them are durable; the
 * snapshot is committed in the store after that, and is nothing before.
 */

/**
 * The highest that is read. From 2 on, files may be in the manifest itself: whoever knows format 1 would look for them in the storage. One
 * without such files is written in format 1.
 */
export const manifestFormat = 2

export interface FileReference {
  readonly name: string
  readonly kind: 'full' | 'increment'
  /** Of the content, as the storage told when it was put. */
  readonly bytes: number
  readonly checksum: number
  /** See `collection.ts`. */
  readonly until: number
  /** The content in base64, where it is small: the storage has no such file (`small-files.ts`). */
  readonly inline?: string
}

/** One of the states that the rows of a file have. */
export interface SavedState {
  readonly name: string
  readonly type: 'value' | 'map' | 'list'
  readonly scope: 'keyed' | 'instance'
  readonly hasTtl: boolean
}

/** What one instance acknowledges, and what the manifest has of it. */
export interface InstanceManifest {
  readonly component: string
  readonly instance: number
  /** Of the component: with another number, an instance goes on from the parts of several. */
  readonly instances: number
  /** It has handled all there was: later snapshots have the same part, and it is not placed again. */
  readonly isFinished: boolean
  /** Messages were on their way to it at the cut: they can only go on to the same instances. */
  readonly hasChannelState: boolean
  /** First and last key group of its state; null where it has no keyed state. */
  readonly keyGroups: readonly [number, number] | null
  /** Version of the component's state. */
  readonly stateVersion: number
  /** Its states, in the order in which rows have them. Absent: as the component declares them. */
  readonly states?: readonly SavedState[]
  /** Oldest first: one that is full, and the increments behind it. None where it has no state of any kind. */
  readonly files: readonly FileReference[]
}

export interface SnapshotManifest {
  readonly network: string
  readonly incarnation: number
  readonly generation: number
  readonly id: number
  /** The committed snapshot that the increments stand on; null for the first. */
  readonly predecessor: number | null
  readonly instances: readonly InstanceManifest[]
}

export function encodeManifest(manifest: SnapshotManifest): Buffer {
  const format = filesOf(manifest).some(({ inline }) => inline !== undefined) ? 2 : 1
  return Buffer.from(`${JSON.stringify({ format, ...manifest })}\n`)
}

export function filesOf({ instances }: SnapshotManifest): FileReference[] {
  return instances.flatMap(({ files }) => files)
}

/** Whose snapshot is to be read. */
export interface ManifestOwner {
  readonly network: string
  /** Not given where a snapshot of an earlier incarnation may be read: an operator's decision. */
  readonly incarnation?: number
  readonly id?: number
}

/** Throws SNAPSHOT_FILE_DAMAGED, SNAPSHOT_FORMAT_NEWER, SNAPSHOT_FOREIGN. `name`: for people. */
export function decodeManifest(name: string, content: Uint8Array, owner: ManifestOwner): SnapshotManifest {
  let read: unknown
  try {
    read = JSON.parse(Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString())
  } catch (error) {
    throw damagedManifest(name, 'it cannot be read', error)
  }
  if (!isRecord(read) || !isWhole(read['format'])) throw damagedManifest(name, 'it has no format')
  const { format, ...rest } = read
  if (format > manifestFormat)
    throw new VertigoError(
      'SNAPSHOT_FORMAT_NEWER',
      `The snapshot ${name} has format ${format}; this version knows up to ${manifestFormat}.`,
    )
  return checkManifest(name, rest, owner)
}

/** Of what somebody says that it is a manifest. Errors: SNAPSHOT_FILE_DAMAGED, SNAPSHOT_FOREIGN. */
export function checkManifest(
  name: string,
  read: Readonly<Record<string, unknown>>,
  owner: ManifestOwner,
): SnapshotManifest {
  const fault = faultOf(read)
  if (fault !== undefined) throw damagedManifest(name, fault)
  const manifest = read as unknown as SnapshotManifest
  checkOwner(name, manifest, owner)
  return manifest
}

function damagedManifest(name: string, what: string, cause?: unknown): VertigoError {
  return new VertigoError('SNAPSHOT_FILE_DAMAGED', `The manifest ${name} is damaged: ${what}.`, { cause })
}

function checkOwner(name: string, manifest: SnapshotManifest, owner: ManifestOwner): void {
  const foreign = (what: string): VertigoError =>
    new VertigoError('SNAPSHOT_FOREIGN', `The snapshot ${name} is ${what}.`)
  if (manifest.network !== owner.network)
    throw foreign(`one of the network "${manifest.network}", not of "${owner.network}"`)
  if (owner.incarnation !== undefined && manifest.incarnation !== owner.incarnation)
    throw foreign(
      `of incarnation ${manifest.incarnation} of the cluster, which is in incarnation ${owner.incarnation}`,
    )
  if (owner.id !== undefined && manifest.id !== owner.id)
    throw foreign(`snapshot ${manifest.id}, not ${owner.id}`)
}

function faultOf(read: Readonly<Record<string, unknown>>): string | undefined {
  const { network, incarnation, generation, id, predecessor, instances } = read
  if (typeof network !== 'string') return 'it names no network'
  if (![incarnation, generation, id].every(isWhole)) return 'its numbers are not whole'
  if (predecessor !== null && !(isWhole(predecessor) && predecessor < (id as number)))
    return 'its predecessor is not one before it'
  if (!Array.isArray(instances)) return 'it has no instances'
  for (const instance of instances as unknown[]) {
    const fault = instanceFault(instance)
    if (fault !== undefined) return fault
  }
  return undefined
}

function instanceFault(read: unknown): string | undefined {
  if (!isRecord(read) || typeof read['component'] !== 'string' || !isWhole(read['instance']))
    return 'an instance has no name'
  const name = `${read['component']}[${read['instance']}]`
  const { instances, isFinished, hasChannelState, keyGroups, stateVersion, states, files } = read
  const isKnown = isWhole(instances) && [isFinished, hasChannelState].every((it) => typeof it === 'boolean')
  if (!isKnown || read['instance'] >= instances) return `${name} does not say what it was`
  const hasGroups =
    keyGroups === null || (Array.isArray(keyGroups) && keyGroups.length === 2 && keyGroups.every(isWhole))
  if (!hasGroups || !isWhole(stateVersion)) return `${name} lacks its key groups or version`
  if (states !== undefined && !(Array.isArray(states) && states.every(isSavedState)))
    return `the states of ${name} are not described`
  if (!Array.isArray(files) || !files.every(isFile)) return `the files of ${name} are not described`
  const isOrdered = files.every((file: FileReference, index) => (file.kind === 'full') === (index === 0))
  return isOrdered ? undefined : `the files of ${name} do not begin with a full one, or have two`
}

function isSavedState(read: unknown): read is SavedState {
  return (
    isRecord(read) &&
    typeof read['name'] === 'string' &&
    ['value', 'map', 'list'].includes(read['type'] as string) &&
    ['keyed', 'instance'].includes(read['scope'] as string) &&
    typeof read['hasTtl'] === 'boolean'
  )
}

function isFile(read: unknown): read is FileReference {
  return (
    isRecord(read) &&
    typeof read['name'] === 'string' &&
    (read['kind'] === 'full' || read['kind'] === 'increment') &&
    [read['bytes'], read['checksum'], read['until']].every(isWhole) &&
    (read['inline'] === undefined || typeof read['inline'] === 'string')
  )
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
