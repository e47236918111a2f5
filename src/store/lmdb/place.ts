import { readFileSync, statfsSync, unlinkSync } from 'node:fs'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import { isDiskFull } from '../../base/lmdb-file.ts'

/**
 * Where an embedded store can be kept. LMDB shares memory and locks between processes through its files; a file system that
 * lies on another machine, or in another kernel, does not keep that up.
 */

/** Types of `statfs` (statfs(2), linux/magic.h) that are no disk of this machine. */
const remoteTypes: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9P'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x564c, 'NCP'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x7461636f, 'OCFS2'],
  [0x01161970, 'GFS2'],
  [0x786f4256, 'a shared folder of VirtualBox'],
  [0xbacbacbc, 'a shared folder of VMware'],
  [0x7c7c6673, 'a shared folder of Parallels'],
])
const fuseType = 0x65735546
/** File systems over FUSE that lie on a disk of this machine and share memory between its processes. */
const localFuse: ReadonlySet<string> = new Set(['fuseblk', 'fuse.fuse-overlayfs', 'fuse.ntfs-3g'])

/** What a file system is called where a store cannot be kept in it. `mountType`: as /proc/self/mountinfo has it. */
export function unfitFileSystem(statfsType: number, mountType: string | undefined): string | undefined {
  const type = statfsType >>> 0
  if (type !== fuseType) return remoteTypes.get(type)
  return mountType !== undefined && localFuse.has(mountType) ? undefined : (mountType ?? 'FUSE')
}

/** The type of the file system that holds `path`, from the text of /proc/self/mountinfo: the last and longest mount counts. */
export function mountTypeOf(path: string, mountinfo: string): string | undefined {
  let found: { readonly point: string; readonly type: string | undefined } | undefined
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ')
    const point = before
      ?.split(' ')[4]
      ?.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)))
    if (point === undefined || after === undefined) continue
    const holds = point === '/' || path === point || path.startsWith(`${point}/`)
    if (holds && point.length >= (found?.point.length ?? 0)) found = { point, type: after.split(' ')[0] }
  }
  return found?.type
}

/** Throws `STORE_PLACE_UNFIT` where the file system of a folder, or the platform, cannot hold a store. */
export function checkPlace(folder: string): void {
  if (process.platform !== 'linux')
    throw unfit(`On ${process.platform}, locks do not outlast the process that dies with them.`)
  const { type } = statfsSync(folder)
  const mountType =
    type === fuseType ? mountTypeOf(folder, readFileSync('/proc/self/mountinfo', 'utf8')) : undefined
  const name = unfitFileSystem(type, mountType)
  if (name !== undefined)
    throw unfit(`The folder ${folder} lies in a file system that is not local: ${name}.`)
}

export function unfit(message: string, cause?: unknown, remedy?: string): VertigoError {
  return new VertigoError('STORE_PLACE_UNFIT', message, { cause, ...(remedy !== undefined && { remedy }) })
}

const readOnlyRemedy =
  'See in the log of the system why the file system is read-only, make it writable again, and start the node again where it has ended.'

const placeCodes: ReadonlySet<string> = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOENT',
  'ELOOP',
  'ENAMETOOLONG',
  'ENODEV',
])

/** An error of a system call on the files of a store, as what it means to who uses the store. */
export function placeError(folder: string, error: unknown): unknown {
  if (isVertigoError(error)) return error
  if (!(error instanceof Error)) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) return error
  if (placeCodes.has(code)) {
    const message = `A store cannot be kept in ${folder}: ${error.message}.`
    return unfit(message, error, code === 'EROFS' ? readOnlyRemedy : undefined)
  }
  if (isDiskFull(error))
    return new VertigoError('STORE_FULL', `There is no room for the store in ${folder}: ${error.message}.`, {
      cause: error,
    })
  if (code === 'ENOTDIR')
    return new VertigoError('STORE_FOREIGN', `${folder} is no folder.`, { cause: error })
  return error
}

/** Where there is one. `fs.rmSync` does not say what it could not do: its errors have no code. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** The same for what nobody needs to be gone: where the file system has become read-only, others see that it is of a process that is no more. */
export function removeNote(path: string): void {
  try {
    removeFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EROFS') throw error
  }
}
