import type { Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { SourcePositions } from '../../component/define.ts'
import type { KeptOutcome, TrackedOptions, TrackFailure } from '../../component/tracking.ts'
import type { Journal } from '../../journal/journal.ts'
import type { Reader, ReaderOwner } from '../iterator-reader.ts'
import type { YieldAsked } from '../turn-pace.ts'
import { Intake } from './intake.ts'
import { decodeRecord } from './journal-record.ts'
import { asJournalPosition, type JournalPosition, Outlet, type Send } from './outlet.ts'

/** One journal that an instance reads: its own, or that of a copy that is no more. */
export interface OpenedJournal {
  readonly split: string
  readonly journal: Journal
}

interface Output {
  (message: unknown): void
  tracked(message: unknown, options: TrackedOptions): void
}

export interface JournaledMeans {
  /** The first is its own, which is written to. */
  readonly journals: readonly [OpenedJournal, ...OpenedJournal[]]
  readonly positions: SourcePositions | undefined
  readonly ports: readonly string[]
  readonly place: string
  readonly clock: Clock
  /** Of the thread's turns. Default: nobody asks. */
  readonly yieldAsked?: YieldAsked
  readonly stop: AbortController
  /** Deletes journals that no kept snapshot knows any more, since none knows but those of here. */
  readonly forgetOthers: () => Promise<void>
  /** Makes the source's own reader. */
  readonly source: (owner: ReaderOwner) => Reader | Promise<Reader>
}

/**
 * Gives a source positions that cannot say where it is: what it gives goes into a journal, and from there into the network.
 *
 * - JR-1 Only what is on the disk is sent, and only what was read from there: what is sent for the first time and what is sent again take
 *   the same way.
 * - JR-2 The source is asked for nothing before the network runs: until then, the journal may be another generation's to add to.
 * - JR-4 Tracked messages are tracked when they are sent, not when they are written. What is sent twice by who asks again is known by its id.
 * - JR-3 It is done when the end of the source is in its journal, and all was sent. One that was asked to end is done without that.
 */
export class JournaledReader implements Reader {
  private readonly intake: Intake
  private readonly outlets: readonly Outlet[]
  private readonly reading = new AbortController()
  private readonly forgetOthers: () => Promise<void>
  private hasForgotten = false
  private turn = 0
  private onNews: ((result: 'more') => void) | undefined

  /** The journals are closed with it, also where it cannot be made. Errors: SOURCE_POSITION_LOST, those of the source. */
  static async open(means: JournaledMeans): Promise<JournaledReader> {
    const { journals } = means
    try {
      for (const opened of journals) startOf(opened, means)
      const reader = new JournaledReader(means, await endsWithEnd(journals[0].journal, means.place))
      reader.intake.source = await means.source(reader.owner(means))
      return reader
    } catch (error) {
      await Promise.all(journals.map(({ journal }) => journal.close()))
      throw error
    }
  }

  private constructor(means: JournaledMeans, hasEnd: boolean) {
    const { journals, place } = means
    this.forgetOthers = means.forgetOthers
    const own = journals[0].journal
    // What was there before does not count: how much it is, nobody knows.
    const firstOfOurs = own.end
    this.intake = new Intake({ ...means, journal: own, wake: this.wake }, hasEnd)
    this.outlets = journals.map(
      (opened) =>
        new Outlet({
          ...opened,
          place,
          from: startOf(opened, means),
          signal: this.reading.signal,
          wake: this.wake,
          sent: (record, bytes) => {
            if (opened.journal === own && record >= firstOfOurs) this.intake.aheadBy(-bytes)
          },
        }),
    )
  }

  poll(
    max: number,
    { emit }: { readonly emit: Readonly<Record<string, Output>> },
  ): 'more' | 'done' | Promise<'more'> {
    const { intake, outlets } = this
    // Whoever has taken the journal over goes on: this one has nothing to say any more, and waits to be closed.
    if (intake.isSealed) return this.news()
    if (intake.failure !== undefined) throw intake.failure
    intake.begin()
    const send: Send = (port, message, tracked) => {
      const to = emit[port]
      if (to === undefined) throw portGone(port)
      if (tracked === undefined) to(message)
      else if (intake.source?.begins?.(tracked.id) !== false) to.tracked(message, tracked)
    }
    for (let tries = outlets.length; tries > 0; tries--) {
      const sent = outlets[this.turn % outlets.length]!.take(max, send)
      if (sent > 0) return 'more'
      this.turn++
    }
    if (this.isDone) return 'done'
    return this.news()
  }

  positions(): SourcePositions {
    return Object.fromEntries(this.outlets.map(({ split, position }) => [split, position]))
  }

  async release(positions: SourcePositions): Promise<void> {
    for (const { split, journal } of this.outlets) {
      const position = positions[split]
      if (position !== undefined) await journal.release(asJournalPosition(position, split).record)
    }
    if (this.hasForgotten) return
    await this.forgetOthers()
    this.hasForgotten = true
  }

  ack(id: unknown, message: unknown): void | PromiseLike<void> {
    return this.intake.source?.ack?.(id, message)
  }

  fail(id: unknown, failure: TrackFailure, message: unknown): void | PromiseLike<void> {
    return this.intake.source?.fail?.(id, failure, message)
  }

  timeout(id: unknown, message: unknown): void | PromiseLike<void> {
    return this.intake.source?.timeout?.(id, message)
  }

  answer(id: unknown, answer: unknown): void | PromiseLike<void> {
    return this.intake.source?.answer?.(id, answer)
  }

  complete(id: unknown, failure: TrackFailure | undefined): void {
    this.intake.source?.complete?.(id, failure)
  }

  lost(id: unknown, message: unknown): void | PromiseLike<void> {
    const { source } = this.intake
    return source?.lost === undefined ? source?.ack?.(id, message) : source.lost(id, message)
  }

  kept(): readonly KeptOutcome[] {
    return this.intake.source?.kept?.() ?? []
  }

  recall(kept: readonly KeptOutcome[], open: readonly unknown[]): void {
    this.intake.source?.recall?.(kept, open)
  }

  drain(): void {
    this.intake.drain()
    this.wake()
  }

  async close(): Promise<void> {
    this.reading.abort(new VertigoError('STOPPED', 'the source was closed'))
    try {
      await this.intake.stop()
    } finally {
      await Promise.all(this.outlets.map((outlet) => outlet.close()))
      await Promise.all(this.outlets.map(({ journal }) => journal.close()))
    }
  }

  private news(): Promise<'more'> {
    return new Promise((resolve) => {
      this.onNews = resolve
    })
  }

  private get isDone(): boolean {
    const [own, ...others] = this.outlets
    if (!others.every(({ isEmpty }) => isEmpty)) return false
    return own!.hasEnded || (this.intake.isOver && own!.isEmpty)
  }

  private owner({ clock, stop }: JournaledMeans): ReaderOwner {
    const { intake } = this
    return {
      outbox: { blocked: 0 },
      outputs: [{ send: intake.gather }],
      clock,
      pace: intake.pace,
      get takesMessages() {
        return intake.takesMessages
      },
      get isEnding() {
        return stop.signal.aborted
      },
    }
  }

  private readonly wake = (): void => {
    const { onNews } = this
    this.onNews = undefined
    onNews?.('more')
  }
}

/** Errors: SOURCE_POSITION_LOST */
function startOf({ split, journal }: OpenedJournal, { positions, place }: JournaledMeans): JournalPosition {
  const given = positions?.[split]
  const position = given === undefined ? { record: 0, message: 0 } : asJournalPosition(given, place)
  const { record, message } = position
  // In the middle of a record that is not there, something else is where it was.
  if (record >= journal.start && (record < journal.end || (record === journal.end && message === 0)))
    return position
  throw new VertigoError(
    'SOURCE_POSITION_LOST',
    `the journal of ${place} holds records ${journal.start} to ${journal.end}, and is to be read from ${position.record}`,
    { place: { component: place } },
  )
}

async function endsWithEnd(journal: Journal, place: string): Promise<boolean> {
  if (journal.end === journal.start) return false
  for await (const { records } of journal.read(journal.end - 1))
    return decodeRecord(records[0]!, place).kind === 'end'
  return false
}

function portGone(port: string): VertigoError {
  return new VertigoError(
    'SOURCE_MISUSED',
    `its journal has messages for port "${port}", which the source has not any more`,
  )
}
