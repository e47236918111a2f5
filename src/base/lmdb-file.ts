import { Buffer } from 'node:buffer'
import { fstatSync, readSync, writeSync } from 'node:fs'

/** The data file of a database of LMDB, as it can be seen beside LMDB. */

const lmdbMagic = 0xbeefc0de
/** Where a page that describes the database has what, in LMDB's data version 2. */
const metaOffsets = {
  magic: 24,
  version: 28,
  pageBytes: 48,
  freeRoot: 88,
  mainRoot: 136,
  lastPage: 144,
  transaction: 152,
}
/** Of such a page. */
const metaBytes = 256
/** Both pages that describe the database, whatever the size of its pages. */
export const headBytes = 65_536 + metaBytes

/** Up to the last page that was ever taken; the last ones may never have been written. */
export function neededBytes(head: Buffer): number {
  const pageBytes = head.readUInt32LE(metaOffsets.pageBytes)
  return (Number(newestMeta(head, pageBytes).readBigUInt64LE(metaOffsets.lastPage)) + 1) * pageBytes
}

function newestMeta(head: Buffer, pageBytes: number): Buffer {
  const metas = [head, head.subarray(pageBytes)] as const
  const [first, second] = metas.map((meta) => meta.readBigUInt64LE(metaOffsets.transaction))
  return second! > first! ? metas[1] : metas[0]
}

/** What is wrong with a data file that begins with `head`; undefined where it can be opened. */
export function dataFileFault(head: Buffer, fileBytes: number): string | undefined {
  if (head.length < metaBytes || head.readUInt32LE(metaOffsets.magic) !== lmdbMagic)
    return 'it is no database of LMDB'
  const pageBytes = head.readUInt32LE(metaOffsets.pageBytes)
  if (pageBytes < 512 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0)
    return 'the size of its pages makes no sense'
  if (head.length < pageBytes + metaBytes) return 'it ends behind its head'
  const metas = [head.subarray(0), head.subarray(pageBytes)]
  if (metas.some((meta) => meta.readUInt32LE(metaOffsets.magic) !== lmdbMagic))
    return 'its second head is damaged'
  const newest = newestMeta(head, pageBytes)
  for (const offset of [metaOffsets.freeRoot, metaOffsets.mainRoot]) {
    const root = newest.readBigUInt64LE(offset)
    const isEmpty = root === 0xffff_ffff_ffff_ffffn
    if (!isEmpty && (root + 1n) * BigInt(pageBytes) > BigInt(fileBytes)) return 'it was cut off'
  }
  return undefined
}

/**
 * Room in the file behind the last page that LMDB has ever used. LMDB does not survive a disk that refuses what it writes: its binding
 * writes the message behind the memory that it has for it, which may end the process (SIGABRT). So whoever is about to let it write looks first that
 * the file has room for that, and writes a byte of it: a disk that is full, or read-only, is noticed by a call that may fail. Nobody reads there.
 *
 * To be called by who may write to the database, and while nobody else does.
 */
export class DataRoom {
  private readonly fd: number
  private readonly head = Buffer.alloc(headBytes)
  private pageBytes: number | undefined

  /** `fd`: of the file, open for reading and writing. */
  constructor(fd: number) {
    this.fd = fd
  }

  /**
   * Bytes up to the last page that was used, and of the file, when it has so many more and a byte of them was written. Errors: those of the file
   * system; ENOSPC where it has not.
   */
  ensure(need: number): { readonly used: number; readonly size: number } {
    this.readHeads()
    const used = neededBytes(this.head)
    const size = this.grow(used + need)
    if (size - used < need) throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' })
    this.probe(size)
    return { used, size }
  }

  /** Writes the last byte of the file, which has so many. Errors: those of the file system. */
  probe(size: number): void {
    writeSync(this.fd, zeros, 0, 1, size - 1)
  }

  /** Where the second one is, the first one says once and for all. */
  private readHeads(): void {
    const { fd, head, pageBytes } = this
    if (pageBytes === undefined) {
      readSync(fd, head, 0, headBytes, 0)
      this.pageBytes = head.readUInt32LE(metaOffsets.pageBytes)
      return
    }
    for (const at of [0, pageBytes]) readSync(fd, head, at, metaBytes, at)
  }

  /**
   * The size of the file: at least `to`, where the disk has room for that. Errors: those of the file system, but that there is no room.
   */
  grow(to: number): number {
    let { size } = fstatSync(this.fd)
    if (size >= to) return size
    const end = to + stepBytes
    try {
      while (size < end) size += writeSync(this.fd, zeros, 0, Math.min(zeros.length, end - size), size)
    } catch (error) {
      if (!isDiskFull(error)) throw error
    }
    return size
  }
}

/** The file grows by so much at a time. */
const stepBytes = 512 * 1024
const zeros = Buffer.alloc(64 * 1024)
const fullCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Whether an error of the file system says that there is no room. */
export function isDiskFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code !== undefined && fullCodes.has(code)
}
