import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineComponent, defineSource, port, type Sink } from '../../../../src/component/index.ts'
import { Staging } from '../../../../src/connectors/staging.ts'
import { eventually } from '../../../support/eventually.ts'
import { type Message, Stage } from './stage.ts'

/** Quiet snapshots (AL-7): nothing may be on its way, so whatever holds an input has to let it come to the barrier. */

const quiet = { isAligned: true, alignMsMax: null }
const messageBytes = 10

/** Publishes numbers, and says that it is full with two of them. */
function fullWithTwo(published: number[]) {
  return defineComponent({
    inputs: { in: port<Message>() },
    setup: () => {
      const staging = new Staging<number>(2 * messageBytes)
      const sink: Sink<readonly number[]> = {
        prepare: () => staging.take(),
        commit: ({ staged }) => void published.push(...staged),
        recover: () => undefined,
        isFull: () => staging.isFull,
      }
      return { on: { in: ({ n }: Message) => staging.add(n, messageBytes) }, sink }
    },
  })
}

const numbers = Array.from({ length: 10 }, (_, n) => n)
const messages = numbers.map((n) => ({ key: `k${n}`, n }))

test('AL-7: a sink that is full takes what comes before the barrier of a quiet snapshot', async () => {
  const published: number[] = []
  const running = await new Stage().begin({ kind: fullWithTwo(published), messages, handles: 2 })
  const [instance] = running.instances
  // The source sends a message to a parcel, so it holds where it is full.
  await running.until('all to wait at the sink', () => instance!.received + instance!.queuedMessages === 10)
  assert.ok(instance!.received < 10, 'it is full, and holds its input')
  const { instances } = await running.take(quiet)
  assert.ok(instances.every(({ hasChannelState }) => !hasChannelState))
  await eventually('all to be published', () => published.length === 10)
  assert.deepEqual(published, numbers)
  await running.close()
})

test('IS-5: a sink that is full holds its input for any other snapshot, whose barrier overtakes what waits', async () => {
  const published: number[] = []
  const running = await new Stage().begin({ kind: fullWithTwo(published), messages, handles: 2 })
  const [instance] = running.instances
  await running.until('all to wait at the sink', () => instance!.received + instance!.queuedMessages === 10)
  const { received } = instance!
  const snapshot = running.beginSnapshot({ isAligned: true, alignMsMax: 1 })
  // What it had is prepared, so it goes on, whatever becomes of the snapshot.
  await running.until('it to go on', () => instance!.received > received)
  assert.deepEqual(published, [])
  const { instances } = await running.complete(snapshot)
  assert.ok(instances.some(({ hasChannelState }) => hasChannelState))
  await eventually('what it had to be published', () => published.length >= received)
  assert.deepEqual(published.slice(0, received), numbers.slice(0, received))
  await running.close()
})

test('a quiet snapshot is taken where barriers hold nothing and several messages are always at work', async () => {
  const gates = new Map<number, () => void>()
  const done: number[] = []
  const kind = defineComponent({
    inputs: { in: port<Message>() },
    concurrency: 2,
    on: {
      async in({ n }) {
        await new Promise<void>((resolve) => {
          gates.set(n, resolve)
        })
        done.push(n)
      },
    },
  })
  let asked: (() => void) | undefined
  let sent = 0
  const source = defineSource({
    outputs: { out: port<Message>() },
    rewinds: true,
    setup: () => ({
      async poll(_max, { emit }) {
        if (sent >= 2)
          await new Promise<void>((resolve) => {
            asked = resolve
          })
        emit.out({ key: 'k', n: sent++ })
        return 'more' as const
      },
      positions: () => ({}),
    }),
  })
  const running = await new Stage().begin({ kind, source, handles: 2 })
  const snapshot = running.beginSnapshot({ isAligned: false, alignMsMax: null })
  const [instance] = running.instances
  await running.until('the source to take the cut', () => running.sourceCut === snapshot)
  // What comes behind the barrier keeps it busy for as long as it is taken.
  await running.until('the source to be asked for more', () => asked !== undefined)
  asked!()
  await running.until('the next message to come', () => instance!.received + instance!.queuedMessages === 3)
  gates.get(0)!()
  await running.until('one message to be at its end', () => done.length === 1)
  gates.get(1)!()
  const { instances } = await running.complete(snapshot)
  assert.ok(instances.every(({ hasChannelState }) => !hasChannelState))
  await running.until('the next message to begin', () => gates.has(2))
  gates.get(2)!()
  await running.close()
})
