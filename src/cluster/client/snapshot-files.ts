import { crc32 } from 'node:zlib'
import type { FlatNetwork } from '../../model/flatten.ts'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import { incarnationPrefix, placeOf } from '../../snapshot/file-names.ts'
import {
  checkManifest,
  encodeManifest,
  type FileReference,
  filesOf,
  type SnapshotManifest,
} from '../../snapshot/manifest.ts'
import { allNames } from '../../snapshot/storage/checked-storage.ts'
import { getFile } from '../../snapshot/small-files.ts'
import type { Content, SnapshotStorage, StoredObject } from '../../snapshot/storage/storage.ts'
import { getManifest, type ManifestReference } from '../../snapshot/stored-manifest.ts'
import type { CallOptions } from '../../store/store.ts'
import { needsSnapshots, type SnapshotRecord, snapshotsUnplaced } from '../protocol/index.ts'
import type { ImportedSnapshots } from './imported-snapshots.ts'
import type { Management } from './management.ts'
import type { ListedSnapshot } from './snapshot-list.ts'
import type { Snapshots } from './snapshots.ts'

/** Opens the storage at an address; undefined: the one where the cluster keeps snapshots by default. */
export type OpenStorage = (address: string | undefined) => Promise<SnapshotStorage>

export interface SnapshotFilesMeans {
  readonly open: OpenStorage
  /** Rejects where a storage cannot hold the snapshots of a network. */
  readonly check: (network: string, address: string | undefined) => Promise<void>
}

export interface SnapshotContent {
  readonly snapshot: ListedSnapshot
  readonly manifest: SnapshotManifest
}

/** What the snapshots of networks consist of, for those who are not in the network. */
export class SnapshotFiles {
  private readonly snapshots: Snapshots
  private readonly imports: ImportedSnapshots
  private readonly means: SnapshotFilesMeans

  constructor({ snapshots, imports }: Pick<Management, 'snapshots' | 'imports'>, means: SnapshotFilesMeans) {
    this.snapshots = snapshots
    this.imports = imports
    this.means = means
  }

  /**
   * Before a network is deployed: whether its snapshots have a place. One without components needs none yet. Errors:
   * SNAPSHOT_STORAGE_UNSET, SNAPSHOT_STORAGE_LOCAL, SNAPSHOT_STORAGE_TAKEN, those of the storage.
   */
  async checkPlace(network: FlatNetwork): Promise<void> {
    if (!needsSnapshots(network)) return
    try {
      await this.means.check(network.name, network.snapshot?.storage)
    } catch (error) {
      if (!isVertigoError(error) || error.code !== 'SNAPSHOT_STORAGE_UNSET') throw error
      throw snapshotsUnplaced(network, error)
    }
  }

  /** By name or number. Errors: NETWORK_UNKNOWN, SNAPSHOT_UNKNOWN, those of the storage and of manifests. */
  async content(network: string, snapshot: string, options: CallOptions = {}): Promise<SnapshotContent> {
    const found = await this.snapshots.show(network, snapshot, options)
    const { storage, manifest: reference, incarnation, id } = found
    const owner = { network, incarnation, id }
    const manifest = await getManifest(await this.means.open(storage), reference, owner, options)
    return { snapshot: found, manifest }
  }

  /** A file of a snapshot, verified as it is read. Errors: as `content`; SNAPSHOT_FILE_MISSING for what is not of it. */
  async *file(
    network: string,
    snapshot: string,
    name: string,
    options: CallOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { storage, file } = await this.fileOf(network, snapshot, name, options)
    yield* getFile(storage, file, options)
  }

  /**
   * Begins to take in a snapshot that was exported elsewhere: it is one of the network's from then on, by the name that is given, and its
   * files are spared, but it is not there until `complete`. Repeatable. Errors: SNAPSHOT_FOREIGN, SNAPSHOT_FILE_DAMAGED, those of the
   * storage.
   */
  async begin(
    network: string,
    { snapshot, manifest }: ExportedSnapshot,
    storage: string | undefined,
    options: CallOptions = {},
  ): Promise<SnapshotRecord> {
    const found = await this.imports.find(network, snapshot, options)
    if (found !== undefined) return found
    checkManifest(snapshot.manifest.name, { ...manifest }, { network, ...pick(snapshot) })
    const content = encodeManifest(manifest)
    await this.means.check(network, storage)
    const to = await this.means.open(storage)
    await putOnce(to, snapshot.manifest, [content], options)
    return this.imports.take(network, { ...snapshot, ...(storage !== undefined && { storage }) }, options)
  }

