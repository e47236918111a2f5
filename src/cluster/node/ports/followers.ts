import type { Clock } from '../../../base/clock.ts'
import { errorFromData } from '../../../base/errors.ts'
import type { ClientPortCommand, ClientPortReport } from '../../../component/client-port.ts'
import type { PortNews } from '../../client/index.ts'
import { moved } from './input-line.ts'
import { PortReader } from './port-reader.ts'

interface Begun {
  readonly at: string
  readonly missed: boolean
}

interface Follower {
  readonly reader: PortReader
  readonly begun: PromiseWithResolvers<Begun>
  isAsking: boolean
  isFollowing: boolean
}

/**
 * The node's end of the line to an exported output that gives what is committed: its readers, each with a place of its own.
 *
 * - FO-1 For each, the instance is asked for the next part while there is room; one that keeps it full is ended.
 */
export class Followers {
  private readonly tell: (command: ClientPortCommand) => void
  private readonly clock: Clock
  private readonly followers = new Map<number, Follower>()

  constructor(tell: (command: ClientPortCommand) => void, clock: Clock) {
    this.tell = tell
    this.clock = clock
  }

  get size(): number {
    return this.followers.size
  }

  /** Errors: READER_TOO_SLOW, CLIENT_MESSAGE_TOO_LARGE; PORT_MOVED at the end of the instance. */
  async *read(
    id: number,
    after: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<PortNews, void, undefined> {
    const reader = new PortReader({ clock: this.clock, onRoom: () => this.ask(id) })
    const begun = Promise.withResolvers<Begun>()
    // Where the signal comes first, nobody waits for it.
    begun.promise.catch(() => undefined)
    this.followers.set(id, { reader, begun, isAsking: false, isFollowing: false })
    const onAbort = (): void => begun.reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      signal.throwIfAborted()
      this.tell({ type: 'follow', id, after })
      yield { type: 'reading', ...(await begun.promise) }
      this.ask(id)
      while (!signal.aborted) yield { type: 'messages', ...(await reader.take(signal)) }
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.followers.delete(id)
      reader.end(moved())
      this.tell({ type: 'unfollow', id })
    }
  }

  receive(report: Extract<ClientPortReport, { readonly type: 'following' | 'part' | 'unfollowed' }>): void {
    const follower = this.followers.get(report.id)
    if (follower === undefined) return
    if (report.type === 'following') {
      follower.isFollowing = true
      follower.begun.resolve({ at: report.at, missed: report.missed })
    } else if (report.type === 'part') {
      follower.isAsking = false
      follower.reader.push(report.texts, report.at)
      this.ask(report.id)
    } else follower.reader.end(errorFromData(report.error))
  }

  lost(): void {
    for (const { reader, begun } of this.followers.values()) {
      begun.reject(moved())
      reader.end(moved())
    }
  }

  /** FO-1 */
  private ask(id: number): void {
    const follower = this.followers.get(id)
    if (follower === undefined || !follower.isFollowing || follower.isAsking || follower.reader.isFull) return
    follower.isAsking = true
    this.tell({ type: 'next', id })
  }
}
