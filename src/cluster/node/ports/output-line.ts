import type { Clock } from '../../../base/clock.ts'
import { errorFromData, VertigoError } from '../../../base/errors.ts'
import type { ClientPortCommand, ClientPortReport } from '../../../component/client-port.ts'
import type { PortNews } from '../../client/index.ts'
import { Followers } from './followers.ts'
import { moved } from './input-line.ts'
import { PortReader } from './port-reader.ts'

/** Readers of one exported output, over all nodes. */
export const readersMax = 64

export interface ReadLineOptions {
  readonly after?: string | undefined
  readonly uncommitted?: boolean | undefined
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * The node's end of the line to the instance behind an exported output: all readers, wherever they are, are here.
 *
 * - OL-1 Each reader gets all messages that come after its `reading`; where it reads what is committed, by `followers.ts`.
 * - OL-2 The instance is asked for more only while every reader has room; one that keeps it waiting is ended.
 */
export class OutputLine {
  private readonly tell: (command: ClientPortCommand) => void
  private readonly clock: Clock
  private readonly isCommitted: boolean
  private readonly followers: Followers
  private readonly readers = new Set<PortReader>()
  private beginning: Waiting[] = []
  private state: 'quiet' | 'asked' | 'reading' | 'lost' = 'quiet'
  private isPulling = false
  private lastId = 0
  private lastRead = 0

  /** `isCommitted`: the instance can be followed. */
  constructor(tell: (command: ClientPortCommand) => void, clock: Clock, isCommitted = false) {
    this.tell = tell
    this.clock = clock
    this.isCommitted = isCommitted
    this.followers = new Followers(tell, clock)
  }

  /** Errors: PORT_BUSY, READER_TOO_SLOW, CLIENT_MESSAGE_TOO_LARGE; PORT_MOVED at the end of the instance. */
  async *read(
    signal: AbortSignal,
    { after, uncommitted = false }: ReadLineOptions = {},
  ): AsyncGenerator<PortNews, void, undefined> {
    if (this.state === 'lost') throw moved()
    if (this.readers.size + this.followers.size >= readersMax)
      throw new VertigoError('PORT_BUSY', `The exported port has ${readersMax} readers already.`)
    const isFollowed = this.isCommitted && !uncommitted
    yield* isFollowed ? this.followers.read(++this.lastId, after, signal) : this.readAll(signal)
  }

  private async *readAll(signal: AbortSignal): AsyncGenerator<PortNews, void, undefined> {
    const reader = new PortReader({ clock: this.clock, onRoom: () => this.pull() })
    this.readers.add(reader)
    try {
      await this.begin(signal)
      yield { type: 'reading' }
      this.pull()
      while (!signal.aborted) yield { type: 'messages', texts: (await reader.take(signal)).texts }
    } finally {
      this.readers.delete(reader)
      reader.end(moved())
      this.afterLeaving()
    }
  }

  receive(report: ClientPortReport): void {
    switch (report.type) {
      case 'reading':
        if (this.state !== 'asked' || report.id !== this.lastRead) return
        this.state = 'reading'
        for (const { resolve } of this.beginning.splice(0)) resolve()
        this.pull()
        break
      case 'messages':
        this.isPulling = false
        for (const reader of this.readers) reader.push(report.texts)
        this.pull()
        break
      case 'unfit':
        for (const reader of this.readers) reader.end(errorFromData(report.error))
        break
      case 'following':
      case 'part':
      case 'unfollowed':
        this.followers.receive(report)
        break
      default:
        break
    }
  }

  /** The instance is gone, or its thread. What has come is still given. */
  lost(): void {
    this.state = 'lost'
    for (const { reject } of this.beginning.splice(0)) reject(moved())
    for (const reader of this.readers) reader.end(moved())
    this.followers.lost()
  }

  private begin(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.state === 'reading') return Promise.resolve()
    if (this.state === 'quiet') {
      this.state = 'asked'
      this.tell({ type: 'read', id: ++this.lastRead })
    }
    return new Promise((resolve, reject) => {
      this.beginning.push({ resolve, reject })
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    })
  }

  /** OL-2 */
  private pull(): void {
    if (this.state !== 'reading' || this.isPulling || this.readers.size === 0) return
    for (const reader of this.readers) if (reader.isFull) return
    this.isPulling = true
    this.tell({ type: 'pull' })
  }

  private afterLeaving(): void {
    if (this.readers.size > 0) this.pull()
    else if (this.state === 'reading' || this.state === 'asked') {
      this.state = 'quiet'
      this.isPulling = false
      this.tell({ type: 'unread' })
    }
  }
}
