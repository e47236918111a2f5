import { Buffer } from 'node:buffer'
import { isVertigoError, VertigoError } from '../base/errors.ts'
import { manifestName } from './file-names.ts'
import { decodeManifest, encodeManifest, type ManifestOwner, type SnapshotManifest } from './manifest.ts'
import type { CallOptions, SnapshotStorage, StoredObject } from './storage/storage.ts'

/** Manifests in the storage: what the record of a commit refers to. */

export interface ManifestReference extends StoredObject {
  readonly name: string
}

/** Errors: those of the storage; SNAPSHOT_FILE_EXISTS where somebody else writes under the same address. */
export async function putManifest(
  storage: SnapshotStorage,
  manifest: SnapshotManifest,
  options: CallOptions = {},
): Promise<ManifestReference> {
  const name = manifestName(manifest, manifest.id)
  const stored = await storage.put(name, encodeManifest(manifest), { ...options, ifAbsent: true })
  return { name, bytes: stored.bytes, checksum: stored.checksum }
}

/**
 * Errors: those of the storage and of `decodeManifest`; SNAPSHOT_FILE_DAMAGED where it is not what is referred to. Without it nothing of the
 * snapshot can be found, so what helps against one damaged file of a component does not.
 */
export async function getManifest(
  storage: SnapshotStorage,
  { name, bytes, checksum }: ManifestReference,
  owner: ManifestOwner,
  options: CallOptions = {},
): Promise<SnapshotManifest> {
  try {
    const pieces: Uint8Array[] = []
    for await (const piece of storage.get(name, { ...options, expected: { bytes, checksum } }))
      pieces.push(piece)
    return decodeManifest(name, Buffer.concat(pieces), owner)
  } catch (error) {
    if (!isVertigoError(error)) throw error
    const { code, message } = error
    if (code !== 'SNAPSHOT_FILE_MISSING' && code !== 'SNAPSHOT_FILE_DAMAGED') throw error
    throw new VertigoError(code, message, { remedy: withoutManifest, cause: error })
  }
}

const withoutManifest =
  'Restore the storage of the snapshots, or start from a snapshot that is whole (`--from-snapshot`). Where none is left: undeploy the network and deploy it again; it begins afresh then.'
