import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allocateCounters, CounterReader, counterSink, type OwnCounters } from '../../../src/run/counters.ts'
import { StallWatch } from '../../../src/run/stall-watch.ts'

function setUp(stallMs: number) {
  const counters = allocateCounters(1, 2)
  const place = { component: 'a', instance: 0, worker: 1 }
  const watch = new StallWatch(new CounterReader(counters, [place]), stallMs)
  const sinks = [0, 1].map((worker) => counterSink(counters, worker))
  let nowMs = 0
  /** After how long; the code of what it says. */
  const look = (afterMs = watch.periodMs): string | undefined => {
    nowMs += afterMs
    return watch.look(1, nowMs, () => ['a[0]'], false)?.code
  }
  return { look, watch, worker: sinks[1]!, other: sinks[0]! }
}

const isAsked = ({ yieldAsked }: OwnCounters): boolean => yieldAsked![0] !== 0

test('a turn that stands at two looks is asked to end, and what comes after it is not', () => {
  const { look, worker, other } = setUp(10_000)
  worker.running(0)
  look()
  assert.ok(!isAsked(worker))
  look()
  assert.ok(isAsked(worker))
  assert.ok(!isAsked(other))
  worker.running(0)
  assert.ok(!isAsked(worker))
  look()
  assert.ok(!isAsked(worker))
  look()
  worker.beat()
  assert.ok(!isAsked(worker))
})

test('it is asked within half a second, and sooner than it counts as one that blocks its thread', () => {
  for (const stallMs of [100, 1_000, 10_000, 100_000]) {
    const { periodMs } = setUp(stallMs).watch
    assert.ok(2 * periodMs <= Math.min(500, stallMs / 2), `${periodMs} of ${stallMs} ms`)
  }
})

test('a thread without a sign of life is told of when its time is over, and not before', () => {
  for (const stallMs of [100, 1_000, 10_000]) {
    const { look, watch, worker } = setUp(stallMs)
    worker.running(0)
    look()
    let looks = 0
    let said
    while (said === undefined && looks < 1_000) {
      said = look()
      looks++
    }
    assert.equal(said, 'COMPONENT_STALLED')
    const tookMs = looks * watch.periodMs
    assert.ok(tookMs >= stallMs && tookMs < stallMs + 2 * watch.periodMs, `${tookMs} of ${stallMs} ms`)
  }
})

test('a pause of the thread that looks is not taken for one of those that it looks at', () => {
  const { look, watch, worker } = setUp(10_000)
  worker.running(0)
  look()
  assert.equal(look(60_000), undefined)
  // They went on at the same moment, and may take some time until they show it.
  for (let ms = 0; ms < 4_750; ms += watch.periodMs) assert.equal(look(), undefined)
  worker.running(0)
  for (let ms = 0; ms < 9_000; ms += watch.periodMs) assert.equal(look(), undefined)
})

test('a thread that looks later than it wants to notices it hardly later', () => {
  for (const everyMs of [500, 1_000, 2_000, 4_000]) {
    const { look, worker } = setUp(10_000)
    worker.running(0)
    look(everyMs)
    let tookMs = 0
    for (let said; said === undefined && tookMs < 100_000; tookMs += everyMs) said = look(everyMs)
    assert.ok(tookMs <= 10_000 + 1.5 * everyMs, `${tookMs} ms`)
  }
})
