import { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type * as Lmdb from 'lmdb'
import type { Database, RootDatabase } from 'lmdb'
import type { Clock } from '../../base/clock.ts'
import { checkDataFile, prepareFolder } from './folder.ts'
import { holdersIn, readMappedHead } from './lock-file.ts'
import { LockWait } from './lock-wait.ts'
import { openPatienceMs, waitForTurn } from './open-turn.ts'
import { placeError, unfit } from './place.ts'
import { probeDatabase } from './probe.ts'
import { ProcessList } from './processes.ts'
import { StoppedHolderWatch } from './stopped-holder.ts'

/** Bytes to bytes, in the order of bytes. */
export type Bytes = Database<Buffer, Buffer>

/**
 * One open database, shared by all stores of this thread that are over it: opening takes the lock of writers, which a
 * transaction of this same thread may hold while it waits for the thread.
 */
export interface Environment {
  readonly folder: string
  readonly processes: ProcessList
  readonly root: RootDatabase<Buffer, Buffer>
  readonly meta: Bytes
  readonly keys: Bytes
  readonly history: Bytes
  readonly leases: Bytes
  readonly leaseKeys: Bytes
  readonly expiries: Bytes
  /** The head of the lock file, where it says who holds its locks. */
  lockHead(this: void): Buffer
  /** Whoever opened it gives it back; the last one closes it. */
  release(): Promise<void>
}

interface Shared {
  readonly opening: Promise<Environment>
  users: number
}

const open = new Map<string, Shared>()
/** Environments that are being closed: opening one again waits for that. */
const closing = new Map<string, Promise<void>>()

/** Virtual memory. LMDB takes more where this is not enough; to start with plenty means that it seldom does. */
const mapBytes = 4 * 1024 ** 3
const databasesMax = 12
/** Each process has one or two; LMDB's own default is 126. */
const readersMax = 1024
export const openTimeoutMsDefault = 5_000

export async function acquireEnvironment(
  path: string,
  clock: Clock,
  openTimeoutMs = openTimeoutMsDefault,
): Promise<Environment> {
  const folder = prepareFolder(path)
  while (closing.has(folder)) await closing.get(folder)
  let shared = open.get(folder)
  if (shared === undefined) {
    shared = { opening: openEnvironment(folder, clock, openTimeoutMs), users: 0 }
    open.set(folder, shared)
  }
  shared.users++
  try {
    return await shared.opening
  } catch (error) {
    if (open.get(folder) === shared) open.delete(folder)
    throw error
  }
}

async function openEnvironment(folder: string, clock: Clock, openTimeoutMs: number): Promise<Environment> {
  const lmdb = await import('lmdb').catch((error: unknown) => {
    throw unfit('The embedded store does not run on this platform: LMDB cannot be loaded.', error)
  })
  const processes = new ProcessList(folder)
  processes.enter()
  try {
    await waitForTurn(folder, processes, clock, openTimeoutMs)
    if (checkDataFile(join(folder, 'data.mdb')).isShort) {
      await probeDatabase(folder)
      // That took its time.
      await waitForTurn(folder, processes, clock, openTimeoutMs)
    }
    return await openDatabases(lmdb, folder, processes, clock)
  } catch (error) {
    processes.leave()
    throw placeError(folder, error)
  }
}

async function openDatabases(
  lmdb: typeof Lmdb,
  folder: string,
  processes: ProcessList,
  clock: Clock,
): Promise<Environment> {
  const root = lmdb.open<Buffer, Buffer>({
    path: folder,
    noSubdir: false,
    // A commit is synced before anybody sees it.
    overlappingSync: false,
    // What this makes, nobody could catch when a commit fails. Calls are gathered in batches before they come here.
    eventTurnBatching: false,
    mapSize: mapBytes,
    maxDbs: databasesMax,
    maxReaders: readersMax,
    encoding: 'binary',
    keyEncoding: 'binary',
  })
  const named = (name: string): Bytes => root.openDB({ name, encoding: 'binary', keyEncoding: 'binary' })
  const lockFile = join(folder, 'lock.mdb')
  const lockHead = (): Buffer => readMappedHead(lockFile) ?? Buffer.alloc(0)
  try {
    const databases = {
      meta: named('meta'),
      keys: named('keys'),
      history: named('history'),
      leases: named('leases'),
      leaseKeys: named('lease-keys'),
      expiries: named('expiries'),
    }
    const wait = new LockWait({
      watch: new StoppedHolderWatch(processes, clock),
      clock,
      lockHead,
      patienceMs: () => openPatienceMs,
    })
    wait.begin()
    await checkLocks(root, lockHead).finally(() => wait.end())
    return {
      folder,
      processes,
      root,
      ...databases,
      lockHead,
      release: () => release(folder, root, processes),
    }
  } catch (error) {
    await root.close()
    throw error
  }
}

/** The locks have to be such that it can be seen who holds them; then they are robust as well. */
async function checkLocks(root: RootDatabase<Buffer, Buffer>, lockHead: () => Buffer): Promise<void> {
  const isSeen = await root.transaction(() => {
    const holders = holdersIn(lockHead())
    return holders.some((thread) => isOwnThread(thread))
  })
  if (!isSeen) throw unfit('The locks of this platform do not outlast the process that dies with them.')
}

function isOwnThread(thread: number): boolean {
  try {
    return readFileSync(`/proc/self/task/${thread}/stat`).length > 0
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

async function release(
  folder: string,
  root: RootDatabase<Buffer, Buffer>,
  processes: ProcessList,
): Promise<void> {
  const shared = open.get(folder)!
  shared.users--
  if (shared.users > 0) return
  open.delete(folder)
  const closed = root.close().finally(() => {
    processes.leave()
    closing.delete(folder)
  })
  closing.set(folder, closed)
  await closed
}
