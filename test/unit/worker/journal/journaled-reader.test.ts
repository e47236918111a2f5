import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { VertigoError } from '../../../../src/base/errors.ts'
import type { TrackedOptions, TrackInsights } from '../../../../src/component/tracking.ts'
import type { SourcePositions } from '../../../../src/component/define.ts'
import type { Journal, JournalBatch } from '../../../../src/journal/journal.ts'
import { eventLoopTurn, TestClock } from '../../../../src/testkit/test-clock.ts'
import type { Reader } from '../../../../src/worker/iterator-reader.ts'
import { JournaledReader } from '../../../../src/worker/journal/journaled-reader.ts'
import { eventually } from '../../../support/eventually.ts'

/** A journal whose writes end when the test says so. */
class SlowJournal implements Journal {
  start = 0
  readonly records: Uint8Array[] = []
  readonly pending: {
    readonly record: Uint8Array
    readonly done: (position: number) => void
    readonly failed: (error: Error) => void
  }[] = []
  /** Writes end at once. */
  isFast = false
  isClosed = false

  get end(): number {
    return this.records.length
  }

  get bytes(): number {
    return 0
  }

  append(record: Uint8Array): Promise<number> {
    return new Promise((done, failed) => {
      this.pending.push({ record: record.slice(), done, failed })
      if (this.isFast) this.write()
    })
  }

  /** Of the first that waits. */
  write(): void {
    const { record, done } = this.pending.shift()!
    this.records.push(record)
    done(this.records.length - 1)
  }

  refuse(error: Error): void {
    this.pending.shift()!.failed(error)
  }

  async *read(
    from: number,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<JournalBatch> {
    for (let position = from; ; position++) {
      while (position >= this.records.length) {
        await eventLoopTurn()
        signal?.throwIfAborted()
        if (this.isClosed) return
      }
      yield { position, records: [this.records[position]!] }
    }
  }

  release(upTo: number): Promise<void> {
    this.start = upTo
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.isClosed = true
    return Promise.resolve()
  }
}

type Tracking = ((message: unknown) => void) & {
  tracked: (message: unknown, options: TrackedOptions) => void
}
type Kept = (tell: (error?: Error) => void) => void
type Poll = (
  emit: { readonly out: (message: unknown) => void },
  kept: Kept,
) => 'more' | 'done' | Promise<'more'>

const opened: JournaledReader[] = []
afterEach(() => Promise.all(opened.splice(0).map((reader) => reader.close())))

class Rig {
  readonly sent: unknown[] = []
  readonly journal: SlowJournal
  readonly reader: JournaledReader
  private readonly emit = {
    out: Object.assign((message: unknown) => void this.sent.push(message), {
      tracked: (message: unknown, options: TrackedOptions) => void this.sent.push([message, options]),
    }),
  }

  private constructor(journal: SlowJournal, reader: JournaledReader) {
    this.journal = journal
    this.reader = reader
  }

  static async open(
    journal: SlowJournal,
    poll: Poll,
    positions?: SourcePositions,
    clock = new TestClock(),
    insights: TrackInsights = {},
  ): Promise<Rig> {
    const source: Reader = {
      ...insights,
      poll: (_max, context) => {
        const { emit, kept } = context as { emit: { out: (message: unknown) => void }; kept: Kept }
        return poll(emit, kept)
      },
    }
    const reader = await JournaledReader.open({
      journals: [{ split: 'journal/1/0', journal }],
      positions,
      ports: ['out'],
      place: 'it[0]',
      clock,
      stop: new AbortController(),
      forgetOthers: () => Promise.resolve(),
      source: () => source,
    })
    opened.push(reader)
    return new Rig(journal, reader)
  }

  /** One poll; false where it waits. */
  poll(max: number): 'more' | 'done' | false {
    const result = this.reader.poll(max, { emit: this.emit })
    return typeof result === 'string' ? result : false
  }

