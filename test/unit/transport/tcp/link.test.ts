import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseVersion } from '../../../../src/transport/tcp/match.ts'
import { type End, eventTypes, Pair, waiter } from './pair.ts'

function atOf(end: End, type: string): number {
  const event = end.events.find((each) => each.type === type)
  assert.ok(event !== undefined, `no event "${type}" in ${eventTypes(end).join()}`)
  return event.atMs
}

test('TL-3: an end that comes back without its memory is told as lost to the other one', () => {
  const pair = new Pair(1)
  pair.clock.advance(100)
  pair.near.link.send(Buffer.from('a'))
  pair.near.endpoint.close()
  const again = pair.makeNear()
  pair.clock.advance(100)
  assert.deepEqual(eventTypes(pair.far), ['reachable', 'lost'])
  assert.deepEqual(eventTypes(again), ['refused LINK_LOST'])
  assert.throws(() => pair.far.link.send(Buffer.from('b')), { code: 'LINK_LOST' })
  // Once its owner has put a new one in the place of the lost one, the two go on.
  pair.far.link.close()
  const events: string[] = []
  const next = pair.far.endpoint.link({
    peer: { node: 'a', worker: 1 },
    onEvent: ({ type }) => events.push(type),
  })
  const got: string[] = []
  next.receive((frame) => got.push(Buffer.from(frame).toString()))
  again.link.send(Buffer.from('c'))
  pair.clock.advance(2_000)
  assert.deepEqual(events, ['reachable'])
  assert.deepEqual(got, ['c'])
})

test('TL-3: a waiting end that comes back without its memory makes the dialler say lost', () => {
  const pair = new Pair(2)
  pair.clock.advance(100)
  pair.far.endpoint.close()
  const again = pair.makeFar()
  pair.clock.advance(5_000)
  assert.deepEqual(eventTypes(pair.near).slice(0, 1), ['reachable'])
  assert.equal(eventTypes(pair.near).at(-1), 'lost')
  assert.ok(!eventTypes(again).includes('lost'), 'the new end itself has lost nothing')
})

test('a waiting end may replace a lost link at once, and the line that told it goes on with the new one', () => {
  const pair = new Pair(3)
  const events: string[] = []
  const make = (): void => {
    const link = pair.far.endpoint.link({
      peer: { node: 'a', worker: 9 },
      onEvent: ({ type }) => {
        events.push(type)
        if (type !== 'lost') return
        link.close()
        make()
      },
    })
  }
  make()
  const dialAs = (): End => {
    const end = pair.makeNear({ self: { node: 'a', worker: 9 } })
    pair.clock.advance(100)
    return end
  }
  const first = dialAs()
  first.endpoint.close()
  const second = dialAs()
  assert.deepEqual(events, ['reachable', 'lost', 'reachable'])
  assert.deepEqual(eventTypes(second), ['reachable'])
})

test('both ends notice a line that is dead without a word within linkLossMs', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const pair = new Pair(seed)
    pair.clock.advance(3_000 + seed * 37)
    const stalledMs = pair.clock.now()
    pair.lines.stallAll()
    pair.lines.faults = { ...pair.lines.faults, refuse: 1 }
    pair.clock.advance(2_100)
    for (const end of [pair.near, pair.far]) {
      const tookMs = atOf(end, 'unreachable') - stalledMs
      assert.ok(tookMs <= 2_000, `seed ${seed}: it took ${tookMs} ms`)
    }
    pair.lines.faults = { ...pair.lines.faults, refuse: 0 }
    pair.clock.advance(2_000)
    assert.equal(eventTypes(pair.near).at(-1), 'reachable')
  }
})

test('a peer that is never there is told as unreachable once, and is tried in growing pauses', () => {
  const pair = new Pair(4)
  pair.lines.listener = undefined
  let dials = 0
  const endpoint = pair.near.endpoint
  const events: string[] = []
  endpoint.link({
    peer: waiter,
    dial: (handlers) => {
      dials++
      return pair.lines.dial(handlers)
    },
    onEvent: ({ type }) => events.push(type),
  })
  pair.clock.advance(60_000)
  assert.deepEqual(events, ['unreachable'])
  assert.ok(dials > 50 && dials < 150, `${dials} attempts in a minute`)
})

test('a process that stood still does not take its own silence for that of others', () => {
  const pair = new Pair(5)
  pair.clock.advance(3_000)
  // Its timers fire late, and input that waits is read after them.
  const { endpoint, link } = pair.near
  const tick = (endpoint as unknown as { tick(): void }).tick.bind(endpoint)
  const laterMs = pair.clock.monotonic() + 10_000
  pair.clock.monotonic = () => laterMs
  tick()
  assert.ok(link.isUp)
  assert.deepEqual(eventTypes(pair.near), ['reachable'])
})

test('what was sent before close still arrives; afterwards nothing is taken', () => {
  const pair = new Pair(6)
  const got: string[] = []
  pair.far.link.receive((frame) => got.push(Buffer.from(frame).toString()))
  pair.clock.advance(100)
  pair.near.link.send(Buffer.from('last'))
  pair.near.link.close()
  pair.clock.advance(200)
  assert.deepEqual(got, ['last'])
  assert.throws(() => pair.near.link.send(Buffer.from('x')), { code: 'LINK_CLOSED' })
})

test('frames that come before anybody receives wait, within a bound', () => {
  const pair = new Pair(7, {}, { limits: { earlyBytesMax: 10 } })
  pair.clock.advance(100)
  pair.near.link.send(Buffer.from('12345'))
  pair.clock.advance(100)
  assert.deepEqual(eventTypes(pair.far), ['reachable'])
  pair.near.link.send(Buffer.from('123456'))
  pair.clock.advance(100)
  assert.deepEqual(eventTypes(pair.far), ['reachable', 'lost'])
})

test('a peer that is not expected yet is refused, and is let in soon after the link is made', () => {
  const pair = new Pair(8)
  pair.far.link.close()
  pair.clock.advance(40)
  assert.deepEqual(eventTypes(pair.near), ['refused LINK_UNKNOWN'])
  const events: string[] = []
  pair.far.endpoint.link({ peer: { node: 'a', worker: 1 }, onEvent: ({ type }) => events.push(type) })
  pair.clock.advance(80)
  assert.deepEqual(events, ['reachable'])
})

test('the highest version that both ends speak is chosen; the refusal names both ranges', () => {
  assert.equal(chooseVersion({ min: 1, max: 3 }, { min: 2, max: 5 }), 3)
  assert.equal(chooseVersion({ min: 1, max: 2 }, { min: 3, max: 5 }), undefined)
  const pair = new Pair(9, { versions: { min: 4, max: 6 } })
  pair.clock.advance(500)
  const [event] = pair.near.events
  assert.ok(event?.type === 'refused')
  assert.equal(event.error.code, 'LINK_VERSION_UNFIT')
  assert.match(event.error.message, /version 1 .* versions 4 to 6/)
})
