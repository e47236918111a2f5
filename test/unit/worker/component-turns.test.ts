import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineComponent, defineSource, type Kind, port } from '../../../src/component/index.ts'
import { workerWith } from './small-worker.ts'
import { type Turn, turnsOf, WorkClock } from './turns.ts'

/** How long components keep their thread: in a turn of the event loop, others have theirs. */

const slowMs = 20

interface Setting {
  /** So many messages are quick, before the slow ones. */
  readonly quick: number
  readonly slow: number
  readonly queueMessagesMax?: number
  /** After which time in one turn somebody asks it to end; undefined where nobody looks. */
  readonly watchMs?: number
  readonly errors?: 'reject'
  readonly isTracked?: boolean
  /** So many connections lead on from the component. */
  readonly connections?: number
}

function messagesOf({ quick, slow, isTracked = false }: Setting): Kind {
  return defineSource({
    outputs: { out: port<{ readonly n: number; readonly ms: number }>() },
    ...(isTracked && { track: {} }),
    *read() {
      for (let n = 0; n < quick + slow; n++) yield { n, ms: n < quick ? 0.0001 : slowMs }
    },
  })
}

async function turnsWith(setting: Setting): Promise<readonly Turn[]> {
  const { quick, slow, watchMs = Infinity, ...means } = setting
  const clock = new WorkClock()
  const yieldAsked = new Int32Array(1)
  const got: number[] = []
  /** Handled in a turn that was asked to end. */
  const late: number[] = []
  let beganMs = 0
  const sink = defineComponent({
    inputs: { in: port<{ readonly n: number; readonly ms: number }>() },
    outputs: { out: port<number>() },
    on: {
      in: ({ n, ms }, { emit }) => {
        if (yieldAsked[0] !== 0) late.push(n)
        clock.workedMs += ms
        got.push(n)
        emit.out(n)
        if (clock.workedMs - beganMs > watchMs) yieldAsked[0] = 1
      },
    },
  })
  const source = messagesOf(setting)
  const worker = workerWith(clock, { source, sink }, { ...means, yieldAsked })
  await worker.prepare()
  worker.start()
  const all = quick + slow
  const turns: Turn[] = []
  await turnsOf(clock, got, all, (turn) => {
    beganMs = clock.workedMs
    turns.push(turn)
  })
  await worker.close()
  assert.deepEqual(late, [])
  assert.deepEqual(
    got,
    Array.from({ length: all }, (_, n) => n),
  )
  return turns
}

const longest = (turns: readonly Turn[]): number => Math.max(...turns.map(({ ms }) => ms))
const told = (turns: readonly Turn[]): string => turns.map(({ ms }) => Math.round(ms)).join(', ')

test('messages that are slow from the beginning are one, or two, in a turn of the event loop', async () => {
  const turns = await turnsWith({ quick: 0, slow: 50 })
  assert.ok(longest(turns) <= 2 * slowMs, told(turns))
})

test('they become slow, and are never as many at a time as a step has that reads the clock: the next are noticed', async () => {
  const turns = await turnsWith({ quick: 1000, slow: 200, queueMessagesMax: 50 })
  const long = turns.filter(({ ms }) => ms > 2 * slowMs)
  assert.ok(long.length <= 1, told(turns))
})

const watchMs = 250
/** Before the first slow one: of the step of 128 that it is in, most are slow. */
const quick = 700
for (const [what, setting] of Object.entries({
  'a synchronous handler': {},
  'one whose messages may be rejected': { errors: 'reject' },
  'tracked messages': { isTracked: true },
  'tracked messages that go on': { isTracked: true, connections: 1 },
  'tracked messages that go on over two connections': { isTracked: true, connections: 2 },
} satisfies Record<string, Partial<Setting>>))
  test(`a turn that is asked to end ends with the message that it is at: ${what}`, async () => {
    const unwatched = await turnsWith({ quick, slow: 200, ...setting })
    assert.ok(longest(unwatched) > 2 * watchMs, `nothing is shown: ${told(unwatched)}`)
    const turns = await turnsWith({ quick, slow: 200, watchMs, ...setting })
    assert.ok(longest(turns) <= watchMs + slowMs, told(turns))
  })
