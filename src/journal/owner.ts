import { Buffer } from 'node:buffer'
import { readFileSync, readlinkSync } from 'node:fs'
import { link, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { VertigoError } from '../base/errors.ts'
import { readStatus } from '../base/process-status.ts'
import { ownerFile, sortNames, temporaryFile } from './names.ts'

/**
 * Who writes a journal. An owner makes a file named by its epoch, by a link that fails where the file exists; the highest epoch
 * owns the journal. Taking over means to remove the file of the one before.
 *
 * - OW-1 An owner acknowledges only what was durable before it saw that its own file is still there. The one that takes over
 *   removes that file first, and looks at what is written then. So what was acknowledged is seen, and what is not seen is never
 *   acknowledged.
 * - OW-2 The file of the highest epoch is never removed: when its owner closes, it is emptied. So no epoch is used twice.
 * - OW-3 Only an older generation, or who is no more, is taken over.
 * - OW-4 A file is durable before it has its name, and begins with a checksum. One that is neither empty nor whole is damaged, and
 *   says nothing of who may be there: nobody takes over by it.
 */

interface Holder {
  readonly generation: number
  readonly pid: number
  /** Of the kernel, where there is `/proc`: workers are threads, and may end alone. */
  readonly thread: number
  readonly startTicks: string
  readonly boot: string
  readonly namespace: string
}

const attemptsMax = 100
/** In front of what it says: of the checksum, and of the line that it is alone on. */
const headBytes = 9

export class Owner {
  readonly epoch: number
  readonly #path: string

  constructor(folder: string, epoch: number) {
    this.epoch = epoch
    this.#path = join(folder, ownerFile(epoch))
  }

  async isHeld(): Promise<boolean> {
    try {
      await stat(this.#path)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
  }

  async release(): Promise<void> {
    try {
      // Never made anew: it is gone where somebody has taken over.
      const file = await open(this.#path, 'r+')
      try {
        await file.truncate(0)
      } finally {
        await file.close()
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}

/** Becomes the owner; throws JOURNAL_SEALED, JOURNAL_IN_USE. `tag`: of no one else. */
export async function takeOver(folder: string, generation: number, tag: string): Promise<Owner> {
  const temporary = join(folder, temporaryFile('owner', tag))
  const content = encodeHolder(ownHolder(generation))
  try {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const before = sortNames(await readdir(folder))
      const highest = before.owners.at(-1) ?? 0
      await checkHolder(folder, highest, generation)
      const epoch = Math.max(highest, ...before.segments.map((segment) => segment.epoch)) + 1
      if (!(await makeOwnerFile(folder, temporary, content, epoch))) continue
      const { owners } = sortNames(await readdir(folder))
      if (owners.at(-1) === epoch) {
        for (const older of owners)
          if (older < epoch) await rm(join(folder, ownerFile(older)), { force: true })
        return new Owner(folder, epoch)
      }
      // Others came and went between the two looks.
      await rm(join(folder, ownerFile(epoch)), { force: true })
    }
    throw new VertigoError('JOURNAL_IN_USE', `Others keep taking the journal in ${folder} over.`)
  } finally {
    await rm(temporary, { force: true })
  }
}

/** False where another one was faster. */
async function makeOwnerFile(
  folder: string,
  temporary: string,
  content: Buffer,
  epoch: number,
): Promise<boolean> {
  const file = await open(temporary, 'w')
  try {
    await file.writeFile(content)
    await file.datasync()
  } finally {
    await file.close()
  }
  try {
    await link(temporary, join(folder, ownerFile(epoch)))
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // An owner that cleans up may have removed the temporary file.
    if (code === 'EEXIST' || code === 'ENOENT') return false
    throw error
  }
}

async function checkHolder(folder: string, epoch: number, generation: number): Promise<void> {
  const holder = epoch === 0 ? undefined : await readHolder(folder, epoch)
  if (holder === undefined) return
  if (holder.generation > generation) throw sealed(folder, generation, holder.generation)
  if (holder.generation === generation && isThere(holder))
    throw new VertigoError(
      'JOURNAL_IN_USE',
      `The journal in ${folder} is being written by process ${holder.pid}, in the same generation ${generation}.`,
      isSeen(holder)
        ? {}
        : {
            remedy: `That process runs in another container. Where it is certain that it has ended, delete ${join(folder, ownerFile(epoch))}.`,
          },
    )
}

export function sealed(folder: string, generation: number, newer?: number): VertigoError {
  const by = newer === undefined ? 'another owner' : `generation ${newer}`
  return new VertigoError(
    'JOURNAL_SEALED',
    `The journal in ${folder} was taken over by ${by}; generation ${generation} may not write to it.`,
  )
}

/** undefined: its owner has closed, or it has just been taken over. */
async function readHolder(folder: string, epoch: number): Promise<Holder | undefined> {
  const path = join(folder, ownerFile(epoch))
  let content: Buffer
  try {
    content = await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  if (content.length === 0) return undefined
  const said = content.subarray(headBytes)
  if (!content.subarray(0, headBytes).equals(headOf(said)))
    throw new VertigoError(
      'JOURNAL_CORRUPT',
      `The journal in ${folder} is damaged: ${path}, which says who writes it, is not as it was written.`,
      { remedy: `Where it is certain that nobody writes this journal, delete ${path}: no message is in it.` },
    )
  return JSON.parse(said.toString()) as Holder
}

function encodeHolder(holder: Holder): Buffer {
  const said = Buffer.from(JSON.stringify(holder))
  return Buffer.concat([headOf(said), said])
}

function headOf(said: Buffer): Buffer {
  return Buffer.from(`${crc32(said).toString(16).padStart(8, '0')}\n`)
}

const hasProc = process.platform === 'linux'

function ownHolder(generation: number): Holder {
  const { pid } = process
  if (!hasProc) return { generation, pid, thread: pid, startTicks: '', boot: '', namespace: '' }
  // `<process>/task/<thread>`
  const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
  const startTicks = readStatus(thread)?.startTicks ?? ''
  return { generation, pid, thread, startTicks, boot: bootId(), namespace: processNamespace() }
}

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
const processNamespace = (): string => readlinkSync('/proc/self/ns/pid')

/** Numbers of another namespace mean nothing here. */
function isSeen(holder: Holder): boolean {
  return !hasProc || holder.boot !== bootId() || holder.namespace === processNamespace()
}

function isThere(holder: Holder): boolean {
  if (!hasProc) return exists(holder.pid)
  if (holder.boot !== bootId()) return false
  if (!isSeen(holder)) return true
  const status = readStatus(holder.thread)
  // One that has ended and was not asked for its result yet.
  return status?.startTicks === holder.startTicks && status.state !== 'Z' && status.state !== 'X'
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