  async untilSent(count: number, max: number): Promise<void> {
    await eventually(`${count} messages are sent`, () => {
      while (this.sent.length < count && this.poll(Math.min(max, count - this.sent.length)) === 'more');
      return this.sent.length >= count
    })
  }
}

const never = new Promise<'more'>(() => {})

/** Gives each of these in a poll of its own, and then waits. */
function giving(batches: readonly (readonly unknown[])[], told: unknown[] = []): Poll {
  let at = 0
  return (emit, kept) => {
    const batch = batches[at++]
    if (batch === undefined) return never
    for (const message of batch) emit.out(message)
    kept((error) => told.push(error ?? batch))
    return 'more'
  }
}

test('IT-1 what was given is acknowledged, and sent, when the disk has it, and not before', async () => {
  const told: unknown[] = []
  const rig = await Rig.open(new SlowJournal(), giving([['a', 'b'], ['c']], told))
  assert.equal(rig.poll(10), false)
  await eventually('it is written', () => rig.journal.pending.length === 1)
  for (let turn = 0; turn < 5; turn++) await eventLoopTurn()
  rig.poll(10)
  assert.deepEqual([told, rig.sent], [[], []])
  rig.journal.isFast = true
  rig.journal.write()
  await rig.untilSent(3, 10)
  assert.deepEqual(rig.sent, ['a', 'b', 'c'])
  assert.deepEqual(told, [['a', 'b'], ['c']])
  await rig.reader.close()
})

test('a position may be in the middle of a record, and the rest of it is sent once', async () => {
  const journal = new SlowJournal()
  journal.isFast = true
  const messages = Array.from({ length: 20 }, (_, n) => n)
  const first = await Rig.open(journal, giving([messages]))
  await first.untilSent(7, 3)
  const positions = structuredClone(first.reader.positions())
  await first.untilSent(12, 3)
  await first.reader.close()
  journal.isClosed = false
  const second = await Rig.open(journal, giving([]), positions)
  await second.untilSent(13, 3)
  assert.deepEqual(second.sent, messages.slice(7))
  await second.reader.close()
})

test('IT-1 while the journal is full, nothing is acknowledged and nothing overtakes; then it goes on in order', async () => {
  const told: unknown[] = []
  const clock = new TestClock()
  const rig = await Rig.open(new SlowJournal(), giving([['a'], ['b'], ['c']], told), undefined, clock)
  rig.poll(10)
  await eventually('it is written', () => rig.journal.pending.length === 1)
  for (let times = 0; times < 3; times++) {
    rig.journal.refuse(new VertigoError('JOURNAL_FULL', 'no room'))
    await eventually('it waits for room', () => clock.nextDueMs !== undefined)
    assert.equal(rig.journal.pending.length, 0)
    assert.deepEqual(told, [])
    clock.advance(100)
    await eventually('it is tried again', () => rig.journal.pending.length === 1)
  }
  rig.journal.isFast = true
  rig.journal.write()
  await rig.untilSent(3, 10)
  assert.deepEqual(rig.sent, ['a', 'b', 'c'])
  assert.deepEqual(told, [['a'], ['b'], ['c']])
  await rig.reader.close()
})

test('IT-3 who was taken over acknowledges nothing more, and does not fail', async () => {
  const told: unknown[] = []
  const rig = await Rig.open(new SlowJournal(), giving([['a']], told))
  rig.poll(10)
  await eventually('it is written', () => rig.journal.pending.length === 1)
  rig.journal.refuse(new VertigoError('JOURNAL_SEALED', 'taken over'))
  await eventually('the giver is told', () => told.length === 1)
  assert.ok(told[0] instanceof VertigoError && told[0].code === 'JOURNAL_SEALED')
  assert.equal(rig.poll(10), false)
  await rig.reader.close()
})

test('a journal that fails fails the source, and tells the giver', async () => {
  const told: unknown[] = []
  const rig = await Rig.open(new SlowJournal(), giving([['a']], told))
  rig.poll(10)
  await eventually('it is written', () => rig.journal.pending.length === 1)
  rig.journal.refuse(new VertigoError('JOURNAL_FAILED', 'the disk is broken'))
  await eventually('the giver is told', () => told.length === 1)
  assert.throws(() => rig.poll(10), { code: 'JOURNAL_FAILED' })
  await rig.reader.close()
})

test('JR-3 the end of the source is in the journal: whoever goes on asks it for nothing', async () => {
  const journal = new SlowJournal()
  journal.isFast = true
  let polls = 0
  const ending: Poll = (emit) => {
    polls++
    emit.out(polls)
    return polls < 3 ? 'more' : 'done'
  }
  const first = await Rig.open(journal, ending)
  await first.untilSent(3, 1)
  await eventually('it is done', () => first.poll(10) === 'done')
  const positions = first.reader.positions()
  await first.reader.close()
  journal.isClosed = false
  const second = await Rig.open(journal, ending, positions)
  await eventually('it is done', () => second.poll(10) === 'done')
  assert.deepEqual([second.sent, polls], [[], 3])
  await second.reader.close()
  journal.isClosed = false
  const anew = await Rig.open(journal, ending)
  await anew.untilSent(3, 2)
  await eventually('it is done', () => anew.poll(10) === 'done')
  assert.deepEqual([anew.sent, polls], [[1, 2, 3], 3])
  await anew.reader.close()
})

test('one that is asked to end sends what it has accepted, and may be gone on with', async () => {
  const journal = new SlowJournal()
  journal.isFast = true
  const rig = await Rig.open(journal, giving([['a', 'b']]))
  await rig.untilSent(1, 1)
  rig.reader.drain()
  // A source without `drain` is told by the signal, and given a while.
  await rig.untilSent(2, 1)
  assert.deepEqual(rig.sent, ['a', 'b'])
  assert.equal(journal.records.length, 1, 'its end is not written')
  await rig.reader.close()
})

test('IT-4 one that is asked to end waits for what a slow journal has not written yet', async () => {
  const journal = new SlowJournal()
  const clock = new TestClock()
  let emitOut = (_message: unknown): void => undefined
  const poll: Poll = (emit) => {
    emitOut = (message) => emit.out(message)
    emit.out('a')
    return never
  }
  const rig = await Rig.open(journal, poll, undefined, clock)
  assert.equal(rig.poll(1), false)
  await eventually('it is being written', () => journal.pending.length === 1)
  rig.reader.drain()
  clock.advance(5_000)
  await eventLoopTurn()
  assert.equal(rig.poll(1), false, 'the poll has had its time, and what it gave is not written')
  assert.throws(() => emitOut('b'), { code: 'STOPPED' }, 'nothing more is taken')
  journal.write()
  await rig.untilSent(1, 1)
  await eventually('it is done', () => rig.poll(1) === 'done')
  assert.deepEqual(rig.sent, ['a'])
})

test('what cannot be kept as it is fails the source by name; groups are refused', async () => {
  class Unknown {
    readonly x = 1
  }
  const journal = new SlowJournal()
  const rig = await Rig.open(journal, giving([[new Unknown()]]))
  rig.poll(1)
  await eventually('it has failed', () => {
    try {
      rig.poll(1)
      return false
    } catch (error) {
      assert.ok(error instanceof VertigoError)
      assert.equal(error.code, 'MESSAGE_NOT_ENCODABLE')
      return true
    }
  })
  await rig.reader.close()
  const grouping = await Rig.open(new SlowJournal(), (emit) => {
    ;(emit.out as unknown as { group: () => void }).group()
    return never
  })
  grouping.poll(1)
  await eventually('it has failed', () => {
    try {
      grouping.poll(1)
      return false
    } catch (error) {
      assert.ok(error instanceof VertigoError)
      assert.equal(error.code, 'SOURCE_MISUSED')
      return true
    }
  })
  await grouping.reader.close()
})

test('JR-4 how a message is tracked is in the journal; what was sent by its id before is let go, and what is heard goes to the source', async () => {
  const journal = new SlowJournal()
  journal.isFast = true
  const options = { id: 'a', wantsAnswers: true, timeoutMs: 5 }
  const rig = await Rig.open(journal, (emit) => {
    const { out } = emit as { out: Tracking }
    out('plain')
    for (const id of ['a', 'b', 'a']) out.tracked(id, { ...options, id })
    return never
  })
  await rig.untilSent(4, 10)
  const sent = ['plain', ['a', options], ['b', { ...options, id: 'b' }], ['a', options]]
  assert.deepEqual(rig.sent, sent)
  await rig.reader.close()

  // In another life, out of the journal alone.
  const kept = new SlowJournal()
  kept.records.push(...journal.records)
  const heard: string[] = []
  const hear = (what: string) => (id: unknown) => void heard.push(`${what} ${String(id)}`)
  const begun = new Set<unknown>()
  const again = await Rig.open(kept, () => never, undefined, new TestClock(), {
    begins: (id) => !begun.has(id) && begun.add(id) !== undefined,
    ack: hear('ack'),
    fail: hear('fail'),
    timeout: hear('timeout'),
    answer: hear('answer'),
    complete: hear('complete'),
    lost: hear('lost'),
    kept: () => [{ id: 'k', text: '1' }],
    recall: (known, open) => void heard.push(`recall ${known.length} ${open.join()}`),
  })
  again.reader.recall([{ id: 'x' }], ['y'])
  await again.untilSent(3, 10)
  await eventually('the last one is let go', () => again.poll(10) === false)
  assert.deepEqual(again.sent, sent.slice(0, 3))
  const { reader } = again
  reader.answer('a', 1)
  reader.complete('a', undefined)
  reader.ack('a', 'a')
  reader.lost('b', 'b')
  reader.timeout('c', 'c')
  assert.deepEqual(heard, ['recall 1 y', 'answer a', 'complete a', 'ack a', 'lost b', 'timeout c'])
  assert.deepEqual(reader.kept(), [{ id: 'k', text: '1' }])
})

test('a source that does not know of lost answers hears `ack`', async () => {
  const heard: unknown[] = []
  const { reader } = await Rig.open(new SlowJournal(), () => never, undefined, new TestClock(), {
    ack: (...told) => void heard.push(told),
  })
  reader.lost('a', 'message')
  assert.deepEqual(heard, [['a', 'message']])
})
