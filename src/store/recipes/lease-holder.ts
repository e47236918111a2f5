import { type Cancel, type Clock, sleep } from '../../base/clock.ts'
import type { ErrorCode } from '../../base/error-codes.ts'
import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { LeaseId, Store } from '../store.ts'
import { backoffMs } from './backoff.ts'
import type { TimerBuckets } from './timer-buckets.ts'

/**
 * Holds a lease: keeps it alive, and knows by itself until when it may count on it. The idea is Chubby's (M. Burrows,
 * OSDI 2006, section 2.8): a client keeps a conservative local idea of when its session ends.
 *
 * - LH-1 The time of a lease counts from the moment its last successful keep-alive was *sent*: the store got it later.
 * - LH-2 The lease is lost `marginMs` before that time is over, by the holder's monotonic clock; nobody has to tell it.
 * - LH-3 `isHeld` looks at the clock, not at a timer: a process that was stopped (SIGSTOP, garbage collection) learns it on
 *   waking before it does anything else.
 * - LH-4 What is lost stays lost. A keep-alive that is answered behind the deadline changes nothing.
 * - LH-5 A monotonic clock stands still while a machine sleeps (Linux). So where the wall clock has run ahead of it, the
 *   lease is in doubt: it is not held until a keep-alive that was sent after that is answered. A clock that was merely
 *   set anew thus ends no lease.
 * - LH-6 A keep-alive may be answered for as long as that helps, until the deadline. Where it is late, others are sent beside
 *   it, `keepAlivesMax` at a time; of those that are answered, the one that was sent last counts.
 *
 * Neighbours: `lease-keeper.ts` makes holders; `hold.ts` is what depends on one.
 */

/**
 * Part of the time to live that is given up: who finds the lease held gets to act before the store can let it go. It
 * covers the time between looking at the clock and the deed, and clocks that do not run alike (a percent would be a
 * broken clock).
 */
export const leaseMarginPart = 1 / 6

const keepAlivePart = 1 / 3
const retryMsMin = 10
/** A keep-alive that is not answered within so much is late: between a third and five sixths there is room for three more. */
const callPart = 1 / 8
const keepAlivesMax = 5
const callMsMin = 50
const insistMsMin = 20
const insistMsMax = 1_000

export interface LeaseMeans {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly timers: TimerBuckets
  /** The holder has ended, lost or closed. */
  readonly onEnd: (holder: LeaseHolder) => void
}

/** Within which a lease is held, for those who look at the clocks themselves: threads that share memory with the holder's. */
export interface LeaseLimits {
  /** On the monotonic clock; -Infinity once the lease has ended. */
  readonly deadlineMs: number
  /** How far the wall clock may be ahead of the monotonic one (LH-5). */
  readonly wallAheadMsMax: number
}

export interface LeaseSent {
  readonly lease: LeaseId
  readonly ttlMs: number
  /** When the grant was sent: monotonic, and by the wall clock. */
  readonly sentAtMs: number
  readonly sentWallMs: number
}

export class LeaseHolder {
  readonly lease: LeaseId
  readonly ttlMs: number
  /** How long before the end of its time the lease is lost. */
  readonly marginMs: number
  private readonly means: LeaseMeans
  private readonly ending = new AbortController()
  private phase: 'held' | 'lost' | 'closed' = 'held'
  private sentAtMs: number
  private wallOffsetMs: number
  private failures = 0
  private lastError: Error | undefined
  private readonly renewals = new Set<Promise<void>>()
  private closing: Promise<void> | undefined
  private cancelRenewal: Cancel = () => undefined
  private cancelDeadline: Cancel = () => undefined
  private lastName = 0
  private onLimits: (limits: LeaseLimits) => void = () => undefined

