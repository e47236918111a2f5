import type { Clock } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import type { Follow, FollowListener } from './backend.ts'
import type { Revision, WatchEvent } from './store.ts'

/** What one revision changed. */
export interface Change {
  readonly revision: Revision
  readonly events: readonly WatchEvent[]
}

/**
 * The changes that a backend of ours still knows, from a revision to the last one that was dispatched; undefined where some
 * of them are gone. Events whose keys do not begin with the prefix may be left out. What it throws, also while it is read, the follower hears as a failure for good.
 */
export type ReadPast = (from: Revision, prefix: string) => Iterable<Change> | undefined

interface Follower {
  readonly prefix: string
  readonly from: Revision
  readonly listener: FollowListener
  gathered: WatchEvent[]
}

/**
 * Those who follow a backend of ours. A follower reads what has been, then joins those who hear what comes. Finding whom a
 * change concerns costs one look-up for each length of a prefix that is followed, however many follow: ten thousand
 * watched keys cost a change as much as one.
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
    const follower: Follower = { prefix, from, listener, gathered: [] }
    let isCancelled = false
    this.clock.soon(() => {
      if (isCancelled) return
      try {
        this.catchUp(follower, () => isCancelled)
      } catch (error) {
        this.leave(follower)
        if (!isCancelled) listener.failed(asError(error))
      }
    })
    return {
      cancel: () => {
        if (isCancelled) return
        isCancelled = true
        this.leave(follower)
      },
    }
  }

  private catchUp(follower: Follower, isCancelled: () => boolean): void {
    const { prefix, from, listener } = follower
    const past = this.readPast(from, prefix)
    if (past === undefined) {
      listener.compacted()
      return
    }
    this.join(follower)
    for (const { revision, events } of past) {
      const own = events.filter(({ key }) => key.startsWith(prefix))
      if (own.length > 0) listener.events(revision, own)
      if (isCancelled()) return
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
