import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import {
  CommittedOutput,
  keptLength,
  keptMs,
  returnMs,
  type StagedOutput,
} from '../../../src/connectors/client/committed-output.ts'
import { TestClock } from '../../../src/testkit/test-clock.ts'
import { decodeStaged, StagedEncoder } from '../../../src/worker/snapshots/staged.ts'
import { Port, readersMs } from './committed-port.ts'

/** Exported outputs that give what is committed: CP-5 and CP-6 of `component/client-port.ts`, CM-1 and CM-2. */

test('CP-5 a message is given with the commit of its snapshot, and where nobody reads, not at all', () => {
  const port = new Port()
  port.put('early')
  assert.equal(port.letGo, 1)
  assert.deepEqual(port.follow(1), ['1 from 0.0.0'])
  port.put('a')
  const first = port.prepare(1)
  port.put('b', 'c')
  assert.deepEqual(port.news(), [], 'a cut is no commit')
  port.commit(first)
  assert.deepEqual(port.news(), ['1: 1.1.1 "a"'])
  assert.deepEqual(port.next(1), [])
  const second = port.prepare(2)
  const third = port.prepare(3)
  // An aborted snapshot's are published with the next one, under its own number.
  port.commit(second)
  port.commit(third)
  assert.deepEqual(port.news(), ['1: 1.2.1 "b" "c"'])
})

test('CP-6 who comes back gets what came since, up to the bounds, and is told beyond them', () => {
  const port = new Port()
  port.follow(1)
  port.put('a', 'b')
  port.snapshot(1)
  port.put('c')
  port.snapshot(2)
  assert.deepEqual(port.news(), ['1: 1.1.1 "a" "b"'])
  port.output.obey({ type: 'unfollow', id: 1 })
  port.put('d')
  port.snapshot(3)
  assert.deepEqual(port.follow(2, '1.1.1'), ['2 from 1.1.1', '2: 1.1.2 "b"'])
  assert.deepEqual(port.next(2), ['2: 1.2.1 "c"'])
  assert.deepEqual(port.follow(3, '1.2.1'), ['3 from 1.2.1', '3: 1.3.1 "d"'])
  assert.deepEqual(port.follow(4, '0.0.0'), ['4 from 0.0.0', '4: 1.1.1 "a" "b"'])
  assert.deepEqual(port.follow(5, 'nonsense'), ['5 missed, from 1.0', '5: 1.1.1 "a" "b"'])
  for (const id of [2, 3, 4, 5]) port.output.obey({ type: 'unfollow', id })
  // Too much.
  port.put('x'.repeat(keptLength / 4 - 2))
  port.snapshot(4)
  for (let id = 5; id < 9; id++) {
    port.put('y'.repeat(keptLength / 4 - 2))
    port.snapshot(id)
  }
  const [news] = port.follow(6, '1.1.1')
  assert.match(news!, /^6 missed, from 1\.[4-6]\.1$/)
  port.output.obey({ type: 'unfollow', id: 6 })
  // Too late.
  port.news()
  port.clock.advance(keptMs + 1)
  const before = port.letGo
  port.put('e')
  assert.equal(port.letGo, before + 1, 'nothing is kept for nobody')
  assert.deepEqual(port.follow(7, '1.8.1'), ['7 missed, from 1.8'])
  assert.deepEqual(port.follow(8, '1.8'), ['8 missed, from 1.8'], 'it may have been there before')
  assert.deepEqual(port.follow(9), ['9 from 1.8'])
  for (const id of [7, 8, 9]) port.output.obey({ type: 'unfollow', id })
  port.snapshot(9)
  port.news()
  port.clock.advance(keptMs + 1)
  port.snapshot(10)
  assert.deepEqual(port.follow(10, '1.10'), ['10 from 1.10'], 'nothing came')
})

