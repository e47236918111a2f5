import { closeSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread, threadId } from 'node:worker_threads'
import { type Clock, sleep } from '../../base/clock.ts'
import { readStatus } from '../../base/process-status.ts'
import { endStopped, pidNamespace } from './processes.ts'

/**
 * Keeps the opening and the closing of a database apart from what they must not meet. LMDB's own locks do not:
 *
 * - Opening reads the number of the last commit from the file and stores it, a moment later and without the lock of writers,
 *   where the next writer takes it from. What is committed in that moment is forgotten: the next transaction begins before it
 *   and takes the same pages again. Acknowledged writes are lost, and processes die of trees that are torn.
 * - Who closes as the last one destroys the locks in the file, also for who has begun to open it and will not make them anew.
 *
 * So whoever opens or closes leaves a claim first: an empty file whose name says who it is of.
 *
 * - CL-1 Whoever opens has a claim before it looks who has the lock of writers, and opens when that one has let go of it.
 * - CL-2 Whoever gets the lock of writers looks for claims to open before anything else. Where there is one, it does nothing,
 *   lets go of the lock and comes again when there is none. So nothing is committed while anybody opens.
 * - CL-3 Whoever closes has a claim, too, and takes it back while there are claims to open; whoever opens waits until there are
 *   no claims to close. So none of both happens during the other, and there is no waiting in a circle.
 * - CL-4 A claim of a process that is no more goes when somebody waits for it; one that is stopped is ended after a while.
 *   Of a process in another namespace nothing can be seen: its claims hold for a limited time.
 */
export type ClaimKind = 'open' | 'close'

interface Claim {
  readonly name: string
  readonly kind: string
  readonly pid: number
  readonly startTicks: string
  readonly namespace: string
}

/** For how long a claim counts whose process cannot be seen. Opening takes some milliseconds. */
const unseenMsMax = 10_000
const lookMsMin = 1
const lookMsMax = 20

export interface ClaimWait {
  /** How long a process that is stopped may be waited for before it is ended. */
  readonly patienceMs: () => number
  /** Asked for at each look. Default: no limit; each claim has one of its own. */
  readonly isOver?: () => boolean
}

export class Claims {
  private readonly folder: string
  private readonly clock: Clock
  private readonly identity: string

  /** `folder`: that of the store. */
  constructor(folder: string, clock: Clock) {
    this.folder = join(folder, 'claims')
    this.clock = clock
    const { startTicks } = readStatus(process.pid)!
    this.identity = `${process.pid}-${threadId}-${startTicks}-${pidNamespace()}`
  }

  place(kind: ClaimKind): void {
    makeFolder(this.folder)
    closeSync(openSync(this.fileOf(kind), 'w'))
  }

  /** Idempotent. */
  withdraw(kind: ClaimKind): void {
    rmSync(this.fileOf(kind), { force: true })
  }

  /** For who has just got the lock of writers. Also true for a claim of the dead, which `untilNone` takes away. */
  isOpening(): boolean {
    return this.names('open').length > 0
  }

  /** Resolves with the processes whose claims are left when the wait is over, otherwise with none. */
  async untilNone(kind: ClaimKind, wait: ClaimWait): Promise<readonly number[]> {
    return this.untilNoneWith(kind, wait)
  }

  /** For a thread that is about to open the database: the main thread of this process may look into the lock file (LF-2). */
  async untilMainThreadIsDone(wait: ClaimWait): Promise<readonly number[]> {
    return isMainThread ? [] : this.untilNoneWith(`open-${process.pid}-0-`, wait)
  }

  private async untilNoneWith(prefix: string, { patienceMs, isOver }: ClaimWait): Promise<readonly number[]> {
    const seen = new Map<string, Seen>()
    for (let delayMs = lookMsMin; ; delayMs = Math.min(lookMsMax, delayMs * 2)) {
      const left = this.names(prefix)
        .map((name) => parseClaim(name))
        .filter((claim) => this.isLeft(claim, seen, patienceMs))
      if (left.length === 0 || isOver?.() === true) return left.map(({ pid }) => pid)
      await sleep(this.clock, delayMs)
    }
  }

  /** Does what closes the database, while nobody opens it. */
  async whileNobodyOpens(close: () => Promise<void>, wait: ClaimWait): Promise<void> {
    for (;;) {
      const isPlaced = this.tryPlaceClose()
      if (!this.isOpening()) break
      if (isPlaced) this.withdraw('close')
      await this.untilNone('open', wait)
    }
    try {
      await close()
    } finally {
      this.withdraw('close')
    }
  }

  /** A disk that is full, or was taken away, does not keep a process from closing. */
  private tryPlaceClose(): boolean {
    try {
      this.place('close')
      return true
    } catch {
      return false
    }
  }

  /** Whether a claim still stands after this look at its process. */
  private isLeft(claim: Claim, seen: Map<string, Seen>, patienceMs: () => number): boolean {
    const nowMs = this.clock.monotonic()
    const before = seen.get(claim.name) ?? { sinceMs: nowMs, stoppedSinceMs: undefined }
    seen.set(claim.name, before)
    if (claim.namespace !== pidNamespace()) {
      if (nowMs - before.sinceMs < unseenMsMax) return true
      return this.remove(claim)
    }
    const status = readStatus(claim.pid)
    if (status?.startTicks !== claim.startTicks) return this.remove(claim)
    if (status.state !== 'T') before.stoppedSinceMs = undefined
    else if (nowMs - (before.stoppedSinceMs ??= nowMs) >= patienceMs()) endStopped(claim)
    return true
  }

  private remove({ name }: Claim): false {
    rmSync(join(this.folder, name), { force: true })
    return false
  }

  /** Of others: a thread that has the lock of writers, or waits, has none of this kind itself. */
  private names(prefix: string): string[] {
    try {
      return readdirSync(this.folder).filter((name) => name.startsWith(prefix))
    } catch (error) {
      // Nobody opens what somebody has taken away.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  private fileOf(kind: ClaimKind): string {
    return join(this.folder, `${kind}-${this.identity}`)
  }
}

/** Not with its parents: a store that somebody has taken away is not to be made anew by who closes it. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

interface Seen {
  readonly sinceMs: number
  stoppedSinceMs: number | undefined
}

function parseClaim(name: string): Claim {
  const [kind = '', pid, , startTicks = '', namespace = ''] = name.split('-')
  return { name, kind, pid: Number(pid), startTicks, namespace }
}
