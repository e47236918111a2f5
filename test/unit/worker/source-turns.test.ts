import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../../src/base/clock.ts'
import { defineComponent, defineSource, type Kind, port } from '../../../src/component/index.ts'
import type { Journal } from '../../../src/journal/journal.ts'
import { defaultChannelLimits } from '../../../src/messaging/limits.ts'
import { iteratorReader, type Reader, type ReaderOwner } from '../../../src/worker/iterator-reader.ts'
import { Intake } from '../../../src/worker/journal/intake.ts'
import type { Worker } from '../../../src/worker/worker.ts'
import { TurnPace } from '../../../src/worker/turn-pace.ts'
import { eventually } from '../../support/eventually.ts'
import { workerWith } from './small-worker.ts'
import { type Turn, turnsOf, WorkClock } from './turns.ts'

/** How long sources keep their thread, whatever they are made of: in a turn of the event loop, others have theirs. */

const [quick, slow] = [600, 400]
const all = quick + slow + quick
const [quickMs, slowMs] = [0.001, 20]

type Items = () => Iterable<number> | AsyncIterable<number>
type Poll = (max: number, send: (message: number) => void) => 'more' | 'done' | Promise<'more' | 'done'>

/** What sources give, each message of which takes its time: quick ones, slow ones, and quick ones again. */
function sources(
  clock: WorkClock,
  worked: () => void = () => undefined,
): Record<string, { readonly items: Items } | { readonly poll: Poll }> {
  let n = 0
  const next = (): number => {
    clock.workedMs += n < quick || n >= quick + slow ? quickMs : slowMs
    worked()
    return n++
  }
  const isLeft = (): boolean => n < all
  const some = (max: number, send: (message: number) => void): 'more' | 'done' => {
    for (let i = 0; i < max && isLeft(); i++) send(next())
    return isLeft() ? 'more' : 'done'
  }
  return {
    'a generator': {
      *items() {
        while (isLeft()) yield next()
      },
    },
    'an asynchronous generator that waits for nothing': {
      async *items() {
        while (isLeft()) yield next()
      },
    },
    'polls of one message': { poll: (_max, send) => some(1, send) },
    'polls of all that is asked for': { poll: some },
    'polls that are promises and wait for nothing': { poll: async (_max, send) => some(1, send) },
    'polls of all that is asked for that are promises': { poll: async (max, send) => some(max, send) },
  }
}

/**
 * Where they become slow, one step of quick messages is too long, or one poll; then each has a turn, or two where one has begun with a quick
 * one. Those that are quick are many in a turn, also afterwards.
 */
function assertShort(turns: readonly Turn[], got: readonly unknown[], turnsOfQuick = 80): void {
  assert.deepEqual(
    got,
    Array.from({ length: all }, (_, n) => n),
  )
  const told = turns.map(({ ms, got: messages }) => `${messages} in ${Math.round(ms)} ms`).join(', ')
  const long = turns.filter(({ ms }) => ms > 2 * slowMs + 1)
  assert.ok(long.length <= 1 && (long[0]?.ms ?? 0) < 260 * slowMs, told)
  assert.ok(turns.length < slow + turnsOfQuick, `${turns.length} turns: ${told}`)
}

describe('a source whose messages become slow, and quick again', () => {
  for (const name of Object.keys(sources(new WorkClock()))) {
    // What a poll is asked for is more than a step that reads the clock, and less.
    for (const queueMessagesMax of [defaultChannelLimits.queueMessagesMax, 50])
      test(`without a journal, ${queueMessagesMax} messages on their way: ${name}`, async () => {
        const clock = new WorkClock()
        const got: unknown[] = []
        const worker = workerOf(clock, sources(clock)[name]!, got, { queueMessagesMax })
        await worker.prepare()
        worker.start()
        // A promise of one message is waited for by itself.
        assertShort(await turnsOf(clock, got, all), got, name.includes('promises') ? Infinity : undefined)
        await worker.close()
      })

    test(`with a journal: ${name}`, async () => {
      const clock = new WorkClock()
      const got: unknown[] = []
      const intake = intakeOf(clock, sources(clock)[name]!, got)
      intake.begin()
      assertShort(await turnsOf(clock, got, all), got)
      await intake.stop()
    })
  }
})

const watchMs = 250
for (const name of ['a generator', 'an asynchronous generator that waits for nothing'])
  for (const hasJournal of [false, true])
    test(`a turn that is asked to end ends with the message that it is at: ${name}, ${hasJournal ? 'with' : 'without'} a journal`, async () => {
      const longestMs = async (asksAfterMs: number): Promise<number> => {
        const clock = new WorkClock()
        const yieldAsked = new Int32Array(1)
        let beganMs = 0
        const source = sources(clock, () => {
          if (clock.workedMs - beganMs > asksAfterMs) yieldAsked[0] = 1
        })[name]!
        const got: unknown[] = []
        const onTurn = (): void => {
          beganMs = clock.workedMs
          // With a journal it reads between the turns of instances: a heartbeat takes it back.
          if (hasJournal) yieldAsked[0] = 0
        }
        const worker = hasJournal ? undefined : workerOf(clock, source, got, { yieldAsked })
        const intake = hasJournal ? intakeOf(clock, source, got, yieldAsked) : undefined
        await worker?.prepare()
        worker?.start()
        intake?.begin()
        const turns = await turnsOf(clock, got, all, onTurn)
        await worker?.close()
        await intake?.stop()
        return Math.max(...turns.map(({ ms }) => ms))
      }
      const unwatchedMs = await longestMs(Infinity)
      assert.ok(unwatchedMs > 2 * watchMs, `nothing is shown: ${unwatchedMs} ms`)
      const watchedMs = await longestMs(watchMs)
      assert.ok(watchedMs <= watchMs + 2 * slowMs, `${watchedMs} ms`)
    })

