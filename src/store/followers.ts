import type { Cancel, Clock } from '../base/clock.ts'
import { asError, isVertigoError } from '../base/errors.ts'
import type { Follow, FollowListener } from './backend.ts'
import type { Revision, WatchEvent } from './store.ts'

/** What one revision changed. */
export interface Change {
  readonly revision: Revision
  readonly events: readonly WatchEvent[]
}

/**
 * The changes that a backend of ours still knows, from a revision to the last one that was dispatched; undefined where some
 * of them are gone. May throw, also while it is read.
 */
export type ReadPast = (from: Revision, prefix: string) => Iterable<Change> | undefined

interface Follower {
  readonly prefix: string
  readonly listener: FollowListener
  /** The revision behind the last one that was told of. */
  from: Revision
  gathered: WatchEvent[]
  failures: number
  isCancelled: boolean
  cancelRetry: Cancel | undefined
}

const retryMsMin = 20
const retryMsMax = 1_000
/** About five seconds in all. */
const retriesMax = 10

/**
 * Those who follow a backend of ours. A follower reads what has been, then joins those who hear what comes. Finding whom a
 * change concerns costs one look-up for each length of a prefix that is followed, however many follow: ten thousand
 * watched keys cost a change as much as one.
 *
 * A past that cannot be read is read again a number of times, from where it was told up to, before the follower hears of it;
 * a damaged one is not, for it stays so.
 */
export class Followers {
  private readonly clock: Clock
  private readonly readPast: ReadPast
  private readonly byPrefix = new Map<string, Set<Follower>>()
  /** How many followed prefixes have each length. */
  private readonly lengths = new Map<number, number>()

  constructor(clock: Clock, readPast: ReadPast) {
    this.clock = clock
    this.readPast = readPast
  }

  get isEmpty(): boolean {
    return this.byPrefix.size === 0
  }

  /** Whether anybody hears of changes of this key. */
  isFollowed(key: string): boolean {
    for (const length of this.lengths.keys())
      if (length <= key.length && this.byPrefix.has(key.slice(0, length))) return true
    return false
  }

  add(prefix: string, from: Revision, listener: FollowListener): Follow {
    const follower: Follower = {
      prefix,
      listener,
      from,
      gathered: [],
      failures: 0,
      isCancelled: false,
      cancelRetry: undefined,
    }
    this.clock.soon(() => this.tryCatchUp(follower))
    return { cancel: () => this.cancel(follower) }
  }

  private cancel(follower: Follower): void {
    follower.isCancelled = true
    follower.cancelRetry?.()
    this.leave(follower)
  }

  private tryCatchUp(follower: Follower): void {
    if (follower.isCancelled) return
    try {
      this.catchUp(follower)
    } catch (error) {
      this.leave(follower)
      if (!follower.isCancelled) this.failed(follower, asError(error))
    }
  }

  private failed(follower: Follower, error: Error): void {
    const isDamage = isVertigoError(error) && error.code === 'STORE_CORRUPT'
    if (isDamage || follower.failures >= retriesMax) {
      follower.listener.failed(error)
      return
    }
    const delayMs = Math.min(retryMsMax, retryMsMin * 2 ** follower.failures++)
    follower.cancelRetry = this.clock.after(delayMs, () => this.tryCatchUp(follower))
  }

  private catchUp(follower: Follower): void {
    const past = this.readPast(follower.from, follower.prefix)
    if (past === undefined) {
      follower.listener.compacted()
      return
    }
    // Nothing is dispatched while the past is read.
    this.join(follower)
    for (const { revision, events } of past) {
      const own = events.filter(({ key }) => key.startsWith(follower.prefix))
      follower.from = revision + 1
      if (own.length > 0) follower.listener.events(revision, own)
      if (follower.isCancelled) return
    }
  }

  /** Called for each change, in the order of revisions. */
  dispatch({ revision, events }: Change): void {
    const concerned = new Set<Follower>()
    for (const event of events) {
      for (const length of this.lengths.keys()) {
        const { key } = event
        if (length > key.length) continue
        for (const follower of this.byPrefix.get(key.slice(0, length)) ?? []) {
          follower.gathered.push(event)
          concerned.add(follower)
        }
      }
    }
    for (const follower of concerned) {
      const { gathered, listener, from } = follower
      follower.gathered = []
      if (revision >= from && this.isLive(follower)) listener.events(revision, gathered)
    }
  }

  /** Everybody has to read anew: changes were made of which the backend knows nothing. */
  compactAll(): void {
    const all = [...this.byPrefix.values()].flatMap((set) => [...set])
    for (const follower of all) {
      this.leave(follower)
      follower.listener.compacted()
    }
  }

  failAll(error: Error): void {
    const all = [...this.byPrefix.values()].flatMap((set) => [...set])
    for (const follower of all) {
      this.leave(follower)
      follower.listener.failed(error)
    }
  }

  private isLive(follower: Follower): boolean {
    return this.byPrefix.get(follower.prefix)?.has(follower) ?? false
  }

  private join(follower: Follower): void {
    const { prefix } = follower
    const set = this.byPrefix.get(prefix)
    if (set !== undefined) {
      set.add(follower)
      return
    }
    this.byPrefix.set(prefix, new Set([follower]))
    this.lengths.set(prefix.length, (this.lengths.get(prefix.length) ?? 0) + 1)
  }

  private leave(follower: Follower): void {
    const { prefix } = follower
    const set = this.byPrefix.get(prefix)
    if (set === undefined || !set.delete(follower) || set.size > 0) return
    this.byPrefix.delete(prefix)
    const left = this.lengths.get(prefix.length)! - 1
    if (left === 0) this.lengths.delete(prefix.length)
    else this.lengths.set(prefix.length, left)
  }
}