  constructor(means: LeaseMeans, { lease, ttlMs, sentAtMs, sentWallMs }: LeaseSent) {
    this.means = means
    this.lease = lease
    this.ttlMs = ttlMs
    this.marginMs = ttlMs * leaseMarginPart
    this.sentAtMs = sentAtMs
    this.wallOffsetMs = sentWallMs - sentAtMs
    this.planRenewal(sentAtMs + ttlMs * keepAlivePart)
    this.planDeadline()
  }

  /** Aborted when the lease is lost or closed; the reason is a `VertigoError`. */
  get signal(): AbortSignal {
    return this.ending.signal
  }

  /** When the lease is lost unless it is kept alive before; on the monotonic clock. */
  get deadlineMs(): number {
    return this.sentAtMs + this.ttlMs - this.marginMs
  }

  /** Tells the limits now, and whenever they change. One may follow. */
  followLimits(listener: (limits: LeaseLimits) => void): void {
    this.onLimits = listener
    this.tellLimits()
  }

  /** Whether what depends on the lease may be done now (LH-3, LH-5). */
  isHeld(): boolean {
    if (!this.isWithinTime()) return false
    if (!this.isInDoubt()) return true
    if (this.renewals.size === 0) this.renew()
    return false
  }

  /** Errors: STORE_LEASE_LOST. */
  assertHeld(): void {
    if (this.isHeld()) return
    if (this.phase === 'held')
      throw new VertigoError(
        'STORE_LEASE_LOST',
        `Whether the lease ${this.lease} outlived a sleep of this machine is being asked.`,
      )
    throw this.signal.reason
  }

  /** As `assertHeld`, but where the lease is in doubt (LH-5) it waits for the store's answer. */
  async confirm(): Promise<void> {
    while (this.isWithinTime() && this.isInDoubt()) {
      if (this.renewals.size === 0) this.renew()
      await Promise.race(this.renewals)
      // It failed and is tried again later: that is too late for who asks.
      if (this.failures > 0) break
    }
    this.assertHeld()
  }

  /** A name that nobody else has: of the lease, and counted. For keys that go with it. */
  uniqueName(): string {
    return `${encodeURIComponent(this.lease)}.${++this.lastName}`
  }

  /**
   * Does something again and again until the store has answered, or the lease has ended, which does it, too. For taking
   * away keys that go with the lease. So it takes no longer than the time to live, where the store cannot be reached.
   */
  async insist(act: () => Promise<unknown>): Promise<void> {
    const { random } = this.means
    for (let attempt = 1; this.isWithinTime(); attempt++) {
      try {
        await act()
        return
      } catch (error) {
        if (!isPassing(error)) throw error
      }
      await this.pause(backoffMs(random, attempt, insistMsMin, insistMsMax))
    }
  }

  /** Waits, but not beyond the end of the lease. */
  async pause(delayMs: number): Promise<void> {
    try {
      await sleep(this.means.clock, delayMs, this.signal)
    } catch (error) {
      if (!this.signal.aborted) throw error
    }
  }

  /**
   * Ends the lease and its keys. Idempotent. Where the store cannot be reached the lease is left to end by itself, which
   * is the same a little later.
   */
  close(): Promise<void> {
    this.closing ??= this.endLease()
    return this.closing
  }

  private async endLease(): Promise<void> {
    const wasHeld = this.phase === 'held'
    if (wasHeld)
      this.end('closed', new VertigoError('STORE_LEASE_LOST', `The lease ${this.lease} was given back.`))
    try {
      // Revoked when lost, too: its keys need not wait for the store to notice.
      await this.means.store.revoke(this.lease, { timeoutMs: this.lateMs })
    } catch (error) {
      if (!isPassing(error) && !isFinal(error)) throw error
    }
    await Promise.all(this.renewals)
  }

  private isWithinTime(): boolean {
    if (this.phase !== 'held') return false
    if (this.means.clock.monotonic() < this.deadlineMs) return true
    this.lose(this.lastError)
    return false
  }

  private isInDoubt(): boolean {
    const { clock } = this.means
    return clock.now() - clock.monotonic() - this.wallOffsetMs > this.marginMs
  }

