import type { Cancel, Clock } from '../../base/clock.ts'
import { asError, isVertigoError } from '../../base/errors.ts'
import type { Follow, FollowListener } from '../backend.ts'
import { type Change, Followers } from '../followers.ts'
import type { Revision } from '../store.ts'
import type { Tables } from './tables.ts'

/** Changes that are handed on in one turn of the event loop. */
const dispatchMax = 500
const retryMsMin = 20
const retryMsMax = 1_000
/** About five seconds in all. */
const retriesMax = 10

/**
 * Hands on to followers what the database tells of changes.
 *
 * - DI-1 A look that fails for a damaged record fails those who follow, and nobody else: who begins behind the damage hears
 *   what comes, and who wants what is damaged is refused.
 * - DI-2 A look that fails for another reason is made again, a number of times, before those who follow hear of it.
 */
export class Dispatcher {
  private readonly clock: Clock
  private readonly tables: Tables
  private readonly read: <T>(action: () => T) => T
  private readonly followers: Followers
  private dispatched: Revision
  private isLooking = false
  private failures = 0
  private cancelRetry: Cancel | undefined
  private isClosed = false
  private readonly isFollowed = (key: string): boolean => this.followers.isFollowed(key)

  constructor(clock: Clock, tables: Tables, read: <T>(action: () => T) => T) {
    this.clock = clock
    this.tables = tables
    this.read = read
    this.dispatched = read(() => tables.state().revision)
    this.followers = new Followers(clock, (from, prefix) => this.readPast(from, prefix))
  }

  follow(prefix: string, fromRevision: Revision, listener: FollowListener): Follow {
    return this.followers.add(prefix, fromRevision, listener)
  }

  close(): void {
    this.isClosed = true
    this.cancelRetry?.()
  }

  /** For who comes with a turn of the event loop for this alone; another turn would double the way to who follows. */
  lookNow(): void {
    if (!this.isLooking && !this.isClosed) this.tryLook()
  }

  /** Not at once: many signals may come together, and who is told may call the store again. */
  lookSoon(): void {
    if (this.isLooking || this.isClosed) return
    this.isLooking = true
    this.clock.soon(() => this.tryLook())
  }

  private tryLook(): void {
    this.isLooking = false
    if (this.isClosed) return
    try {
      this.read(() => this.look())
      this.failures = 0
    } catch (error) {
      this.failed(asError(error))
    }
  }

  private look(): void {
    const { revision, oldest } = this.tables.state()
    if (revision <= this.dispatched) return
    if (this.followers.isEmpty) {
      this.dispatched = revision
      return
    }
    const from = this.dispatched + 1
    if (from < oldest) {
      this.dispatched = revision
      this.followers.compactAll()
      return
    }
    const to = Math.min(revision, this.dispatched + dispatchMax)
    for (const change of this.tables.history(from, to, this.isFollowed)) {
      this.dispatched = change.revision
      this.followers.dispatch(change)
    }
    if (to < revision) this.lookSoon()
  }

  private failed(error: Error): void {
    const isDamage = isVertigoError(error) && error.code === 'STORE_CORRUPT'
    if (isDamage || this.failures >= retriesMax) {
      this.failures = 0
      // With nobody left, whoever comes next begins behind what could not be read.
      this.followers.failAll(error)
      return
    }
    const delayMs = Math.min(retryMsMax, retryMsMin * 2 ** this.failures++)
    // Signals that come meanwhile do not use up the attempts.
    this.isLooking = true
    this.cancelRetry = this.clock.after(delayMs, () => this.tryLook())
  }

  private readPast(from: Revision, prefix: string): Iterable<Change> | undefined {
    return this.read(() => {
      const { revision, oldest } = this.tables.state()
      if (this.followers.isEmpty) this.dispatched = revision
      if (from > this.dispatched) return []
      return from < oldest
        ? undefined
        : this.tables.history(from, this.dispatched, (key) => key.startsWith(prefix))
    })
  }
}
