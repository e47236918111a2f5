import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InputChannel } from '../../../src/messaging/input-channel.ts'
import type { BareParcel, Control } from '../../../src/messaging/parcel.ts'

function channelOf(...parcels: readonly (Control | string)[]): InputChannel {
  const channel = new InputChannel(1, 0, { release: () => undefined })
  for (const parcel of parcels) push(channel, parcel)
  return channel
}

function push(channel: InputChannel, parcel: Control | string): void {
  const isItem = typeof parcel === 'string'
  const [items, control] = isItem ? [[parcel], null] : [[], parcel]
  channel.push({ items, group: 0, control, bytes: 0, tracks: null, released: false })
}

const barrier = (snapshot: number): Control => ({ type: 'barrier', snapshot })
const end: Control = { type: 'end' }

test('SN-8: a snapshot may overtake what is queued once its barrier is, or the end, and not before', () => {
  const queues: readonly [readonly (Control | string)[], boolean][] = [
    [[], false],
    [['a'], false],
    [['a', barrier(1)], false],
    [['a', barrier(1), 'b', barrier(2)], true],
    [[barrier(2)], true],
    [['a', end], true],
    [[end], true],
    [['a', barrier(3)], false],
  ]
  for (const [queue, isThere] of queues) {
    const channel = channelOf(...queue)
    assert.equal(channel.hasBefore(2), isThere, JSON.stringify(queue))
    assert.equal(channel.before(2) !== undefined, isThere, 'as what is saved of it')
  }
})

test('SN-8: what stands before the barrier is saved from where the first parcel is at', () => {
  const channel = channelOf('a', barrier(1), 'b', barrier(2), 'c')
  channel.shift()
  assert.deepEqual(channel.before(2), [{ items: ['b'], group: 0, control: null }])
})

test('SN-9: what is logged of a back edge is let go when its snapshot has ended, and no later one is', () => {
  const told: (readonly BareParcel[])[] = []
  const channel = channelOf('before')
  channel.logUntilBarrier(5, (parcels) => told.push(parcels))
  channel.forgetLog(4)
  push(channel, 'after')
  channel.forgetLog(5)
  push(channel, barrier(5))
  assert.equal(told.length, 0, 'nobody asks for it any more')
  channel.logUntilBarrier(6, (parcels) => told.push(parcels))
  channel.forgetLog(5)
  push(channel, 'last')
  push(channel, barrier(6))
  assert.deepEqual(
    told.map((parcels) => parcels.flatMap(({ items }) => items)),
    [['before', 'after', 'last']],
  )
})
