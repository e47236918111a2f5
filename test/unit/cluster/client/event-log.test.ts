import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock as clock } from '../../../../src/base/clock.ts'
import { systemRandom as random } from '../../../../src/base/random.ts'
import { EventLog, eventsMax } from '../../../../src/cluster/client/index.ts'
import { ClusterKeys } from '../../../../src/cluster/protocol/index.ts'
import { storeOver } from '../../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'

function log(): EventLog {
  const store = storeOver(new MemoryBackend({ clock }), clock)
  return new EventLog(store, new ClusterKeys('c'), { clock, random })
}

test('events are numbered without gaps, whoever appends at the same time', async () => {
  const events = log()
  await Promise.all(Array.from({ length: 30 }, (_, at) => events.append({ type: 'test', text: `e${at}` })))
  const all = await events.read(0, 100)
  assert.deepEqual(
    all.map(({ number }) => number),
    Array.from({ length: 30 }, (_, at) => at + 1),
  )
  assert.equal(new Set(all.map(({ text }) => text)).size, 30)
  assert.deepEqual(
    (await events.read(27, 2)).map(({ number }) => number),
    [28, 29],
  )
})

test('the newest are kept, and who follows from before sees the gap', async () => {
  const events = log()
  for (let n = 1; n <= eventsMax + 5; n++) await events.append({ type: 'test', text: String(n) })
  const all = await events.read(0, 2 * eventsMax)
  assert.deepEqual([all.length, all[0]?.number, all.at(-1)?.number], [eventsMax, 6, eventsMax + 5])
  const ending = new AbortController()
  for await (const { number } of events.follow(0, ending.signal)) {
    assert.equal(number, 6)
    break
  }
})
