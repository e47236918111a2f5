import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OutputPort } from '../../../../src/messaging/output-port.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { Tracker, type TrackerOptions, type Tree } from '../../../../src/worker/tracking/tracker.ts'

const port = new OutputPort('out', [], [], () => 1)
const failure = {
  component: 'c',
  instance: 0,
  port: 'in',
  message: 1,
  error: { name: 'Error', message: 'boom' },
}

function setUp(options: Partial<TrackerOptions> = {}) {
  const clock = new TestClock()
  let due = 0
  const tracker = new Tracker(
    {
      timeoutMs: 100,
      openMessagesMax: 3,
      replay: { times: 0, delayMs: 0, delayMsMax: 0 },
      waitsForCommit: false,
      ...options,
    },
    { clock, random: () => 1_000, due: () => due++, over: () => undefined },
  )
  const begin = (message: unknown): Tree => tracker.begin(port, message, message, undefined, false)
  const told = (most = Infinity): string[] => {
    const lines: string[] = []
    tracker.takeSettled((tree) => {
      lines.push(`${tree.outcome.type} ${String(tree.id)}`)
      tracker.release(tree)
      return lines.length < most
    })
    return lines
  }
  const complete = ({ index, stamp, a, b }: Tree): void => tracker.report(index, stamp, a, b)
  return { clock, tracker, begin, told, complete, dueTimes: () => due }
}

test('TR-1: a tree is over when all parts of its token have come back, in any order', () => {
  const { tracker, begin, told } = setUp()
  const { index, stamp, a, b } = begin('m')
  tracker.report(index, stamp, 7, 8)
  tracker.report(index, stamp, a ^ 7 ^ 3, b ^ 8 ^ 9)
  assert.deepEqual(told(), [])
  tracker.report(index, stamp, 3, 9)
  assert.deepEqual(told(), ['ack m'])
})

test('TR-2: what comes back late, for an earlier attempt or for one that is over, changes nothing', async () => {
  const { clock, tracker, begin, told, complete } = setUp()
  const { index, stamp, a, b } = begin('first')
  clock.advance(110)
  assert.deepEqual(told(), ['timeout first'])
  const second = begin('second')
  assert.equal(second.index, index, 'it is used again')
  tracker.report(index, stamp, a, b)
  tracker.fail(index, stamp, failure, 0)
  assert.deepEqual(told(), [])
  complete(second)
  assert.deepEqual(told(), ['ack second'])
})

test('TR-3: a tree is sent again, later each time, and told of when that has not helped', () => {
  const { clock, tracker, begin, told } = setUp({ replay: { times: 2, delayMs: 10, delayMsMax: 15 } })
  let { index, stamp } = begin('m')
  for (const delayMs of [10, 15]) {
    tracker.fail(index, stamp, failure, 0)
    clock.advance(delayMs - 1)
    assert.equal(tracker.takeReplay(), undefined)
    clock.advance(11)
    const again = tracker.takeReplay()
    assert.ok(again, `it is due after ${delayMs} ms`)
    assert.notEqual(again.stamp, stamp)
    ;({ index, stamp } = again)
  }
  tracker.fail(index, stamp, failure, 0)
  assert.deepEqual(told(), ['fail m'])
})

test('TR-3: of the answers of several attempts the first counts, also that of the life before', () => {
  const { clock, tracker, begin } = setUp({ replay: { times: 1, delayMs: 10, delayMsMax: 10 } })
  const tree = begin('m')
  tree.answer = { value: 'first', cut: 3 }
  tracker.fail(tree.index, tree.stamp, failure, 0)
  clock.advance(20)
  assert.equal(tracker.takeReplay()?.answer?.value, 'first')
  const kept = { port, message: 'k', id: 'k', timeoutMs: 100, wantsAnswers: true, answer: { value: 'kept' } }
  tracker.restore(kept, undefined)
  assert.deepEqual(tracker.takeReplay()?.answer, { value: 'kept', cut: 0 })
})

