import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../../../src/base/random.ts'
import type { TrackInsights } from '../../../../src/component/tracking.ts'
import { defaultChannelLimits } from '../../../../src/messaging/limits.ts'
import { OutputChannel } from '../../../../src/messaging/output-channel.ts'
import { OutputPort } from '../../../../src/messaging/output-port.ts'
import type { Parcel } from '../../../../src/messaging/parcel.ts'
import { type CustomSelector, Router } from '../../../../src/messaging/router.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { SourceTracking } from '../../../../src/worker/tracking/source-tracking.ts'
import { WorkerTracking } from '../../../../src/worker/tracking/worker-tracking.ts'
import { TurnPace } from '../../../../src/worker/turn-pace.ts'

/** What a source hears of messages that want answers, where snapshots are taken. */

const port = new OutputPort('out', [], [], () => 1)
const wanting = { wantsAnswers: true, timeoutMs: 100 }

/** `returns`: whether what is sent comes back, as from handlers that send nothing on. */
function setUp(returns: () => boolean) {
  const clock = new TestClock()
  const heard: string[] = []
  const hear = (what: string) => (id: unknown) => void heard.push(`${what} ${String(id)}`)
  class Tracking extends WorkerTracking {
    override report(worker: number, tree: number, stamp: number, a: number, b: number): void {
      if (returns()) super.report(worker, tree, stamp, a, b)
    }
  }
  const tracking = new Tracking({
    worker: 1,
    random: seededRandom(1),
    peer: () => undefined,
    requestFlush: () => undefined,
  })
  const pace = new TurnPace()
  pace.begin(Number.MAX_SAFE_INTEGER)
  const source = new SourceTracking({
    clock,
    pace,
    tracking,
    options: {},
    guarantee: 'exactly-once',
    takesSnapshots: true,
    maySend: () => true,
    due: () => undefined,
    failed: assert.ifError,
    deadLetter: assert.fail,
  })
  const handlers: TrackInsights = {
    ack: hear('ack'),
    fail: hear('fail'),
    timeout: hear('timeout'),
    complete: hear('complete'),
  }
  return { clock, source, heard, hear, handlers }
}

test('what is too slow is told as that, and never as complete', () => {
  let returns = true
  const { clock, source, heard, handlers } = setUp(() => returns)
  source.open(port, 'm', { id: 'quick', ...wanting })
  returns = false
  source.open(port, 'm', { id: 'slow', ...wanting })
  source.work(handlers)
  assert.deepEqual(heard, ['complete quick'])
  clock.advance(200)
  source.work(handlers)
  source.cut(1)
  source.committed(1)
  source.work(handlers)
  assert.deepEqual(heard, ['complete quick', 'timeout slow', 'ack quick'])
  source.close()
})

test('an answer of the life before is in the snapshots until it is told, also of one that is sent again', () => {
  const { source, heard, hear, handlers } = setUp(() => true)
  const answered = { port: 'out', message: 'm', timeoutMs: 100, wantsAnswers: true, answer: { value: 7 } }
  source.restore([{ ...answered, id: 'a', outcome: { type: 'ack' } }], [port])
  // A cut before its first turn.
  assert.deepEqual(source.saved(9), [{ ...answered, id: 'a', outcome: { type: 'ack' } }])
  source.work({ ...handlers, answer: hear('answer') })
  assert.deepEqual(heard, ['answer a', 'complete a', 'ack a'])
  source.close()
})

test('a lost answer is told as such, and as `ack` to who does not know of that', () => {
  const { source, heard, hear, handlers } = setUp(() => true)
  const saved = (id: string) =>
    ({
      port: 'out',
      id,
      message: 'm',
      timeoutMs: 100,
      wantsAnswers: true,
      outcome: { type: 'lost' },
    }) as const
  source.restore([saved('a')], [port])
  source.work({ ...handlers, lost: hear('lost') })
  source.restore([saved('b')], [port])
  source.work(handlers)
  assert.deepEqual(heard, ['lost a', 'ack b'])
  source.close()
})

test('a message that could not be sent to all takes no part in what is sent after it', () => {
  const { source, heard, handlers } = setUp(() => true)
  const parcels: Parcel[] = []
  const owner = {
    channelDirty: () => undefined,
    channelBlocked: () => undefined,
    channelUnblocked: () => undefined,
    countEmitted: () => undefined,
  }
  const deliver = (parcel: Parcel): number => {
    parcels.push(parcel)
    return 0
  }
  const target = { eager: true, deliver }
  const channel = new OutputChannel(1, owner, target, defaultChannelLimits, undefined)
  let chosen: readonly number[] = [1]
  const choose: CustomSelector = () => chosen
  const routers = [{ type: 'all' } as const, { type: 'custom', choose } as const].map(
    (selector) => new Router([channel], selector, seededRandom(1), [], 0),
  )
  const both = new OutputPort('out', routers, [], () => 1)
  assert.throws(() => source.open(both, 'first', { id: 'first' }), { code: 'SELECTOR_FAILED' })
  chosen = []
  source.open(both, 'second', { id: 'second' })
  channel.flush(null)
  const [{ items, tracks }] = parcels as [Parcel]
  assert.deepEqual(items, ['first', 'second'])
  assert.deepEqual(
    tracks!.slice(0, 2).map((track) => track!.tree & 0xf),
    [0, 1],
  )
  source.work(handlers)
  assert.deepEqual(heard, [])
})
