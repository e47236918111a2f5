/**
 * Partial files: what a run writes until it ends well.
 *
 * - PF-1 The name says whose it is: `<target>.<pid>.partial`, and `<target>.<pid>-2.partial` and so on where that is taken.
 *   So nothing has to be locked, and nothing to be unlocked after a kill: a name counts while its process holds the file open.
 * - PF-2 Who writes a target creates its own file first and looks for others then. So of two that begin at the same time
 *   at least one sees the other; where each does, both are refused.
 *
 * What other machines, or containers with processes of their own, write to a shared folder is not seen, nor what is written to
 * a folder that one may not look into.
 */
import { type FileHandle, constants, copyFile, open, readdir, readlink, realpath, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Highest number of partial files that one process may leave of one target. */
const partialsMax = 1000

/** Creates a partial file; `copy` fills it with what the target holds. */
export async function openPartial(
  target: string,
  mode: number | undefined,
  copy: boolean,
): Promise<{ readonly handle: FileHandle; readonly path: string }> {
  for (let n = 1; ; n++) {
    const path = `${target}.${process.pid}${n === 1 ? '' : `-${n}`}.partial`
    try {
      if (!copy)
        return { handle: await open(path, 'ax', mode === undefined ? undefined : mode & 0o777), path }
      await copyFile(target, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
      return { handle: await open(path, 'a'), path }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST' && n < partialsMax) continue
      if (copy && (error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(path, { force: true })
      throw error
    }
  }
}

export interface Writer {
  readonly pid: number
  /** Its partial file. */
  readonly path: string
}

/** Who else writes to a target, as far as this machine can tell; `own` is the partial file of who asks. */
export async function writerOf(target: string, own: string): Promise<Writer | undefined> {
  const folder = dirname(target)
  const start = `${basename(target)}.`
  for (const name of await namesIn(folder)) {
    if (!name.startsWith(start) || name === basename(own)) continue
    const pid = /^(\d+)(?:-\d+)?\.partial$/.exec(name.slice(start.length))?.[1]
    if (pid === undefined) continue
    const path = join(folder, name)
    if (await isHeld(path, Number(pid))) return { pid: Number(pid), path }
  }
  return undefined
}

/** None where one may write and not look, as in the incoming folder of a server: that is no reason not to write. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'EPERM') return []
    throw error
  }
}

/**
 * Whether a process has a file open. It may be another process with the number of one that is gone, or a file that was left
 * by this one: where the system does not show what a process has open, one that lives counts as the writer.
 */
async function isHeld(path: string, pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false
  const real = await realpath(path).catch(() => undefined)
  // It became the target, or was removed, meanwhile.
  if (real === undefined) return false
  let open: string[]
  try {
    open = await readdir(`/proc/${pid}/fd`)
  } catch {
    return isAlive(pid)
  }
  const files = await Promise.all(open.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => undefined)))
  return files.includes(real)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It lives, and is somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