test('TR-4: what is complete is told of after the commit of a snapshot whose cut came later', () => {
  const { tracker, begin, told, complete } = setUp({ waitsForCommit: true })
  const early = begin('early')
  const late = begin('late')
  complete(early)
  tracker.cut(1)
  complete(late)
  assert.deepEqual(told(), [])
  tracker.committed(1)
  assert.deepEqual(told(), ['ack early'])
  // An abort of 2 is no commit: 3 brings what was in its cut as well.
  tracker.cut(2)
  tracker.cut(3)
  tracker.committed(3)
  assert.deepEqual(told(), ['ack late'])
  assert.equal(tracker.open, 0)
})

test('TR-4: what has failed is told of with a commit, too', () => {
  const { tracker, begin, told } = setUp({ waitsForCommit: true })
  const { index, stamp } = begin('m')
  tracker.fail(index, stamp, failure, 0)
  tracker.cut(1)
  assert.deepEqual(told(), [])
  tracker.committed(1)
  assert.deepEqual(told(), ['fail m'])
})

test('TR-5: it is full with as many trees as may be open, until one is told of', () => {
  const { tracker, begin, told, complete, dueTimes } = setUp()
  const trees = ['a', 'b', 'c'].map(begin)
  assert.equal(tracker.isFull, true)
  complete(trees[1]!)
  assert.equal(tracker.isFull, true)
  assert.equal(dueTimes(), 1)
  assert.deepEqual(told(), ['ack b'])
  assert.deepEqual([tracker.isFull, tracker.room], [false, 1])
})

test('messages with times of their own are told of at their times', () => {
  const { clock, tracker, told } = setUp({ openMessagesMax: 100 })
  for (const ms of [500, 40, 200]) tracker.begin(port, ms, ms, ms, false)
  clock.advance(39)
  assert.deepEqual(told(), [])
  clock.advance(15)
  assert.deepEqual(told(), ['timeout 40'])
  clock.advance(160)
  assert.deepEqual(told(), ['timeout 200'])
  clock.advance(300)
  assert.deepEqual(told(), ['timeout 500'])
})

test('TR-6 of a message that wants answers, `fail` and answers wait for the commit of one that has what they stand on', () => {
  const { tracker, told, complete } = setUp({ waitsForCommit: true })
  const begin = (id: string): Tree => tracker.begin(port, id, id, undefined, true)
  const [failed, behind, early, late] = [begin('failed'), begin('behind'), begin('early'), begin('late')]
  tracker.fail(failed.index, failed.stamp, failure, 6)
  // Who failed had taken the cut of 7 already: who goes back to 7 handles the message again.
  tracker.fail(behind.index, behind.stamp, failure, 7)
  early.answer = { value: 1, cut: 6 }
  complete(early)
  // So does this answer.
  late.answer = { value: 2, cut: 7 }
  complete(late)
  assert.deepEqual(told(), [])
  tracker.cut(7)
  tracker.committed(7)
  assert.deepEqual(told(), ['fail failed', 'ack early'])
  tracker.cut(8)
  tracker.committed(8)
  assert.deepEqual(told(), ['fail behind', 'ack late'])
})

test('what a turn had no time for is told in the next, before what is over meanwhile', () => {
  const { tracker, begin, told, complete } = setUp({ openMessagesMax: 10 })
  const trees = ['a', 'b', 'c', 'd', 'e'].map(begin)
  for (const tree of trees.slice(0, 3)) complete(tree)
  assert.deepEqual(told(1), ['ack a'])
  assert.ok(tracker.hasSettled)
  complete(trees[3]!)
  assert.deepEqual(told(2), ['ack b', 'ack c'])
  complete(trees[4]!)
  assert.deepEqual([told(), tracker.hasSettled, tracker.open], [['ack d', 'ack e'], false, 0])
})
