import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endMs } from '../../../src/connectors/client/committed-output.ts'
import { eventLoopTurn } from '../../../src/testkit/test-clock.ts'
import { Port, readersMs } from './committed-port.ts'

/** The end of exported outputs that give what is committed: CM-3, CM-4, and CP-7 of `component/client-port.ts`. */

test('CM-3 the end waits for who reads, and for a moment for who has just gone, and for nobody else', async () => {
  const port = new Port()
  port.follow(1)
  port.put('a')
  port.snapshot(1)
  port.put('b')
  port.output.end()
  let isOver = false
  const over = Promise.resolve(port.commitLast(port.prepare(2))).then(() => (isOver = true))
  await eventLoopTurn()
  assert.ok(!isOver)
  assert.deepEqual(port.news(), ['1: 1.1.1 "a"'])
  assert.deepEqual(port.next(1), ['1: 1.2.1 "b"'])
  await over
  assert.equal(port.output.prepare({ incarnation: 1, id: 3 }), undefined)

  const gone = new Port()
  gone.follow(1)
  gone.put('a')
  gone.output.obey({ type: 'unfollow', id: 1 })
  gone.output.end()
  let isGone = false
  const ends = Promise.resolve(gone.commitLast(gone.prepare(1))).then(() => (isGone = true))
  gone.clock.advance(endMs - 1)
  await eventLoopTurn()
  assert.ok(!isGone)
  gone.clock.advance(2)
  await ends

  const quiet = new Port()
  quiet.put('a')
  quiet.output.end()
  assert.equal(quiet.output.prepare({ incarnation: 1, id: 1 }), undefined)
})

/** Ends with its inputs, or because its network is undeployed: what commits the last snapshot. */
const ends = {
  'its inputs end'(port: Port): void | Promise<void> {
    port.output.end()
    return port.commitLast(port.prepare(2))
  },
  'it is undeployed'(port: Port): void | Promise<void> {
    const piece = port.prepare(2)
    port.output.undeployed()
    return port.commitLast(piece)
  },
}

for (const [how, end] of Object.entries(ends)) {
  test(`CM-4 when ${how}, each reader is told whether it has all`, async () => {
    const port = new Port()
    for (const id of [1, 2]) port.follow(id)
    port.put('a')
    port.snapshot(1)
    port.put('b', 'c')
    let isOver = false
    const over = Promise.resolve(end(port)).then(() => (isOver = true))
    port.next(1)
    port.news()
    // Far behind, and taking something all the time.
    port.clock.advance(readersMs - 1)
    await eventLoopTurn()
    assert.ok(!isOver)
    assert.deepEqual(port.cutOffs, [])
    port.clock.advance(1)
    await over
    assert.deepEqual(port.cutOffs, [{ readers: 1, messages: 2, hasAway: false }])
    port.output.close()
    assert.deepEqual(port.news(), ['1 ended: PORT_CLOSED', '2 ended: READER_CUT_OFF'])
  })

  test(`CM-3 when ${how}, who goes and comes without end holds it up no longer than the time for readers`, async () => {
    const port = new Port()
    port.follow(1)
    port.put('a')
    port.snapshot(1)
    port.output.obey({ type: 'unfollow', id: 1 })
    let isOver = false
    const over = Promise.resolve(end(port)).then(() => (isOver = true))
    for (let ms = 0; ms + 2_000 < readersMs; ms += 2_000) {
      port.clock.advance(2_000)
      await eventLoopTurn()
      assert.ok(!isOver, `${ms} ms`)
      port.follow(2)
      port.output.obey({ type: 'unfollow', id: 2 })
    }
    port.clock.advance(2_000)
    await over
    assert.deepEqual(port.cutOffs, [{ readers: 0, messages: 0, hasAway: true }])
  })

  test(`CM-4 an instance that goes on elsewhere while ${how} ends nobody who has not got all`, async () => {
    const port = new Port()
    for (const id of [1, 2]) port.follow(id)
    port.put('a')
    port.snapshot(1)
    port.put('b')
    const ended = Promise.resolve(end(port))
    port.next(1)
    port.news()
    port.output.close()
    assert.deepEqual(port.news(), ['1 ended: PORT_CLOSED'])
    await ended
  })
}

test('CM-4 a recovery before the last snapshot is committed ends nobody', () => {
  const port = new Port()
  port.follow(1)
  port.put('a')
  port.snapshot(1)
  port.next(1)
  port.output.end()
  port.prepare(2)
  port.news()
  port.output.close()
  assert.deepEqual(port.news(), [])
})