  private planRenewal(atMs: number): void {
    this.cancelRenewal()
    this.cancelRenewal = this.means.timers.at(atMs, () => this.renew())
  }

  /** Set anew only when it fires: most of the time the deadline has moved on by then. */
  private planDeadline(): void {
    this.cancelDeadline = this.means.timers.at(this.deadlineMs, () => {
      if (!this.isWithinTime()) return
      this.planDeadline()
    })
  }

  private renew(): void {
    if (this.phase !== 'held' || this.renewals.size >= keepAlivesMax) return
    const renewal: Promise<void> = this.keepAlive().finally(() => this.renewals.delete(renewal))
    this.renewals.add(renewal)
    this.planRenewal(this.means.clock.monotonic() + this.lateMs)
  }

  private get lateMs(): number {
    return Math.max(callMsMin, this.ttlMs * callPart)
  }

  /** Never rejects: a failure is planned anew, or ends the holder. */
  private async keepAlive(): Promise<void> {
    const { store, clock } = this.means
    const sentAtMs = clock.monotonic()
    const wallOffsetMs = clock.now() - sentAtMs
    const timeoutMs = Math.max(callMsMin, Math.ceil(this.deadlineMs - sentAtMs))
    try {
      await store.keepAlive(this.lease, { timeoutMs, signal: this.signal })
      if (this.isWithinTime()) this.kept(sentAtMs, wallOffsetMs)
    } catch (error) {
      if (this.isWithinTime()) this.failed(sentAtMs, error)
    }
  }

  private kept(sentAtMs: number, wallOffsetMs: number): void {
    this.failures = 0
    this.lastError = undefined
    // One that was sent later was answered before (LH-6).
    if (sentAtMs < this.sentAtMs) return
    this.sentAtMs = sentAtMs
    this.wallOffsetMs = wallOffsetMs
    this.tellLimits()
    this.planRenewal(this.isInDoubt() ? 0 : sentAtMs + this.ttlMs * keepAlivePart)
  }

  private failed(sentAtMs: number, error: unknown): void {
    const { clock, random } = this.means
    if (isFinal(error)) {
      this.lose(error)
      return
    }
    if (sentAtMs < this.sentAtMs) return
    this.lastError = asError(error)
    this.failures++
    const waitMs = backoffMs(random, this.failures, retryMsMin, this.ttlMs / 10)
    this.planRenewal(clock.monotonic() + waitMs)
  }

  private tellLimits(): void {
    const { phase, deadlineMs, wallOffsetMs, marginMs } = this
    this.onLimits({
      deadlineMs: phase === 'held' ? deadlineMs : -Infinity,
      wallAheadMsMax: wallOffsetMs + marginMs,
    })
  }

  private lose(cause: unknown): void {
    const why =
      isVertigoError(cause) && cause.code === 'STORE_REPLACED'
        ? cause.message
        : `it was not kept alive within ${this.ttlMs} ms.`
    const text = `The lease ${this.lease} is lost: ${why}`
    this.end('lost', new VertigoError('STORE_LEASE_LOST', text, { cause }))
  }

  private end(phase: 'lost' | 'closed', reason: VertigoError): void {
    this.phase = phase
    this.tellLimits()
    this.cancelRenewal()
    this.cancelDeadline()
    this.means.onEnd(this)
    this.ending.abort(reason)
  }
}

const finalCodes: ReadonlySet<ErrorCode> = new Set([
  'STORE_LEASE_LOST',
  'STORE_CLOSED',
  'STORE_REPLACED',
] as const)

/** All other errors may pass before the deadline comes. */
function isFinal(error: unknown): boolean {
  return isVertigoError(error) && finalCodes.has(error.code)
}

/** The same call may be answered the next time. */
function isPassing(error: unknown): boolean {
  return isVertigoError(error) && (error.retryable || error.code === 'STORE_OUTCOME_UNKNOWN')
}