test('CP-5 where something was let go since the last cut, who was there before is told, also by those that follow', () => {
  for (const letGo of ['put', 'staged'] as const) {
    const port = new Port()
    port.snapshot(1)
    assert.deepEqual(port.follow(1), ['1 from 1.1'])
    port.output.obey({ type: 'unfollow', id: 1 })
    if (letGo === 'staged') port.put('lost')
    port.clock.advance(keptMs + 1)
    if (letGo === 'put') port.put('lost')
    assert.equal(port.letGo, 1)
    assert.deepEqual(port.follow(2), ['2 from 1.1'])
    port.put('a')
    const piece = port.prepare(2)
    port.commit(piece)
    assert.deepEqual(port.news(), ['2: 1.2.1 "a"'])
    // Somebody else has kept the log meanwhile: from behind what was lost.
    assert.deepEqual(port.follow(3, '1.1'), ['3 missed, from 1.2.0', '3: 1.2.1 "a"'], letGo)
    assert.deepEqual(port.follow(4, '1.2.1'), ['4 from 1.2.1'])
    const other = new Port(port.clock, { id: 2, pieces: [piece] })
    assert.deepEqual(other.follow(1, '1.1'), ['1 missed, from 1.2.0', '1: 1.2.1 "a"'])
    assert.deepEqual(other.follow(2, '1.2.0'), ['2 from 1.2.0', '2: 1.2.1 "a"'])
  }
  // Before the first cut.
  const port = new Port()
  assert.deepEqual(port.follow(1), ['1 from 0.0.0'])
  port.output.obey({ type: 'unfollow', id: 1 })
  port.clock.advance(keptMs + 1)
  port.put('lost')
  assert.deepEqual(port.follow(2, '0.0.0'), ['2 missed, from 0.0.0'])
  port.put('a')
  port.snapshot(1)
  assert.deepEqual(port.news(), ['2: 1.1.1 "a"'])
  assert.deepEqual(port.follow(3, '0.0.0'), ['3 missed, from 1.0', '3: 1.1.1 "a"'])
})

test('CP-6 of an output that was quiet, who has all of it and comes back has missed nothing', () => {
  const port = new Port()
  port.follow(1)
  port.put('a', 'b')
  port.snapshot(1)
  assert.deepEqual(port.news(), ['1: 1.1.1 "a" "b"'])
  port.next(1)
  port.clock.advance(keptMs + 1)
  const piece = port.prepare(2)
  port.commit(piece)
  port.output.obey({ type: 'unfollow', id: 1 })
  assert.deepEqual(port.follow(2, '1.1.1'), ['2 missed, from 1.1.2'], 'what was given is not kept any more')
  assert.deepEqual(port.follow(3, '1.1.2'), ['3 from 1.1.2'])
  const other = new Port(port.clock, { id: 2, pieces: [piece] })
  assert.deepEqual(other.follow(1, '1.1.2'), ['1 from 1.1.2'])
  other.put('c')
  other.snapshot(3)
  assert.deepEqual(other.news(), ['1: 1.3.1 "c"'])
})

test('CP-5 another life gives what the snapshot has, once, to those who come back, and what comes again once', () => {
  const before = new Port()
  before.follow(1)
  before.put('a', 'b')
  const [first, second] = [before.prepare(1), (before.put('c'), before.prepare(2))]
  before.commit(first)
  assert.deepEqual(before.news(), ['1: 1.1.1 "a" "b"'])
  before.put('lost')

  // Of snapshot 2, which was committed: what it has not published is in it.
  const after = new Port(before.clock, { id: 2, pieces: [first, second] })
  after.put('lost')
  assert.deepEqual(after.follow(1, '1.1.2'), ['1 from 1.1.2', '1: 1.2.1 "c"'])
  assert.deepEqual(after.follow(2, '1.1.1'), ['2 from 1.1.1', '2: 1.1.2 "b"'])
  assert.deepEqual(after.next(2), ['2: 1.2.1 "c"'])
  assert.deepEqual(after.follow(3, '0.0.0'), ['3 from 0.0.0', '3: 1.1.1 "a" "b"'])
  after.next(1)
  after.snapshot(4)
  assert.deepEqual(after.news(), ['1: 1.4.1 "lost"'])

  // A piece that was published is in the next snapshot, too, while somebody may come back for it.
  const third = after.prepare(5)
  const last = new Port(after.clock, { id: 5, pieces: [third] })
  assert.deepEqual(last.follow(1, '1.1.1'), ['1 from 1.1.1', '1: 1.1.2 "b"'])
  assert.deepEqual(last.next(1), ['1: 1.2.1 "c"'])
  assert.deepEqual(last.next(1), ['1: 1.4.1 "lost"'])
})

