import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineComponent, type Kind, list, map, port, value } from '../../../../src/component/index.ts'
import { Restoring } from '../../../../src/worker/snapshots/restoring.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { type Message, Stage } from './stage.ts'

const kind: Kind = defineComponent({
  inputs: { in: port<Message>() },
  state: { sum: value(0), all: list<number>(), last: map<string, number>() },
  on: {
    in({ key, n }, { state }) {
      state.sum.update((sum) => sum + n)
      state.all.push(n)
      state.last.set(key, n)
    },
  },
})

const messages = (count: number, from: number): Message[] =>
  Array.from({ length: count }, (_, at) => ({ key: `k${at % 400}`, n: from + at }))

/** What a loop makes of them. */
function expected(all: readonly Message[]): Record<string, unknown> {
  const keys = Map.groupBy(all, ({ key }) => key)
  const states = [...keys].map(([key, of]) => {
    const numbers = of.map(({ n }) => n)
    const sum = numbers.reduce((a, b) => a + b, 0)
    return [key, { sum, all: numbers, last: new Map([[key, numbers.at(-1)]]) }] as const
  })
  return Object.fromEntries(states.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

test('messages are handled while most of the state is still bytes, and increments stand on what was restored', async () => {
  const stage = new Stage()
  const parts = [messages(1_000, 0), messages(3, 5_000), messages(150, 9_000), messages(700, 20_000)]
  const before = await stage.begin({ kind, messages: parts[0]! })
  let from = await before.take()
  await before.close()
  for (const more of parts.slice(1)) {
    const running = await stage.begin({ kind, messages: more, from })
    from = await running.take()
    const files = from.instances.find(({ component }) => component === 'it')!.files
    assert.equal(files[0]!.kind, 'full')
    assert.equal(files.at(-1)!.kind, 'increment')
    await running.until('all is read', () => running.instances[0]!.keyed!.restoring?.isWaiting === false)
    await running.close()
  }
  const last = await stage.begin({ kind, from })
  assert.equal(last.instances[0]!.keyed!.restoring?.isWaiting, true)
  assert.deepEqual(last.keyed, expected(parts.flat()))
  await last.close()
})

test('what cannot be read is the failure of its instance, told once', () => {
  const failures: unknown[] = []
  let steps = 0
  const work = {
    isWaiting: true,
    step(): void {
      steps++
      throw new Error('cannot be read')
    },
  }
  const clock = new TestClock()
  new Restoring(work, { fail: (error) => failures.push(error) }, clock).begin()
  clock.advance(10_000)
  assert.equal(steps, 1)
  assert.deepEqual(failures.map(String), ['Error: cannot be read'])
})

test('groups are read with pauses that leave the processor to others, until it is stopped', () => {
  const clock = new TestClock()
  let atMs: number[] = []
  const work = {
    isWaiting: true,
    step(): void {
      atMs.push(clock.now())
      clock.advance(5)
    },
  }
  const restoring = new Restoring(work, { fail: assert.fail }, clock)
  restoring.begin()
  clock.advance(99)
  assert.deepEqual(atMs, [])
  clock.advance(1_000)
  assert.ok(atMs.length > 10)
  for (const [at, ms] of atMs.slice(1).entries()) assert.ok(ms - atMs[at]! >= 25)
  restoring.stop()
  atMs = []
  clock.advance(1_000)
  assert.deepEqual(atMs, [])
})
