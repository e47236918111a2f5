import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import type { SourcePosition } from '../../component/define.ts'
import type { TrackedOptions } from '../../component/tracking.ts'
import type { Journal } from '../../journal/journal.ts'
import { decodeRecord, type JournalRecord } from './journal-record.ts'

/** Where the next message is: the record, and the number of the message in it. */
export interface JournalPosition {
  readonly record: number
  readonly message: number
}

const positionVersion = 1

export function asJournalPosition(given: SourcePosition, place: string): JournalPosition {
  const position = given.position as Partial<JournalPosition> | null
  if (
    given.version === positionVersion &&
    Number.isSafeInteger(position?.record) &&
    Number.isSafeInteger(position?.message)
  )
    return position as JournalPosition
  throw new VertigoError(
    'SOURCE_POSITION_LOST',
    `the position of ${place} is none of a journal that this version reads`,
  )
}

/** `tracked`: how, where it is. */
export type Send = (port: string, message: unknown, tracked: TrackedOptions | undefined) => void

export interface OutletMeans {
  readonly journal: Journal
  readonly split: string
  readonly place: string
  readonly from: JournalPosition
  readonly signal: AbortSignal
  /** There may be something to take. */
  readonly wake: () => void
  /** A record has been sent as a whole. */
  readonly sent: (record: number, bytes: number) => void
}

/** Reads one journal, and sends what is in it: only what is on the disk, in its order, and each message once. */
export class Outlet {
  readonly journal: Journal
  readonly split: string
  private readonly means: OutletMeans
  private readonly batches: AsyncIterator<{ readonly records: readonly Uint8Array[] }>
  private records: readonly Uint8Array[] = []
  /** In `records`. */
  private at = 0
  private open: JournalRecord | undefined
  private record: number
  private message: number
  private isFetching = false
  private failure: Error | undefined

  constructor(means: OutletMeans) {
    this.means = means
    this.journal = means.journal
    this.split = means.split
    this.record = means.from.record
    this.message = means.from.message
    this.batches = means.journal.read(this.record, { signal: means.signal })
  }

  /** All before it was sent. */
  get position(): SourcePosition {
    const { record, message } = this
    return { version: positionVersion, position: { record, message } satisfies JournalPosition }
  }

  get recordPosition(): number {
    return this.record
  }

  /** It has come to the record that says that there is nothing behind. */
  get hasEnded(): boolean {
    return this.open?.kind === 'end'
  }

  /** All that is in the journal now was sent. */
  get isEmpty(): boolean {
    return this.hasEnded || this.record === this.journal.end
  }

  /** Sends up to `max` messages, without waiting, and gives their number. */
  take(max: number, emit: Send): number {
    if (this.failure !== undefined) throw this.failure
    let sent = 0
    while (sent < max) {
      const open = this.current()
      if (open?.kind !== 'messages') break
      const { ports, portOf, messages, tracked } = open
      for (; sent < max && this.message < messages.length; sent++) {
        const index = this.message++
        emit(ports[portOf?.[index] ?? 0]!, messages[index], tracked?.[index] ?? undefined)
      }
      if (this.message >= messages.length) this.next()
    }
    return sent
  }

  /** Lets go of the file that it reads; the signal has been aborted, so that a read that waits ends. */
  async close(): Promise<void> {
    await this.batches.return?.().then(undefined, () => undefined)
  }

  private current(): JournalRecord | undefined {
    if (this.open !== undefined) return this.open
    const bytes = this.records[this.at]
    if (bytes === undefined) this.fetch()
    else this.open = decodeRecord(bytes, this.means.place)
    return this.open
  }

  private next(): void {
    const record = this.record++
    this.message = 0
    this.open = undefined
    const { length } = this.records[this.at++]!
    this.means.sent(record, length)
  }

  private fetch(): void {
    if (this.isFetching) return
    this.isFetching = true
    this.batches.next().then(
      (step) => {
        this.isFetching = false
        // It ends with the journal, which is closed with the instance.
        if (step.done === true) return
        this.records = step.value.records
        this.at = 0
        this.means.wake()
      },
      (error: unknown) => {
        if (this.means.signal.aborted) return
        this.isFetching = false
        this.failure = explained(error, this.means.place)
        this.means.wake()
      },
    )
  }
}

function explained(error: unknown, place: string): Error {
  if (!isVertigoError(error) || error.code !== 'JOURNAL_POSITION_GONE') return asError(error)
  return new VertigoError(
    'SOURCE_POSITION_LOST',
    `the journal of ${place} does not reach back to its position`,
    {
      cause: error,
    },
  )
}
