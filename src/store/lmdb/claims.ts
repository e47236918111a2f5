import { closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { type Cancel, type Clock, sleep } from '../../base/clock.ts'
import { isAlive, isEnding, readStatus } from '../../base/process-status.ts'
import { type Claimant, identify, isProcOurs, parseClaimant } from './claimant.ts'
import { removeFile, removeNote } from './place.ts'
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
 * - CL-4 A claim of a thread or a process that is no more, with all of its threads, goes when somebody waits for it. A process that is stopped is ended
 *   after a while; where it may not be, its claim counts for a limited time.
 * - CL-5 Of a process in another namespace nothing can be seen. It renews its claims while it has them, and one that is not
 *   renewed for a while goes. Whoever places a claim takes away those that are older than its own by that while.
 * - CL-6 Whoever opens looks whether its claim still stands when it has waited; where it does not, it begins anew.
 * - CL-7 What a process has started lives on when that is killed. So where it is to open the database, it has a claim of its own,
 *   placed while the first one stood; without, it opens nothing.
 * - CL-8 Who opens has a claim to the turn as well, and opens where it sees no other one. The first one by name keeps its claim,
 *   the others let go of theirs as soon as they see it, also while they wait for others: so one of them gets on. LMDB would let who waits in
 *   the midst of its call go on with locks that nobody has made, where the one that was making them is killed: that ends the process
 *   (SIGSEGV), or nothing can be locked.
 */
export type ClaimKind = 'open' | 'close' | 'turn'

interface Claim extends Claimant {
  readonly name: string
}

/**
 * For how long a claim counts that is not renewed, and whose process cannot be seen or not be ended. Opening takes some
 * milliseconds. Less than opening has time for (5 s), or a store could not be opened after a container was killed while it
 * opened it; and less than the default time to live of a lease (3 s), which writers have to renew in time.
 */
const unseenMsMax = 2_000
/** Where `/proc` counts in another way: nobody looks at the process then. */
const unseenTicks = '0'
/** A few times within that, for a thread that is late. */
const renewalMs = 250
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
  /** Of this thread; made in it. */
  private readonly identity = identify()
  private readonly renewals = new Map<ClaimKind, Cancel>()

  /** `folder`: that of the store. */
  constructor(folder: string, clock: Clock) {
    this.folder = join(folder, 'claims')
    this.clock = clock
  }

  /** Also renews one that stands. */
  place(kind: ClaimKind): void {
    makeFolder(this.folder)
    const file = this.fileOf(kind)
    closeSync(openSync(file, 'w'))
    if (!this.renewals.has(kind))
      this.renewals.set(
        kind,
        this.clock.every(renewalMs, () => this.renew(kind), { background: true }),
      )
    this.removeOld(file)
  }

  /** A claim to open of a process that this one has started: it is not renewed, and that one takes it away. Gives its file. */
  placeFor(pid: number): string {
    const claimant = `${pid}-0-${readStatus(pid)?.startTicks ?? unseenTicks}-${pidNamespace()}`
    const file = join(this.folder, `open-${claimant}`)
    closeSync(openSync(file, 'w'))
    return file
  }

  /** Idempotent. */
  withdraw(kind: ClaimKind): void {
    this.endRenewal(kind)
    removeNote(this.fileOf(kind))
  }

  /** Whether nobody has taken the claim away since it was placed (CL-6): this process stood still, or the clock was set. */
  stands(kind: ClaimKind): boolean {
    return existsSync(this.fileOf(kind))
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
        .filter((name) => name !== this.nameOf('turn'))
        .map((name) => parseClaim(name))
        .filter((claim) => this.isLeft(claim, seen, patienceMs))
      if (left.length === 0 || isOver?.() === true) return left.map(({ pid }) => pid)
      await sleep(this.clock, delayMs)
    }
  }

  /** Does what closes the database, while nobody opens it. */
  async whileNobodyOpens(close: () => Promise<void>, wait: ClaimWait): Promise<void> {
    for (;;) {
      this.tryPlaceClose()
      if (!this.isOpening()) break
      this.withdraw('close')
      await this.untilNone('open', wait)
    }
    try {
      await close()
    } finally {
      this.withdraw('close')
    }
  }

  /** Opens the database while nobody else does (CL-8). Gives the processes whose claims are left when the wait is over. */
  async inTurn<T>(
    open: () => T,
    wait: ClaimWait,
  ): Promise<{ readonly opened: T } | { readonly left: readonly number[] }> {
    const own = this.nameOf('turn')
    try {
      for (;;) {
        this.place('turn')
        const others = this.names('turn').filter((name) => name !== own)
        if (others.length === 0 && this.stands('turn')) return { opened: open() }
        const isTooLate = (): boolean => wait.isOver?.() === true
        const isBefore = (name: string): boolean => name < own
        let isOver = isTooLate
        if (others.some(isBefore)) this.withdraw('turn')
        else isOver = () => isTooLate() || this.names('turn').some(isBefore)
        const left = await this.untilNone('turn', { ...wait, isOver })
        if (left.length > 0 && isTooLate()) return { left }
      }
    } finally {
      this.withdraw('turn')
    }
  }

  /** A disk that is full, or was taken away, does not keep a process from closing. */
  private tryPlaceClose(): void {
    try {
      this.place('close')
    } catch {
      // Then it closes without.
    }
  }

  /** Whether a claim still stands after this look at its process. */
  private isLeft(claim: Claim, seen: Map<string, Seen>, patienceMs: () => number): boolean {
    const nowMs = this.clock.monotonic()
    const before = seen.get(claim.name) ?? { changedMs: undefined, sinceMs: nowMs, stoppedSinceMs: undefined }
    seen.set(claim.name, before)
    if (isUnseen(claim)) {
      const changedMs = this.changedMs(claim.name)
      if (changedMs !== before.changedMs) Object.assign(before, { changedMs, sinceMs: nowMs })
      return nowMs - before.sinceMs < unseenMsMax || this.remove(claim)
    }
    // LMDB's lock of the file is still there.
    if (isEnding(claim)) return true
    if (!isAlive(claim) || (claim.thread !== undefined && !isAlive(claim.thread))) return this.remove(claim)
    if (readStatus(claim.pid)?.state !== 'T') {
      before.stoppedSinceMs = undefined
      return true
    }
    const stoppedMs = nowMs - (before.stoppedSinceMs ??= nowMs)
    if (stoppedMs < patienceMs() || endStopped(claim)) return true
    return stoppedMs < unseenMsMax || this.remove(claim)
  }

  /** Without making it anew: what has been committed since it was taken away, nobody can tell (CL-6). */
  private renew(kind: ClaimKind): void {
    try {
      closeSync(openSync(this.fileOf(kind), constants.O_WRONLY | constants.O_TRUNC))
    } catch {
      // It is gone, or will be for who cannot see this process; whoever has it looks whether it stands.
      this.endRenewal(kind)
    }
  }

  private endRenewal(kind: ClaimKind): void {
    this.renewals.get(kind)?.()
    this.renewals.delete(kind)
  }

  /** Both times are by the clock of the file system, and the own one is of now. */
  private removeOld(ownFile: string): void {
    const nowMs = statSync(ownFile).mtimeMs
    for (const name of this.names('')) {
      const claim = parseClaim(name)
      const changedMs = isUnseen(claim) ? this.changedMs(name) : undefined
      if (changedMs !== undefined && nowMs - changedMs >= unseenMsMax) this.remove(claim)
    }
  }

  /** undefined for a claim that has just been withdrawn. */
  private changedMs(name: string): number | undefined {
    return statSync(join(this.folder, name), { throwIfNoEntry: false })?.mtimeMs
  }

  private remove({ name }: Claim): false {
    removeFile(join(this.folder, name))
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
    return join(this.folder, this.nameOf(kind))
  }

  private nameOf(kind: ClaimKind): string {
    return `${kind}-${this.identity}`
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
  changedMs: number | undefined
  /** When it was seen to have changed. */
  sinceMs: number
  stoppedSinceMs: number | undefined
}

function parseClaim(name: string): Claim {
  return { name, ...parseClaimant(name.slice(name.indexOf('-') + 1)) }
}

function isUnseen({ namespace }: Claim): boolean {
  return namespace !== pidNamespace() || !isProcOurs()
}
