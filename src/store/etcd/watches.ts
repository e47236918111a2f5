import { status } from '@grpc/grpc-js'
import type { Cancel } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import type { Follow, FollowListener } from '../backend.ts'
import type { Revision, WatchEvent } from '../store.ts'
import { closedError } from './deadline.ts'
import { toEvent } from './encoding.ts'
import { AttemptFailed, judge, refused } from './failure.ts'
import type { Keyspace } from './keyspace.ts'
import type { Members } from './members.ts'
import { type EtcdEvent, toNumber, type WatchResponse } from './protocol.ts'
import { type WatchRange, WatchStream } from './watch-stream.ts'

/** An idle stream holds its connection, and the process. */
const idleMs = 5_000

interface Watcher {
  readonly range: WatchRange
  readonly listener: FollowListener
  /** The revision behind the last one that was told of (EW-1). */
  next: Revision
  /** In the stream; changes with it. */
  id: number
  /** Pieces of a response that was too large to come whole. */
  pieces: EtcdEvent[]
  /** Whether etcd was asked for one revision more than is wanted (EW-2). */
  isEarly: boolean
  /** Whether a new token was asked for because the watch was refused. */
  hasNewToken: boolean
}

/**
 * All watches of a store over one stream, on another member when it breaks or falls silent.
 *
 * - EW-1 A watch resumes behind the last revision of which it gave events, never behind the revision in a header: a watch that
 *   catches up gets headers from the present with events from the past. All events of a revision come in one response, which
 *   may be in pieces.
 * - EW-2 A compaction at revision r takes the deletes of r with it, and etcd refuses only watches from before r. So
 *   where the past is asked for, it is from one revision before the wanted one; what is too early is dropped.
 * - EW-3 Nothing is told of a watch that was cancelled, and its end touches no other.
 * - EW-4 Behind a failure one watch asks first, and the others when anything is answered: to begin ten thousand at each of many
 *   attempts, while there is no leader, would keep a core busy for nothing.
 */
export class Watches {
  private readonly members: Members
  private readonly keys: Keyspace
  private readonly watchers = new Set<Watcher>()
  private readonly byId = new Map<number, Watcher>()
  private stream: WatchStream | undefined
  private failures = 0
  private cancelTimer: Cancel | undefined
  private isOpening = false
  /** The stream has not answered yet, and others wait for that (EW-4). */
  private isProving = false
  private isClosed = false
  /** Never rejects: what it ends with is told to the watchers. */
  private renewing: Promise<void> | undefined

  constructor(members: Members, keys: Keyspace) {
    this.members = members
    this.keys = keys
  }

  follow(prefix: string, fromRevision: Revision, listener: FollowListener): Follow {
    const watcher: Watcher = {
      range: this.keys.range(prefix),
      listener,
      next: Math.max(1, fromRevision),
      id: 0,
      pieces: [],
      isEarly: false,
      hasNewToken: false,
    }
    this.watchers.add(watcher)
    if (this.stream !== undefined) {
      if (!this.isProving) this.begin(watcher, this.stream)
    } else if (!this.isOpening) this.openAfter(0)
    return { cancel: () => this.cancel(watcher) }
  }

  /** Call `closed` behind the closing of the members. */
  close(): void {
    this.isClosed = true
    this.cancelTimer?.()
    this.watchers.clear()
    this.stream?.end(new AttemptFailed(status.CANCELLED, 'the store was closed'))
  }

  /** Nothing of it is under way any more. */
  async closed(): Promise<void> {
    await this.renewing
  }

  private cancel(watcher: Watcher): void {
    if (!this.watchers.delete(watcher)) return
    if (this.byId.delete(watcher.id)) this.stream?.cancel(watcher.id)
    if (this.watchers.size === 0 && this.stream !== undefined) this.after(idleMs, () => this.endIdle())
  }

  private endIdle(): void {
    if (this.watchers.size === 0) this.stream?.end(new AttemptFailed(status.OK, 'idle'))
  }

  private after(delayMs: number, action: () => void): void {
    this.cancelTimer?.()
    this.cancelTimer = this.members.clock.after(delayMs, action, { background: this.watchers.size === 0 })
  }

  /** Never at once: many watches may begin together. */
  private openAfter(delayMs: number): void {
    this.isOpening = true
    this.after(delayMs, () => this.open())
  }

  private open(): void {
    this.isOpening = false
    if (this.watchers.size === 0) this.failures = 0
    if (this.isClosed || this.stream !== undefined || this.watchers.size === 0) return
    const stream = new WatchStream(this.members, {
      response: (id, response) => {
        if (this.isProving) this.proven(stream)
        this.response(id, response)
      },
      ended: (failure) => this.ended(stream, failure),
    })
    this.stream = stream
    this.isProving = this.failures > 0
    for (const watcher of this.watchers) {
      // What was told is behind `next`, so this time it is the past that is asked for.
      this.begin(watcher, stream, this.isProving)
      if (this.isProving) return
    }
  }

