import { Buffer } from 'node:buffer'
import { isVertigoError, VertigoError } from '../base/errors.ts'
import { isRecord } from '../base/values.ts'
import { networkPrefix } from './file-names.ts'
import type { CallOptions, SnapshotStorage } from './storage/storage.ts'

/**
 * Whose the files of a network are in a storage: an object beside them says it.
 *
 * - OW-1 A cluster writes and deletes only where it is the owner. Two clusters with networks of one name under one address would delete
 *   each other's files.
 * - OW-2 A cluster whose store was restored from a backup takes over what it owned before (`earlier`). One that lives on in spite of
 *   that is not the owner any more, and takes no snapshots.
 * - OW-3 The token was drawn when the object was written: who reads it back sees the same storage, and not one that looks like it.
 */
export interface StorageOwner {
  /** Name of the cluster, for people. */
  readonly cluster: string
  /** Of the cluster. */
  readonly incarnation: string
  readonly token: string
}

export interface ClaimOptions extends CallOptions {
  /** Incarnations that the cluster had before its store was restored. Default none. */
  readonly earlier?: readonly string[]
}

const attemptsMax = 3

/** Makes `owner` the owner, unless somebody else is. Gives what is there. Errors: SNAPSHOT_STORAGE_TAKEN, those of the storage. */
export async function claimStorage(
  storage: SnapshotStorage,
  network: string,
  owner: StorageOwner,
  { earlier = [], ...options }: ClaimOptions = {},
): Promise<StorageOwner> {
  for (let attempt = 1; ; attempt++) {
    const found = await readOwner(storage, network, options)
    if (found?.incarnation === owner.incarnation) return found
    if (found !== undefined && !earlier.includes(found.incarnation))
      throw taken(storage.about, network, found)
    try {
      const content = Buffer.from(`${JSON.stringify(owner)}\n`)
      await storage.put(nameOf(network), content, { ...options, ifAbsent: found === undefined })
    } catch (error) {
      // Somebody was faster: whoever it was is read in the next round.
      if (!isVertigoError(error) || error.code !== 'SNAPSHOT_FILE_EXISTS' || attempt === attemptsMax)
        throw error
    }
  }
}

/** undefined: nobody has said that it is theirs. Errors: those of the storage. */
export async function readOwner(
  storage: SnapshotStorage,
  network: string,
  options: CallOptions = {},
): Promise<StorageOwner | undefined> {
  const name = nameOf(network)
  const pieces: Uint8Array[] = []
  try {
    for await (const piece of storage.get(name, options)) pieces.push(piece)
  } catch (error) {
    if (!isVertigoError(error)) throw error
    if (error.code === 'SNAPSHOT_FILE_MISSING') return undefined
    throw error.code === 'SNAPSHOT_FILE_DAMAGED' ? unreadable(name, error.message, error) : error
  }
  const read = parsed(Buffer.concat(pieces).toString())
  if (read !== undefined) return read
  throw unreadable(name, `The file ${name} in ${storage.about} does not say whose it is.`)
}

/** Nobody knows whether another cluster is the owner (OW-1); somebody who does can delete the file. */
function unreadable(name: string, message: string, cause?: VertigoError): VertigoError {
  return new VertigoError('SNAPSHOT_FILE_DAMAGED', message, {
    remedy: `Where no other cluster keeps snapshots of this network there, delete the file \`${name}\`: it is written anew.`,
    cause,
  })
}

function nameOf(network: string): string {
  return `${networkPrefix(network)}owner`
}

function parsed(text: string): StorageOwner | undefined {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    return undefined
  }
  const isOwner =
    isRecord(read) && ['cluster', 'incarnation', 'token'].every((field) => typeof read[field] === 'string')
  return isOwner ? (read as StorageOwner) : undefined
}

function taken(about: string, network: string, { cluster }: StorageOwner): VertigoError {
  return new VertigoError(
    'SNAPSHOT_STORAGE_TAKEN',
    `In ${about} are the snapshots of a network "${network}" of another cluster, "${cluster}".`,
  )
}
