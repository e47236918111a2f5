/**
 * Where the files of snapshots are kept: whole objects under names, in a folder or an object storage. This is the interface; it
 * knows nothing of what the objects mean.
 *
 * - SS-1 An object appears under its name whole and durable, or not at all; so it is replaced. What is left of an attempt that
 *   failed is never seen.
 * - SS-2 Each object carries checksums, its length and its name (`object-format.ts`). What is given was verified before; where it
 *   ends early, was changed, or belongs under another name, reading rejects with SNAPSHOT_FILE_DAMAGED.
 * - SS-3 With `ifAbsent` an object that is there is never replaced, whoever else puts it at the same time.
 * - SS-4 Listing is in the order of the names, by pages; it shows what was put before it began, and not deleted.
 * - SS-5 Every call ends: with the signal's reason, or with SNAPSHOT_STORAGE_UNREACHABLE after `timeoutMs`; but for a file system that
 *   does not answer at all.
 *
 * Errors: SNAPSHOT_STORAGE_UNWRITABLE, SNAPSHOT_STORAGE_FULL, SNAPSHOT_STORAGE_UNREACHABLE, SNAPSHOT_STORAGE_REFUSED,
 * SNAPSHOT_STORAGE_NOT_FOUND, SNAPSHOT_FILE_MISSING, SNAPSHOT_FILE_EXISTS, SNAPSHOT_FILE_DAMAGED, SNAPSHOT_FORMAT_NEWER.
 */
export interface SnapshotStorage {
  /** As people know it: a path, or the address of a bucket. */
  readonly about: string
  /** Whether all machines see the same. Of a folder its user has to say so. */
  readonly place: 'local' | 'shared'
  /** Whether a look costs next to nothing: each snapshot then looks whether the storage is still the one that it was. Default false. */
  readonly isNear?: boolean
  /** Writes an object of any length; the content is taken as fast as it can be written. */
  put(name: string, content: Content, options?: PutOptions): Promise<StoredObject>
  /** The content, verified piece by piece. What comes last says whether it was whole: read to the end. */
  get(name: string, options?: GetOptions): AsyncIterable<Uint8Array>
  /** Objects whose names begin with `prefix`, in order, behind the name `after`. */
  page(prefix: string, options?: PageOptions): Promise<Page>
  /** Harmless where there is none. */
  delete(names: readonly string[], options?: CallOptions): Promise<void>
  close(): Promise<void>
}

export type Content = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

export interface CallOptions {
  readonly signal?: AbortSignal
  /** For the whole call. Default 10 minutes, the time that a snapshot may take. */
  readonly timeoutMs?: number
}

export interface PutOptions extends CallOptions {
  /** Rejects with SNAPSHOT_FILE_EXISTS where the name is taken. Default false: it is replaced. */
  readonly ifAbsent?: boolean
}

export interface GetOptions extends CallOptions {
  /** What was put, as it was noted: another object under the name is SNAPSHOT_FILE_DAMAGED, though it is whole. */
  readonly expected?: StoredObject
}

export interface PageOptions extends CallOptions {
  readonly after?: string
  /** Default and at most 1000. */
  readonly countMax?: number
}

/** What was put, to be noted where the object is referred to. */
export interface StoredObject {
  /** Of the content. */
  readonly bytes: number
  /** CRC-32 of the content. */
  readonly checksum: number
}

export interface Page {
  readonly names: readonly string[]
  /** Whether there may be more behind the last one. */
  readonly more: boolean
}

export const pageCountMax = 1000
/** Longest name. */
export const nameBytesMax = 512

/**
 * What a backend does: bytes under names, as they are. Names were checked: parts of letters, digits, `.`, `_` and `-`, between
 * slashes, none of which begins with a dot. A signal is always given; a backend ends soon after it is aborted.
 */
export interface StorageBackend {
  readonly about: string
  readonly place: 'local' | 'shared'
  readonly isNear?: boolean
  write(name: string, content: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<void>
  read(name: string, signal: AbortSignal): AsyncIterable<Uint8Array>
  page(prefix: string, after: string, countMax: number, signal: AbortSignal): Promise<Page>
  delete(name: string, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export interface WriteOptions {
  readonly ifAbsent: boolean
  readonly signal: AbortSignal
}
