import { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type * as Lmdb from 'lmdb'
import type { Database, RootDatabase } from 'lmdb'
import type { Clock } from '../../base/clock.ts'
import { asError, VertigoError } from '../../base/errors.ts'
import { Claims } from './claims.ts'
import { DataFile } from './data-file.ts'
import { checkDataFile, prepareFolder } from './folder.ts'
import { holdersIn, readMappedHead } from './lock-file.ts'
import { LockWait } from './lock-wait.ts'
import { heldError, openPatienceMs, waitForTurn } from './open-turn.ts'
import { placeError, unfit } from './place.ts'
import { probeDatabase } from './probe.ts'
import { ProcessList } from './processes.ts'
import { Refusal } from './refusal.ts'
import { makeRoomToOpen, SpareRoom } from './spare-room.ts'
import { StoppedHolderWatch } from './stopped-holder.ts'
import { TimeLimit } from './time-limit.ts'

/** Bytes to bytes, in the order of bytes. */
export type Bytes = Database<Buffer, Buffer>

/**
 * One open database, shared by all stores of this thread that are over it: opening takes the lock of writers, which a
 * transaction of this same thread may hold while it waits for the thread.
 */
export interface Environment extends Databases {
  readonly folder: string
  readonly file: DataFile
  readonly room: SpareRoom
  readonly refusal: Refusal
  readonly processes: ProcessList
  readonly claims: Claims
  readonly root: RootDatabase<Buffer, Buffer>
  /** The head of the lock file, where it says who holds its locks. */
  lockHead(this: void): Buffer
  /** Whoever opened it gives it back; the last one closes it. */
  release(this: void): Promise<void>
}

/** What is there before the database is open. */
type Place = Pick<Environment, 'folder' | 'processes' | 'claims'>

interface Databases {
  readonly meta: Bytes
  readonly keys: Bytes
  readonly history: Bytes
  readonly leases: Bytes
  readonly leaseKeys: Bytes
  readonly expiries: Bytes
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
/** How every process opens the database, beside its path. */
export const openOptions = {
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
} as const
export const openTimeoutMsDefault = 5_000
const openPatience = { patienceMs: () => openPatienceMs }
/** A large database takes longer to read than anybody waits for a lock. */
const probeTimeoutMsDefault = 60_000

export async function acquireEnvironment(
  path: string,
  clock: Clock,
  limit = new TimeLimit(clock, openTimeoutMsDefault),
): Promise<Environment> {
  const folder = prepareFolder(path)
  for (let closed = closing.get(folder); closed !== undefined; closed = closing.get(folder))
    await limit.for(closed, () => closingError(folder, limit.timeoutMs))
  let shared = open.get(folder)
  if (shared === undefined) {
    shared = { opening: openEnvironment(folder, clock, limit), users: 0 }
    open.set(folder, shared)
  }
  shared.users++
  let environment: Environment
  try {
    environment = await shared.opening
  } catch (error) {
    if (open.get(folder) === shared) open.delete(folder)
    throw error
  }
  await checkPlace(environment)
  return environment
}

/** What this thread has open may be the one that was there before, or of no use any more. Errors: STORE_REPLACED, STORE_PLACE_UNFIT. */
async function checkPlace({ file, refusal, release }: Environment): Promise<void> {
  try {
    file.check()
    refusal.check()
  } catch (error) {
    await release()
    throw error
  }
}

function closingError(folder: string, timeoutMs: number): VertigoError {
  return new VertigoError(
    'STORE_UNREACHABLE',
    `The store in ${folder} could not be opened within ${timeoutMs} ms: this process has not finished closing it, which waits for its lock.`,
  )
}

async function openEnvironment(folder: string, clock: Clock, limit: TimeLimit): Promise<Environment> {
  const lmdb = await import('lmdb').catch((error: unknown) => {
    throw unfit('The embedded store does not run on this platform: LMDB cannot be loaded.', error)
  })
  const processes = new ProcessList(folder)
  const claims = new Claims(folder, clock)
  processes.enter()
  try {
    await claimOpening(folder, processes, claims, clock, limit)
    if (checkDataFile(join(folder, 'data.mdb')).isShort) {
      const timeoutMs = limit.isChosen ? limit.leftMs : probeTimeoutMsDefault
      await probeDatabase(folder, claims, timeoutMs)
      // That took its time.
      await claimOpening(folder, processes, claims, clock, limit.next())
    }
    return await openDatabases(lmdb, { folder, processes, claims }, clock, limit.next())
  } catch (error) {
    // What may still wait for the lock is told of as one of those who have the store open.
    if (!closing.has(folder)) processes.leave()
    throw placeError(folder, error)
  } finally {
    claims.withdraw('open')
  }
}

/** Nothing is committed from here on until the claim is withdrawn (CL-1, CL-3, CL-6). */
async function claimOpening(
  folder: string,
  processes: ProcessList,
  claims: Claims,
  clock: Clock,
  limit: TimeLimit,
): Promise<void> {
  do {
    claims.place('open')
    await waitWithClaim(folder, processes, claims, clock, limit)
  } while (!claims.stands('open'))
}

async function waitWithClaim(
  folder: string,
  processes: ProcessList,
  claims: Claims,
  clock: Clock,
  limit: TimeLimit,
): Promise<void> {
  const isOver = (): boolean => limit.leftMs === 0
  const wait = { ...openPatience, isOver }
  const closers = await claims.untilNone('close', wait)
  const openers = await claims.untilMainThreadIsDone(wait)
  const [other] = [...closers, ...openers]
  if (other !== undefined) throw notDone(folder, limit, other, closers.length > 0 ? 'closing' : 'opening')
  await waitForTurn(folder, processes, clock, limit)
}

function notDone(folder: string, limit: TimeLimit, pid: number, what: string): VertigoError {
  return new VertigoError(
    'STORE_UNREACHABLE',
    `The store in ${folder} could not be opened within ${limit.timeoutMs} ms: process ${pid} does not finish ${what} it.`,
  )
}

/** Exported for tests, which come in between. */
export async function openDatabases(
  lmdb: Pick<typeof Lmdb, 'open'>,
  place: Place,
  clock: Clock,
  limit: TimeLimit,
): Promise<Environment> {
  const { folder, processes, claims } = place
  const isOver = (): boolean => limit.leftMs === 0
  const openHere = (): RootDatabase<Buffer, Buffer> => {
    makeRoomToOpen(folder)
    return lmdb.open<Buffer, Buffer>({ path: folder, ...openOptions })
  }
  const turn = await claims.inTurn(openHere, { ...openPatience, isOver })
  if ('left' in turn) throw notDone(folder, limit, turn.left[0]!, 'opening')
  const root = turn.opened
  claims.withdraw('open')
  const lockFile = join(folder, 'lock.mdb')
  const lockHead = (): Buffer => readMappedHead(lockFile) ?? Buffer.alloc(0)
  const wait = new LockWait({
    watch: new StoppedHolderWatch(processes, clock),
    clock,
    lockHead,
    patienceMs: () => openPatienceMs,
  })
  wait.begin()
  const opening = openInTurn(root, claims, lockHead)
  try {
    const databases = await limit.for(opening, () => heldError(folder, lockHead(), limit.timeoutMs))
    const room = new SpareRoom(folder)
    const release = (): Promise<void> => releaseEnvironment(place, root, room)
    const file = new DataFile(folder)
    return { ...place, file, room, refusal: new Refusal(), root, ...databases, lockHead, release }
  } catch (error) {
    closeLater(place, opening, root)
    throw error
  } finally {
    wait.end()
  }
}

/** In one transaction, for which another thread waits: each of them would else hold up this one until it has the lock. */
async function openInTurn(
  root: RootDatabase<Buffer, Buffer>,
  claims: Claims,
  lockHead: () => Buffer,
): Promise<Databases> {
  for (;;) {
    const databases = await root.transaction(() => {
      if (claims.isOpening()) return undefined
      checkLocks(lockHead())
      return openNamed(root)
    })
    if (databases !== undefined) return databases
    await claims.untilNone('open', openPatience)
  }
}

function openNamed(root: RootDatabase<Buffer, Buffer>): Databases {
  const named = (name: string): Bytes => root.openDB({ name, encoding: 'binary', keyEncoding: 'binary' })
  return {
    meta: named('meta'),
    keys: named('keys'),
    history: named('history'),
    leases: named('leases'),
    leaseKeys: named('lease-keys'),
    expiries: named('expiries'),
  }
}

/** Nobody waits for it but who opens the folder again: what still waits for the lock cannot be called off. */
function closeLater(place: Place, opening: Promise<unknown>, root: RootDatabase<Buffer, Buffer>): void {
  const closed = opening.then(
    () => closeDatabase(place, root),
    () => closeDatabase(place, root),
  )
  closing.set(place.folder, closed)
  closed.catch((error: unknown) => process.emitWarning(asError(error)))
}

async function closeDatabase(
  { folder, processes, claims }: Place,
  root: RootDatabase<Buffer, Buffer>,
): Promise<void> {
  try {
    await claims.whileNobodyOpens(() => root.close(), openPatience)
  } finally {
    processes.leave()
    closing.delete(folder)
  }
}

/** The locks have to be such that it can be seen who holds them; then they are robust as well. Called with the lock. */
function checkLocks(lockHead: Buffer): void {
  if (!holdersIn(lockHead).some((thread) => isOwnThread(thread)))
    throw unfit('The locks of this platform do not outlast the process that dies with them.')
}

function isOwnThread(thread: number): boolean {
  try {
    return readFileSync(`/proc/self/task/${thread}/stat`).length > 0
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

async function releaseEnvironment(
  place: Place,
  root: RootDatabase<Buffer, Buffer>,
  room: SpareRoom,
): Promise<void> {
  const { folder } = place
  const shared = open.get(folder)!
  shared.users--
  if (shared.users > 0) return
  open.delete(folder)
  room.close()
  const closed = closeDatabase(place, root)
  closing.set(folder, closed)
  await closed
}