  private proven(stream: WatchStream): void {
    this.isProving = false
    const begun = new Set(this.byId.values())
    for (const watcher of this.watchers) if (!begun.has(watcher)) this.begin(watcher, stream, true)
  }

  private begin(watcher: Watcher, stream: WatchStream, isEarly = false): void {
    watcher.isEarly = isEarly && watcher.next > 1
    watcher.pieces = []
    watcher.id = stream.create(watcher.range, watcher.isEarly ? watcher.next - 1 : watcher.next)
    this.byId.set(watcher.id, watcher)
  }

  private ended(stream: WatchStream, failure: AttemptFailed): void {
    this.stream = undefined
    this.isProving = false
    this.byId.clear()
    if (this.isClosed || this.watchers.size === 0) {
      this.failures = 0
      return
    }
    const verdict = judge(failure)
    this.failures++
    if (verdict.type === 'token') this.renewToken()
    else if (verdict.type === 'final') this.failAll(verdict.error)
    else {
      this.members.leave(stream.endpoint)
      this.openAfter(this.members.patience.pauseMs(this.failures, this.members.random))
    }
  }

  private renewToken(): void {
    this.isOpening = true
    this.renewing = this.members.authenticate().then(
      () => this.openAfter(0),
      (error: unknown) => {
        const known = asError(error)
        if (this.isClosed) this.failAll(closedError())
        // The member that was asked may be gone meanwhile; only a refusal is for good.
        else if ('code' in known && known.code === 'STORE_REFUSED') this.failAll(known)
        else this.openAfter(0)
      },
    )
  }

  private failAll(error: Error): void {
    this.isOpening = false
    const all = [...this.watchers]
    this.watchers.clear()
    this.byId.clear()
    this.failures = 0
    for (const { listener } of all) listener.failed(error)
  }

  private response(id: number, response: WatchResponse): void {
    const watcher = this.byId.get(id)
    if (watcher === undefined) return
    if (toNumber(response.compactRevision) > 0) {
      this.forget(watcher)
      watcher.listener.compacted()
    } else if (response.canceled === true) this.refusedBy(watcher, response.cancelReason ?? '')
    else if (response.created === true) this.created(watcher, toNumber(response.header?.revision))
    else this.events(watcher, response)
  }

  private created(watcher: Watcher, revision: Revision): void {
    this.failures = 0
    watcher.hasNewToken = false
    // What it wants is in the past already, so it might have been compacted (EW-2).
    if (revision < watcher.next || watcher.isEarly) return
    this.byId.delete(watcher.id)
    this.stream!.cancel(watcher.id)
    this.begin(watcher, this.stream!, true)
  }

  private events(watcher: Watcher, { events = [], fragment }: WatchResponse): void {
    watcher.pieces.push(...events)
    if (fragment === true) return
    const { pieces } = watcher
    watcher.pieces = []
    let batch: WatchEvent[] = []
    for (const piece of pieces) {
      const event = toEvent(this.keys, piece)
      if (event === undefined || event.revision < watcher.next) continue
      if (batch.length > 0 && batch[0]!.revision !== event.revision) {
        this.tell(watcher, batch)
        batch = []
      }
      batch.push(event)
    }
    if (batch.length > 0) this.tell(watcher, batch)
  }

  private tell(watcher: Watcher, batch: readonly WatchEvent[]): void {
    if (!this.watchers.has(watcher)) return
    const { revision } = batch[0]!
    watcher.next = revision + 1
    watcher.listener.events(revision, batch)
  }

  /** etcd ends a watch by itself where it may not be, or where it has lost track of who asks. */
  private refusedBy(watcher: Watcher, reason: string): void {
    const failure = new AttemptFailed(status.UNAVAILABLE, reason)
    const isDenied = /permission denied|auth token|user name is empty/.test(reason)
    if (!isDenied) {
      this.stream!.end(failure)
    } else if (watcher.hasNewToken || !this.members.hasUser) {
      this.forget(watcher)
      watcher.listener.failed(refused(failure))
    } else {
      // The token may be of a time before the member was started anew; the streams' token is that of their beginning.
      watcher.hasNewToken = true
      this.stream!.end(new AttemptFailed(status.UNAUTHENTICATED, 'etcdserver: invalid auth token'))
    }
  }

  private forget(watcher: Watcher): void {
    this.watchers.delete(watcher)
    this.byId.delete(watcher.id)
  }
}