test('a source that hears slowly what became of its messages does not keep its thread, and is asked for many', async () => {
  const clock = new WorkClock()
  const told: number[] = []
  const asked: number[] = []
  const count = 2_000
  let sent = 0
  const source = defineSource({
    outputs: { out: port<number>() },
    track: {},
    setup: () => ({
      poll(max, { emit }) {
        asked.push(max)
        for (let i = 0; i < max && sent < count; i++) emit.out.tracked(sent, { id: sent++ })
        return sent < count ? 'more' : 'done'
      },
      ack(id) {
        clock.workedMs += 6
        told.push(id as number)
      },
    }),
  })
  const sink = defineComponent({ inputs: { in: port<number>() }, on: { in: () => undefined } })
  const worker = workerWith(clock, { source, sink })
  await worker.prepare()
  worker.start()
  const turns = await turnsOf(clock, told, count)
  await worker.close()
  assert.deepEqual(
    told,
    Array.from({ length: count }, (_, n) => n),
  )
  assert.ok(Math.max(...turns.map(({ ms }) => ms)) <= 12, turns.map(({ ms }) => ms).join(', '))
  assert.equal(Math.max(...asked), 256)
})

test('an iterator is asked for nothing more once its source has been stopped while others had their turn', async () => {
  const clock = new WorkClock()
  const waiting: (() => void)[] = []
  let [asked, takesMessages] = [0, true]
  async function* items(): AsyncGenerator<number> {
    for (;;) {
      clock.workedMs += slowMs
      yield asked++
    }
  }
  const pace = new TurnPace()
  pace.begin(clock.monotonic())
  const reader = iteratorReader(items(), {
    outbox: { blocked: 0 },
    outputs: [{ send: () => undefined }],
    clock: Object.assign(clock, { soon: (action: () => void) => void waiting.push(action) }),
    pace,
    get takesMessages() {
      return takesMessages
    },
    isEnding: false,
  })
  const polled = reader.poll(10, {})
  await eventually('it lets others have their turn', () => waiting.length === 1)
  takesMessages = false
  waiting[0]!()
  await polled
  assert.equal(asked, 1)
})

test('a source that nobody is connected to does not keep its thread either', async () => {
  const clock = new WorkClock()
  const got: number[] = []
  const source = defineSource({
    outputs: { out: port<number>() },
    *read() {
      for (let n = 0; n < 50; n++) {
        clock.workedMs += slowMs
        got.push(n)
        yield n
      }
    },
  })
  const worker = workerWith(clock, { source })
  await worker.prepare()
  worker.start()
  const turns = await turnsOf(clock, got, 50)
  await worker.close()
  assert.ok(Math.max(...turns.map(({ ms }) => ms)) <= 2 * slowMs, turns.map(({ ms }) => ms).join(', '))
})

function workerOf(
  clock: Clock,
  source: { readonly items: Items } | { readonly poll: Poll },
  got: unknown[],
  options: Parameters<typeof workerWith>[2],
): Worker {
  const outputs = { out: port<number>() }
  const kind: Kind =
    'items' in source
      ? defineSource({ outputs, read: source.items })
      : defineSource({
          outputs,
          setup: () => ({ poll: (max, { emit }) => source.poll(max, emit.out) }),
        })
  const sink = defineComponent({ inputs: { in: port<number>() }, on: { in: (n) => void got.push(n) } })
  return workerWith(clock, { source: kind, sink }, options)
}

function intakeOf(
  clock: Clock,
  source: { readonly items: Items } | { readonly poll: Poll },
  got: unknown[],
  yieldAsked?: Int32Array,
): Intake {
  // A disk takes longer than a turn of the event loop.
  const journal = { append: () => sleep(1, 0) } as unknown as Journal
  const about = {
    ports: ['out'],
    place: 'source[0]',
    clock,
    stop: new AbortController(),
    wake: () => undefined,
  }
  const intake = new Intake({ journal, ...about, ...(yieldAsked && { yieldAsked }) }, false)
  const send = (message: number): void => {
    got.push(message)
    intake.gather(message)
  }
  const owner: ReaderOwner = {
    outbox: { blocked: 0 },
    outputs: [{ send: (message) => send(message as number) }],
    clock,
    pace: intake.pace,
    takesMessages: true,
    isEnding: false,
  }
  const reader: Reader =
    'items' in source ? iteratorReader(source.items(), owner) : { poll: (max) => source.poll(max, send) }
  intake.source = reader
  return intake
}
