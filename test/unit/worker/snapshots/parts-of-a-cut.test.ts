import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countOf, isControl, type Parcel } from '../../../../src/messaging/parcel.ts'
import { defaultChannelLimits } from '../../../../src/messaging/limits.ts'
import { OutputChannel } from '../../../../src/messaging/output-channel.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { TimerSet } from '../../../../src/worker/timer-set.ts'

test('timers go on with what was left of their time, and those that were due are due', () => {
  const clock = new TestClock()
  const before = new TimerSet(clock, () => undefined)
  before.set('late', 'k', 100)
  before.set('soon', 'k', 10)
  clock.advance(40)
  const saved = before.all
  assert.deepEqual(
    saved.map(({ name, dueMs }) => [name, dueMs - clock.now()]),
    [
      ['soon', -30],
      ['late', 60],
    ],
  )
  const after = new TimerSet(clock, () => undefined)
  after.restore(saved)
  clock.advance(0)
  assert.equal(after.take().name, 'soon')
  clock.advance(59)
  assert.ok(!after.isDue)
  clock.advance(1)
  assert.equal(after.take().name, 'late')
  assert.ok(!after.isPending)
})

test('CH-5: a barrier goes out without credit, behind all that was appended, and leaves the group open', () => {
  const sent: Parcel[] = []
  let blocked = 0
  const owner = {
    channelDirty: () => undefined,
    channelBlocked: () => void blocked++,
    channelUnblocked: () => undefined,
    countEmitted: () => undefined,
  }
  const target = { eager: true, deliver: (parcel: Parcel) => sent.push(parcel) && parcel.bytes }
  const limits = { ...defaultChannelLimits, queueMessagesMax: 2 }
  const channel = new OutputChannel(1, owner, target, limits, undefined)
  for (const message of ['a', 'b', 'c']) channel.appendIn(7, message)
  assert.equal(blocked, 1)
  const before = channel.queued
  channel.barrier(5)
  assert.equal(channel.queued, before)
  channel.appendIn(7, 'd')
  channel.flush(null)
  assert.deepEqual(
    sent.map(({ items, group, control }) => ({ items, group, control })),
    [
      { items: ['a', 'b', 'c'], group: 7, control: null },
      { items: [], group: 0, control: { type: 'barrier', snapshot: 5 } },
      { items: ['d'], group: 7, control: null },
    ],
  )
  assert.ok(isControl({ type: 'barrier', snapshot: 5 }) && !isControl({ type: 'barrier' }))
  assert.equal(countOf([], { type: 'barrier', snapshot: 5 }), 0)
  channel.end()
  channel.barrier(6)
  assert.equal(sent.at(-1)!.control?.type, 'end')
})