  /** Takes in a file. Repeatable. Errors: SNAPSHOT_FILE_DAMAGED where it is not what the snapshot has, those of the storage. */
  async put(
    network: string,
    snapshot: string,
    file: { readonly name: string; readonly content: AsyncIterable<Uint8Array> },
    options: CallOptions = {},
  ): Promise<void> {
    const { storage, file: expected } = await this.fileOf(network, snapshot, file.name, options)
    if (expected.inline !== undefined) await verify(file, expected)
    else await putOnce(storage, expected, file.content, options)
  }

  /** Errors: SNAPSHOT_FILE_MISSING where not all files have been taken in. */
  async complete(network: string, snapshot: string, options: CallOptions = {}): Promise<ListedSnapshot> {
    const { snapshot: found, manifest } = await this.content(network, snapshot, options)
    const storage = await this.means.open(found.storage)
    const names = new Set<string>()
    for (const { incarnation } of [manifest, ...incarnationsOf(manifest)])
      for await (const name of allNames(storage, incarnationPrefix({ network, incarnation }))) names.add(name)
    const missing = storedFilesOf(manifest).find(({ name }) => !names.has(name))
    if (missing !== undefined)
      throw new VertigoError(
        'SNAPSHOT_FILE_MISSING',
        `The file ${missing.name} of snapshot ${found.id} of "${network}" has not been sent.`,
        { remedy: 'Send all files of the snapshot before it is completed.' },
      )
    await this.imports.complete(network, found, options)
    return this.snapshots.show(network, snapshot, options)
  }

  private async fileOf(
    network: string,
    snapshot: string,
    name: string,
    options: CallOptions,
  ): Promise<{ readonly storage: SnapshotStorage; readonly file: FileReference }> {
    const { snapshot: found, manifest } = await this.content(network, snapshot, options)
    const file = filesOf(manifest).find((one) => one.name === name)
    if (file === undefined)
      throw new VertigoError(
        'SNAPSHOT_FILE_MISSING',
        `Snapshot ${found.id} of "${network}" has no file "${name}".`,
      )
    return { storage: await this.means.open(found.storage), file }
  }
}

/** What an export says of itself; the files are beside it. */
export interface ExportedSnapshot {
  readonly snapshot: SnapshotRecord
  readonly manifest: SnapshotManifest
}

/** Those that are not in the manifest. */
export function storedFilesOf(manifest: SnapshotManifest): FileReference[] {
  return filesOf(manifest).filter(({ inline }) => inline === undefined)
}

const pick = ({ incarnation, id }: SnapshotRecord): Pick<SnapshotRecord, 'incarnation' | 'id'> => ({
  incarnation,
  id,
})

/** Of files that are older than the snapshot's own incarnation. */
function incarnationsOf(manifest: SnapshotManifest): { readonly incarnation: number }[] {
  const found = filesOf(manifest).flatMap(({ name }) => placeOf(name)?.incarnation ?? [])
  return [...new Set(found)]
    .filter((incarnation) => incarnation !== manifest.incarnation)
    .map((incarnation) => ({ incarnation }))
}

/** It is in the manifest already. Errors: SNAPSHOT_FILE_DAMAGED. */
async function verify(
  { name, content }: { readonly name: string; readonly content: AsyncIterable<Uint8Array> },
  expected: StoredObject,
): Promise<void> {
  let [bytes, checksum] = [0, 0]
  for await (const piece of content) {
    bytes += piece.length
    checksum = crc32(piece, checksum)
  }
  if (bytes !== expected.bytes || checksum !== expected.checksum) throw notAsSent(name)
}

function notAsSent(name: string): VertigoError {
  return new VertigoError('SNAPSHOT_FILE_DAMAGED', `What was sent as ${name} is not what the snapshot has.`)
}

/** Whoever has put it before, it has to be what is expected. Errors: SNAPSHOT_FILE_DAMAGED, those of the storage. */
async function putOnce(
  storage: SnapshotStorage,
  { name, bytes, checksum }: ManifestReference,
  content: Content,
  options: CallOptions,
): Promise<void> {
  const expected = { bytes, checksum }
  try {
    const stored = await storage.put(name, content, { ...options, ifAbsent: true })
    if (stored.bytes === bytes && stored.checksum === checksum) return
    await storage.delete([name], options)
    throw notAsSent(name)
  } catch (error) {
    if (!isVertigoError(error) || error.code !== 'SNAPSHOT_FILE_EXISTS') throw error
    for await (const _ of storage.get(name, { ...options, expected })) {
      // It is verified by being read.
    }
  }
}
