import { Buffer } from 'node:buffer'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ApiClient } from '../../api/index.ts'
import { systemClock } from '../../base/clock.ts'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import { isRecord } from '../../base/values.ts'
import { type ExportedSnapshot, type SnapshotContent, storedFilesOf } from '../../cluster/client/index.ts'
import { checkSnapshotRecord } from '../../cluster/protocol/index.ts'
import { encodeManifest, type SnapshotManifest } from '../../snapshot/manifest.ts'
import type { Content, SnapshotStorage } from '../../snapshot/storage/storage.ts'
import { getManifest } from '../../snapshot/stored-manifest.ts'
import { openSnapshotStorage } from '../../stores.ts'

/**
 * A snapshot in a folder, which has all that belongs to it: the folder is a storage of snapshots as clusters use them, with the files under
 * the names that they had, and `export`, which says of which snapshot they are. That is written last: without it, the folder is no export.
 */
const headName = 'export'
const format = 1

export interface Written {
  readonly files: number
  readonly bytes: number
}

/** Errors: FOLDER_NOT_EMPTY, SNAPSHOT_FILE_DAMAGED, those of the API and of the folder. */
export async function writeExport(
  client: ApiClient,
  { snapshot, manifest }: SnapshotContent,
  folder: string,
): Promise<Written> {
  checkFree(folder)
  const storage = await openFolder(folder)
  const { isCurrent: _, ...record } = snapshot
  const network = manifest.network
  let bytes = 0
  const files = storedFilesOf(manifest)
  for (const file of files) {
    await put(storage, file, client.snapshotFile(network, String(snapshot.id), file.name))
    bytes += file.bytes
  }
  await put(storage, snapshot.manifest, encodeManifest(manifest))
  const head = { format, network, snapshot: record }
  await storage.put(headName, Buffer.from(`${JSON.stringify(head)}\n`))
  await storage.close()
  // Of the storage, for what is being written.
  rmSync(join(folder, '.incoming'), { recursive: true, force: true })
  return { files: files.length, bytes }
}

/** Nothing, or a folder without anything in it. Errors: FOLDER_NOT_EMPTY, those of the folder. */
function checkFree(folder: string): void {
  const remedy = 'Name one that is empty, or not there yet.'
  let names: readonly string[]
  try {
    names = readdirSync(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return
    if (code !== 'ENOTDIR') throw error
    const message = `${folder} is a file, or leads through one.`
    throw new VertigoError('FOLDER_NOT_EMPTY', message, { remedy, cause: error })
  }
  if (names.length > 0)
    throw new VertigoError('FOLDER_NOT_EMPTY', `The folder ${folder} is not empty.`, { remedy })
}

async function put(
  storage: SnapshotStorage,
  { name, bytes, checksum }: { readonly name: string; readonly bytes: number; readonly checksum: number },
  content: Content,
): Promise<void> {
  const stored = await storage.put(name, content)
  if (stored.bytes === bytes && stored.checksum === checksum) return
  throw new VertigoError('SNAPSHOT_FILE_DAMAGED', `What came as ${name} is not what the snapshot has.`)
}

export interface SendOptions {
  readonly network: string
  /** Where the network keeps its snapshots. Default: where the cluster does. */
  readonly storage: string | undefined
  readonly tell: (line: string) => void
}

/**
 * Sends an export to a cluster; gives the name by which it is kept there. What is there is not sent again. Errors: SNAPSHOT_EXPORT_INVALID,
 * SNAPSHOT_FOREIGN for one of another network, SNAPSHOT_FORMAT_NEWER, SNAPSHOT_FILE_DAMAGED, those of the API.
 */
export async function sendExport(
  client: ApiClient,
  folder: string,
  { network, storage, tell }: SendOptions,
): Promise<string> {
  if (!existsSync(folder))
    throw new VertigoError('SNAPSHOT_EXPORT_INVALID', `There is no folder ${folder} with an export.`)
  const from = await openFolder(folder)
  const exported = await readHead(from, folder, network)
  const { name, isPartial } = await client.importSnapshot(network, exported, storage)
  if (isPartial) {
    const files = storedFilesOf(exported.manifest)
    for (const { name: file, bytes, checksum } of files) {
      const content = from.get(file, { expected: { bytes, checksum } })
      await client.putSnapshotFile(network, name, { name: file, content })
    }
    await client.completeSnapshot(network, name)
    tell(`snapshot ${exported.snapshot.id}: ${files.length} files sent, kept as "${name}"`)
  }
  await from.close()
  return isPartial ? name : String(exported.snapshot.id)
}

async function readHead(
  storage: SnapshotStorage,
  folder: string,
  network: string,
): Promise<ExportedSnapshot> {
  const head = await textOf(storage, headName).catch((error: unknown) => {
    if (isVertigoError(error) && error.code === 'SNAPSHOT_FILE_MISSING')
      throw invalid(folder, 'it has no file `export`')
    throw error
  })
  let read: unknown
  try {
    read = JSON.parse(head)
  } catch {
    throw invalid(folder, 'its file `export` cannot be read')
  }
  if (!isRecord(read) || typeof read['format'] !== 'number')
    throw invalid(folder, 'its file `export` has no format')
  if (read['format'] > format)
    throw new VertigoError(
      'SNAPSHOT_FORMAT_NEWER',
      `The export in ${folder} has format ${read['format']}; this version knows up to ${format}.`,
    )
  if (read['network'] !== network)
    throw new VertigoError(
      'SNAPSHOT_FOREIGN',
      `The export in ${folder} is of the network "${String(read['network'])}", not of "${network}".`,
      { remedy: 'Deploy the network of that name, or export a snapshot of this one.' },
    )
  const snapshot = checkSnapshotRecord(read['snapshot'])
  const { incarnation, id } = snapshot
  const manifest: SnapshotManifest = await getManifest(storage, snapshot.manifest, {
    network,
    incarnation,
    id,
  })
  return { snapshot, manifest }
}

async function textOf(storage: SnapshotStorage, name: string): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of storage.get(name)) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

function openFolder(folder: string): Promise<SnapshotStorage> {
  return openSnapshotStorage(pathToFileURL(resolve(folder)).href, systemClock)
}

function invalid(folder: string, what: string): VertigoError {
  return new VertigoError(
    'SNAPSHOT_EXPORT_INVALID',
    `The folder ${folder} is no export of a snapshot: ${what}.`,
  )
}