test('CP-5 who asks before the instance has read its snapshot waits for that; what comes before it is back is kept', () => {
  const before = new Port()
  before.follow(1)
  before.put('a')
  const piece = before.prepare(1)
  const clock = new TestClock()
  const port = new Port(clock)
  const late = new CommittedOutput({
    clock,
    line: { tell: (report) => port.told.push(report), close: () => undefined },
    room: () => undefined,
    letGo: () => assert.fail('let go'),
    readersMs,
    cutOff: () => assert.fail('cut off'),
  })
  late.obey({ type: 'follow', id: 1, after: '0.0.0' })
  late.obey({ type: 'next', id: 1 })
  late.restored({ incarnation: 1, id: 1 }, false)
  const batch = { writer: 'w', snapshot: { incarnation: 1, id: 1 }, staged: piece.staged }
  assert.equal(late.commit(batch), undefined)
  assert.deepEqual(port.news(), [])
  late.start()
  assert.deepEqual(port.news(), ['1 from 0.0.0', '1: 1.1.1 "a"'])

  // Its reader began after the cut, so nothing of the snapshot says that there is one.
  const without = new Port(clock, { id: 7, pieces: [] })
  without.put('b')
  without.snapshot(8)
  assert.deepEqual(without.follow(1, '1.7'), ['1 from 1.7', '1: 1.8.1 "b"'])
})

test('CM-2 it is full while too much waits, and nobody who has left holds it up', () => {
  const port = new Port()
  port.follow(1)
  const mebibyte = 'x'.repeat(1024 * 1024 - 2)
  for (let n = 0; n < 16; n++) port.put(mebibyte)
  assert.ok(port.output.isFull(), 'for the next cut')
  const piece = port.prepare(1)
  assert.ok(!port.output.isFull())
  port.commit(piece)
  assert.ok(port.output.isFull(), 'for a reader that has taken one part only')
  const slow = port.news()
  assert.equal(slow.length, 1)
  const { rooms } = port
  port.output.obey({ type: 'unfollow', id: 1 })
  assert.equal(port.rooms, rooms + 1, 'whoever waits is told')
  assert.ok(!port.output.isFull())

  // After a failure nobody is there at first: all is kept, for a moment.
  const restored = new Port(port.clock, { id: 1, pieces: [piece] })
  restored.put('after')
  restored.snapshot(2)
  assert.equal(restored.follow(1, '0.0.0')[0], '1 from 0.0.0')
  restored.output.obey({ type: 'unfollow', id: 1 })
  port.clock.advance(returnMs + 1)
  assert.match(restored.follow(2, '0.0.0')[0]!, /^2 missed/)
  assert.ok(!restored.output.isFull())
})

test('IS-7 what it prepares is encoded in short chunks, however much is kept, and is the same in the next life', () => {
  const port = new Port()
  port.follow(1)
  // Long in one message each, in many short ones, and in many snapshots.
  for (let n = 0; n < 100; n++) port.put('x'.repeat(10_000))
  port.snapshot(1)
  for (let n = 0; n < 50_000; n++) port.put(n)
  port.snapshot(2)
  for (let id = 3; id < 300; id++) {
    port.put('y'.repeat(5_000))
    port.snapshot(id)
  }
  port.put('last')
  const snapshot = { incarnation: 1, id: 300 }
  const encoder = new StagedEncoder({ snapshot, staged: port.prepare(300).staged }, 'it[0]')
  encoder.step(systemClock, Infinity)
  const chunks = encoder.chunks!
  for (const { byteLength } of chunks) assert.ok(byteLength <= 100 * 1024, `a chunk of ${byteLength}`)

  const staged = decodeStaged(chunks).staged as StagedOutput
  const other = new Port(port.clock, { id: 300, pieces: [{ id: 300, staged }] })
  assert.deepEqual(other.follow(1, '1.2.49999'), ['1 from 1.2.49999', '1: 1.2.50000 49999'])
  assert.match(other.follow(2, '1.1.99')[1]!, /^2: 1\.1\.100 "x+"$/)
  assert.match(other.next(2)[0]!, /^2: 1\.2\.1 0 1 2 /)
  assert.match(other.follow(3, '1.298.1')[1]!, /^3: 1\.299\.1 "y+"$/)
  assert.deepEqual(other.next(3), ['3: 1.300.1 "last"'])
})

test('a message that readers cannot get ends them where it comes, and not before', () => {
  const port = new Port()
  port.follow(1)
  port.put('a', 'x'.repeat(1_100_000), 'b')
  port.snapshot(1)
  assert.deepEqual(port.news(), ['1: 1.1.1 "a"'])
  assert.deepEqual(port.next(1), ['1 ended: CLIENT_MESSAGE_TOO_LARGE'])
})
