import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ChannelLimits, defaultChannelLimits } from '../../../src/messaging/limits.ts'
import { Outbox } from '../../../src/messaging/outbox.ts'
import { OutputChannel } from '../../../src/messaging/output-channel.ts'
import { countOf, type Parcel } from '../../../src/messaging/parcel.ts'
import { throwsWith } from '../testkit/errors.ts'

interface Rig {
  readonly channel: OutputChannel
  readonly outbox: Outbox
  readonly delivered: Parcel[]
  unblocked: number
}

function rig(limits: Partial<ChannelLimits> = {}, sizeOf?: (message: unknown) => number, back?: string): Rig {
  const made: { unblocked: number; delivered: Parcel[] } = { unblocked: 0, delivered: [] }
  const owner = {
    outboxUnblocked: () => void made.unblocked++,
    outboxHasParcels: () => undefined,
    outboxHasFrames: () => undefined,
  }
  const outbox = new Outbox(owner, Number.MAX_SAFE_INTEGER)
  const target = {
    eager: true,
    deliver(parcel: Parcel) {
      made.delivered.push(parcel)
      return parcel.bytes
    },
  }
  const channel = new OutputChannel(1, outbox, target, { ...defaultChannelLimits, ...limits }, sizeOf, back)
  return Object.assign(made, { channel, outbox })
}

function releaseFirst({ channel, delivered }: Rig): void {
  const { items, control, bytes } = delivered.shift()!
  channel.release(countOf(items, control), bytes)
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('append' as const), times: fc.integer({ min: 1, max: 40 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('release' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('batch' as const) }) },
)

test('CH-1, CH-2: everything arrives in order, blocked says when it is full, and all credit comes back', () => {
  const limits = fc.record({
    queueMessagesMax: fc.integer({ min: 1, max: 30 }),
    queueBytesMax: fc.integer({ min: 1, max: 4000 }),
    parcelMessagesMax: fc.integer({ min: 1, max: 20 }),
    parcelBytesMax: fc.integer({ min: 1, max: 1000 }),
  })
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 60 }), fc.boolean(), (max, steps, sized) => {
      const made = rig(max, sized ? (m) => (m as number) % 50 : undefined)
      const { channel, outbox, delivered } = made
      const arrived: unknown[] = []
      let next = 0
      const take = (): void => {
        arrived.push(...delivered[0]!.items)
        releaseFirst(made)
      }
      for (const action of steps) {
        if (action.do === 'append') {
          // As an instance does: it is not called while it is blocked, and one call may emit several.
          if (outbox.blocked > 0) continue
          for (let i = 0; i < action.times; i++) channel.append(next++)
          assert.ok(channel.queued <= max.queueMessagesMax + action.times, `CH-3: ${channel.queued}`)
          if (channel.queued >= max.queueMessagesMax) assert.equal(outbox.blocked, 1)
        } else if (action.do === 'flush') channel.flush(null)
        else if (action.do === 'batch') channel.control(0, { type: 'batch-start', args: next })
        else if (delivered.length > 0) take()
        assert.equal(outbox.blocked, channel.blocked ? 1 : 0)
      }
      channel.end()
      while (delivered.length > 0) take()
      assert.deepEqual(
        arrived,
        Array.from({ length: next }, (_, i) => i),
      )
      assert.equal(channel.queued, 0)
      assert.equal(outbox.blocked, 0)
    }),
    { numRuns: 500 },
  )
})

test('CH-3: with room for one, every message blocks until it is released', () => {
  const made = rig({ queueMessagesMax: 1 })
  for (let i = 0; i < 3; i++) {
    assert.equal(made.outbox.blocked, 0)
    made.channel.append(i)
    assert.equal(made.outbox.blocked, 1)
    made.channel.flush(null)
    assert.equal(made.outbox.blocked, 1)
    releaseFirst(made)
  }
  assert.equal(made.unblocked, 3)
})

test('CH-3: what was left over while it was blocked counts against the credit that came back', () => {
  const made = rig({ queueMessagesMax: 2, parcelMessagesMax: 5 })
  for (let i = 0; i < 6; i++) made.channel.append(i)
  assert.equal(made.outbox.blocked, 1)
  releaseFirst(made)
  assert.deepEqual([made.outbox.blocked, made.channel.queued], [0, 1])
  made.channel.append(6)
  assert.equal(made.outbox.blocked, 1)
})

test('CH-2: large messages block by their bytes, at least one always fits', () => {
  const made = rig({ queueBytesMax: 1000, parcelBytesMax: 500 })
  made.channel.append('x'.repeat(5000))
  assert.equal(made.outbox.blocked, 1)
  assert.equal(made.delivered.length, 1)
  releaseFirst(made)
  assert.equal(made.outbox.blocked, 0)
  made.channel.append('small')
  assert.equal(made.outbox.blocked, 0)
})

test('groups without messages use credit too', () => {
  const made = rig({ queueMessagesMax: 4 })
  for (let id = 1; id <= 2; id++) {
    made.channel.control(0, { type: 'group-start', id, parent: 0, name: 'g', args: undefined })
    made.channel.control(id, { type: 'group-end', id, args: undefined })
  }
  assert.equal(made.outbox.blocked, 1)
  while (made.delivered.length > 0) releaseFirst(made)
  assert.equal(made.outbox.blocked, 0)
})

test('a parcel holds messages of one group, and a control belongs to it', () => {
  const made = rig()
  const { channel } = made
  channel.append('a')
  channel.control(0, { type: 'group-start', id: 1, parent: 0, name: 'g', args: undefined })
  channel.appendIn(1, 'b')
  channel.appendIn(0, 'c')
  channel.appendIn(1, 'd')
  channel.control(1, { type: 'group-end', id: 1, args: undefined })
  channel.append('e')
  channel.end()
  assert.deepEqual(
    made.delivered.map(({ group, items, control }) => [group, items, control?.type ?? null]),
    [
      [0, ['a'], 'group-start'],
      [1, ['b'], null],
      [0, ['c'], null],
      [1, ['d'], 'group-end'],
      [0, ['e'], 'end'],
    ],
  )
})

test('a back edge that is full fails: waiting would never end', () => {
  const made = rig({ queueMessagesMax: 10 }, undefined, 'loop.out')
  throwsWith(
    () => {
      for (let i = 0; i < 11; i++) made.channel.append(i)
    },
    'BACK_EDGE_LIMIT',
    /"loop\.out"/,
  )
})
