import { Buffer } from 'node:buffer'
import { execFile } from 'node:child_process'
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { promisify } from 'node:util'

/**
 * Who holds the locks of a database. LMDB keeps robust mutexes of the C library in the head of its lock file; the kernel
 * wants the number of the thread that holds one in its first word, so it can be read there.
 *
 * - LF-1 A process that has the database open never opens the lock file: closing it would let go of the locks by which
 *   LMDB knows that others are there (POSIX drops a process's locks with any of its descriptors of the file). It reads its
 *   own memory instead, in which the file is mapped.
 * - LF-2 A process that is about to open the database opens the lock file only in its main thread, under its claim to open,
 *   and while no other thread of it is noted as one that has the database open or is about to. A thread that notes itself
 *   later sees that claim, and waits for its end before it opens the database.
 */

/** Mutexes stand in the first few cache lines; the table of readers comes behind. */
export const lockHeadBytes = 192
const threadMask = 0x3fff_ffff
/** Of `__kind` in glibc's `pthread_mutex_t`: robust, and shared between processes. */
const robustShared = 0x90

/** Threads that hold one of the mutexes in the head of a lock file, as glibc lays them out for 64 bits. */
export function holdersIn(head: Buffer): number[] {
  const holders: number[] = []
  for (let at = 0; at + 20 <= head.length; at += 8) {
    const thread = head.readUInt32LE(at) & threadMask
    const owner = head.readUInt32LE(at + 8)
    const kind = head.readUInt32LE(at + 16)
    if (thread !== 0 && thread === owner && (kind & robustShared) === robustShared) holders.push(thread)
  }
  return holders
}

/** Where LMDB keeps the number of the last commit. */
const commitOffset = 8

/** Whose turn it is: changes when another thread holds a lock, and with each commit. undefined where nobody holds any. */
export function turnOf(head: Buffer): string | undefined {
  const holders = holdersIn(head)
  return holders.length === 0 ? undefined : `${holders.join()} ${head.readBigUInt64LE(commitOffset)}`
}

/** Where a file is mapped, from the text of /proc/self/maps. */
export function mappingOf(file: string, maps: string): number | undefined {
  for (const line of maps.split('\n')) {
    // address, permissions, offset, device, inode, path
    const fields = line.split(/\s+/)
    if (fields[2] === undefined || Number.parseInt(fields[2], 16) !== 0) continue
    if (fields.slice(5).join(' ') === file) return Number.parseInt(line, 16)
  }
  return undefined
}

/** The head of a lock file that this process has mapped; undefined where it has not. */
export function readMappedHead(file: string): Buffer | undefined {
  const address = mappingOf(file, readFileSync('/proc/self/maps', 'utf8'))
  if (address === undefined) return undefined
  const head = Buffer.alloc(lockHeadBytes)
  const memory = openSync('/proc/self/mem', 'r')
  try {
    readSync(memory, head, 0, lockHeadBytes, address)
  } finally {
    closeSync(memory)
  }
  return head
}

/** For a process that is about to open the database (LF-2). */
export function readHeadHere(file: string): Buffer {
  const head = Buffer.alloc(lockHeadBytes)
  let fd: number
  try {
    fd = openSync(file, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
  try {
    return head.subarray(0, readSync(fd, head, 0, lockHeadBytes, 0))
  } finally {
    closeSync(fd)
  }
}

const script = `const fs = require('node:fs')
const head = Buffer.alloc(Number(process.argv[2]))
fs.readSync(fs.openSync(process.argv[1], 'r'), head)
process.stdout.write(head)`
const run = promisify(execFile)

/** The same by another process, for a thread that must not do it itself. Takes some milliseconds at best. */
export async function readHeadElsewhere(file: string): Promise<Buffer> {
  const options = { timeout: 5_000, encoding: 'buffer' } as const
  try {
    return (await run('head', ['-c', String(lockHeadBytes), file], options)).stdout
  } catch (error) {
    // There is no such program; Node is there for certain, but takes long to start.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return (await run(process.execPath, ['-e', script, file, String(lockHeadBytes)], options)).stdout
  }
}
