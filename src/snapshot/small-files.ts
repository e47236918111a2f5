import { Buffer } from 'node:buffer'
import { VertigoError } from '../base/errors.ts'
import type { FileReference, SnapshotManifest } from './manifest.ts'
import type { CallOptions, SnapshotStorage, StoredObject } from './storage/storage.ts'

/**
 * Files of parts: in the storage, or in the manifest where they are small. Most are: positions, what a sink has prepared, what has changed of
 * a few keys since the last snapshot. Each object of a storage costs it several calls and a wait for the disk, for a hundred bytes as for a
 * million; those of a snapshot are written at the same moment, by all threads of all nodes. (The idea is the data inline threshold of Flink;
 * ADR 0028.)
 *
 * - SM-1 What is in a manifest has a name all the same, and is referred to by later snapshots as files are: each of their manifests has its
 *   content. So a manifest needs no other one.
 * - SM-2 The files of one instance that are in a manifest have at most `inlineBytesMax` bytes together. What does not fit is stored. Where that becomes less, what
 *   is too much is merged into a file that is stored, beside the next snapshots; of instances that have finished it stays.
 * - SM-3 As long as a node is a member that does not know such manifests (`inlineProtocol`), nothing goes into one.
 */

/** Of all files that are in one manifest, whatever the instances: a manager reads and writes it whole. */
export const manifestInlineBytesMax = 512 * 1024
/** Of one instance, where the network does not say. Base64 makes a third more of it. */
export const defaultInlineBytesMax = 16 * 1024

/** SM-2, where there are so many instances. */
export function inlineBytesMaxOf(instances: number, wanted = defaultInlineBytesMax): number {
  return Math.min(wanted, Math.floor(manifestInlineBytesMax / Math.max(1, instances)))
}

export interface SmallFileOptions extends CallOptions {
  /** A content of at most so many bytes goes into the manifest. */
  readonly inlineBytesMax: number
}

/** Errors: those of the content, and of the storage where it is needed. */
export async function putFile(
  storage: () => Promise<SnapshotStorage>,
  name: string,
  content: AsyncIterable<Uint8Array>,
  { inlineBytesMax, ...options }: SmallFileOptions,
): Promise<StoredObject & Pick<FileReference, 'inline'>> {
  const small = await takeSmall(content, inlineBytesMax)
  options.signal?.throwIfAborted()
  if (!Buffer.isBuffer(small)) {
    const opened = await storage().catch(async (error: unknown) => {
      await content[Symbol.asyncIterator]().return?.()
      throw error
    })
    return opened.put(name, small, { ...options, ifAbsent: true })
  }
  return { bytes: small.length, checksum: await checksumOf(small), inline: small.toString('base64') }
}

/** The content of a file, verified. Errors: those of the storage, SNAPSHOT_FILE_DAMAGED. */
export async function* getFile(
  storage: SnapshotStorage,
  { name, bytes, checksum, inline }: FileReference,
  options: CallOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  if (inline === undefined) {
    yield* storage.get(name, { ...options, expected: { bytes, checksum } })
    return
  }
  const content = Buffer.from(inline, 'base64')
  if (content.length !== bytes || (await checksumOf(content)) !== checksum)
    throw new VertigoError(
      'SNAPSHOT_FILE_DAMAGED',
      `The file ${name}, which is in the manifest of its snapshot, is not what was written.`,
    )
  yield content
}

/** For whoever keeps many of them, to know what they refer to. */
export function withoutContents(manifest: SnapshotManifest): SnapshotManifest {
  const bare = ({ inline: _, ...file }: FileReference): FileReference => file
  const instances = manifest.instances.map((part) => ({ ...part, files: part.files.map(bare) }))
  return { ...manifest, instances }
}

/** Bytes of the files that are in the manifest. */
export function inlineBytes(files: readonly FileReference[]): number {
  return files.reduce((sum, { bytes, inline }) => (inline === undefined ? sum : sum + bytes), 0)
}

/** Loaded when it is needed: a worker that takes no snapshots begins without it. */
async function checksumOf(content: Buffer): Promise<number> {
  const { crc32 } = await import('node:zlib')
  return crc32(content)
}

/** The whole content where it is small; else what there is of it, to be gone on with. */
async function takeSmall(
  content: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<Buffer | AsyncIterable<Uint8Array>> {
  if (bytesMax <= 0) return content
  const pieces = content[Symbol.asyncIterator]()
  const taken: Uint8Array[] = []
  for (let bytes = 0; bytes <= bytesMax;) {
    const next = await pieces.next()
    if (next.done === true) return Buffer.concat(taken)
    taken.push(next.value)
    bytes += next.value.length
  }
  return goneOnWith(taken, pieces)
}

async function* goneOnWith(
  taken: readonly Uint8Array[],
  pieces: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* taken
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) yield next.value
  } finally {
    await pieces.return?.()
  }
}
