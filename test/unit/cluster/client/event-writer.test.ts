import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from '../../../../src/base/random.ts'
import { systemClock } from '../../../../src/base/clock.ts'
import { EventLog, eventsMax, EventWriter, type NewEvent } from '../../../../src/cluster/client/index.ts'
import { burstMax, repeatMs } from '../../../../src/cluster/client/event-writer.ts'
import { ClusterKeys } from '../../../../src/cluster/protocol/index.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { eventually } from '../../../support/eventually.ts'

class World {
  readonly clock = new TestClock()
  readonly written: NewEvent[] = []
  readonly troubles: string[] = []
  /** What the store does with a batch. */
  store: () => Promise<void> = async () => undefined
  readonly writer = new EventWriter({
    node: 'n',
    clock: this.clock,
    log: {
      appendAll: async (events) => {
        await this.store()
        this.written.push(...events)
      },
    },
    troubled: (error) => this.troubles.push(error.message),
  })

  get texts(): string[] {
    return this.written.map(({ text }) => text)
  }

  tell(text: string): void {
    this.writer.tell({ type: 'test', text })
  }
}

test('what the store does not take waits, and is written in order with its time', async () => {
  const world = new World()
  let isAway = true
  world.store = async () => {
    if (isAway) throw new Error('away')
  }
  const atMs = world.clock.now()
  world.tell('one')
  await eventually('it is told', () => world.troubles.length > 0)
  world.clock.advance(50)
  world.tell('two')
  isAway = false
  await eventually('both are written', () => {
    world.clock.advance(1_000)
    return world.texts.length === 2
  })
  assert.deepEqual(
    world.written.map(({ text, atMs: at }) => [text, (at ?? 0) - atMs]),
    [
      ['one', 0],
      ['two', 50],
    ],
  )
  await world.writer.close()
})

test('the same is not said again at once, and a storm is cut and counted', async () => {
  const world = new World()
  for (let n = 0; n < 1_000; n++) world.tell('again')
  await eventually('it is written', () => world.texts.length === 1)
  world.clock.advance(repeatMs + 1)
  world.tell('again')
  await eventually('it is written later', () => world.texts.length === 2)

  for (let n = 0; n < 1_000; n++) world.tell(String(n))
  await eventually('the burst is written', () => world.texts.length === 2 + burstMax - 1)
  world.clock.advance(10_000)
  world.tell('after')
  await eventually('what is left out is counted', () => world.texts.at(-1) === 'after')
  assert.match(world.texts.at(-2)!, /^901 events of the node n were left out/)
  await world.writer.close()
})

test('a node that ends does not wait for a store that does not answer', async () => {
  const world = new World()
  world.store = () => {
    const { promise } = Promise.withResolvers<void>()
    return promise
  }
  world.tell('one')
  let isClosed = false
  const closed = world.writer.close().then(() => {
    isClosed = true
  })
  await eventually('it is closed', () => {
    world.clock.advance(1_000)
    return isClosed
  })
  await closed
  assert.deepEqual(world.troubles, ['1 events were not written before the node ended'])
  world.tell('two')
  assert.deepEqual(world.written, [])
})

test('the log holds the newest events, in one order from many writers, and of a mark only the first', async (t) => {
  const store = storeOver(new MemoryBackend({ clock: systemClock }), systemClock)
  t.after(() => store.close())
  const make = (): EventLog =>
    new EventLog(store, new ClusterKeys('c'), { clock: systemClock, random: systemRandom })
  const logs = [make(), make(), make()]
  const batches = Math.ceil(eventsMax / 30 / 3) + 2
  await Promise.all(
    logs.map(async (log, of) => {
      for (let batch = 0; batch < batches; batch++)
        await log.appendAll(
          Array.from({ length: 30 }, (_, at) => ({ type: 'test', text: `${of} ${batch * 30 + at}` })),
        )
      await log.append({ type: 'end', text: `end by ${of}`, once: 'end' })
    }),
  )
  const kept = await logs[0]!.read(0, 5_000)
  assert.equal(kept.length, eventsMax)
  assert.equal(kept.at(-1)!.number, batches * 90 + 1)
  assert.deepEqual(
    kept.map(({ number }) => number),
    Array.from({ length: eventsMax }, (_, at) => kept[0]!.number + at),
  )
  assert.equal(kept.filter(({ type }) => type === 'end').length, 1)
  assert.ok(kept.every((event) => !('once' in event)))
  for (const writer of [0, 1, 2]) {
    const own = kept
      .filter(({ text }) => text.startsWith(`${writer} `))
      .map(({ text }) => Number(text.slice(2)))
    assert.deepEqual(
      own,
      own.toSorted((a, b) => a - b),
    )
  }
})
