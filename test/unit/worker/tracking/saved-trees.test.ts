import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OutputPort } from '../../../../src/messaging/output-port.ts'
import { eventLoopTurn, TestClock } from '../../../../src/testkit/test-clock.ts'
import { answerWaitMsMax, OpenAtCut, type SavedTree } from '../../../../src/worker/tracking/saved-trees.ts'
import { Tracker, type Tree, treeState } from '../../../../src/worker/tracking/tracker.ts'

/** What a snapshot has of messages that want answers: OC-1, OC-2 of `worker/tracking/saved-trees.ts`. */

const port = new OutputPort('out', [], [], () => 1)
const snapshot = 7
const failure = {
  component: 'c',
  instance: 0,
  port: 'in',
  message: 1,
  error: { name: 'Error', message: 'boom' },
}

function setUp() {
  const clock = new TestClock()
  let cut: OpenAtCut | undefined
  const tracker = new Tracker(
    {
      timeoutMs: 60_000,
      openMessagesMax: 100,
      replay: { times: 0, delayMs: 0, delayMsMax: 0 },
      waitsForCommit: true,
    },
    {
      clock,
      random: () => 1_000,
      due: () => undefined,
      over: (tree) => cut?.over(tree),
    },
  )
  let saved: readonly SavedTree[] | undefined
  const take = async (): Promise<string[] | undefined> => {
    await eventLoopTurn()
    return saved?.map(({ id, outcome, answer }) => `${String(id)} ${outcome?.type} ${String(answer?.value)}`)
  }
  return {
    clock,
    tracker,
    begin: (id: string, wantsAnswers = true): Tree => tracker.begin(port, id, id, undefined, wantsAnswers),
    complete: (tree: Tree, answered?: readonly [value: unknown, cut: number]): void => {
      if (answered !== undefined) tree.answer = { value: answered[0], cut: answered[1] }
      tracker.report(tree.index, tree.stamp, tree.a, tree.b)
    },
    /** `behind`: the cut that who failed had taken. */
    fail: ({ index, stamp }: Tree, behind: number): void => tracker.fail(index, stamp, failure, behind),
    cut: (): void => {
      cut = new OpenAtCut(clock, snapshot, [...tracker.unsettled()])
      cut.saved.then(
        (trees) => (saved = trees),
        (error: unknown) => assert.fail(String(error)),
      )
    },
    take,
  }
}

test('answers that come behind the cut are in it; what was sent behind it is not', async () => {
  const { tracker, begin, complete, cut, take } = setUp()
  const [before, one, other, plain] = [begin('before'), begin('one'), begin('other'), begin('plain', false)]
  complete(before, [0, 6])
  cut()
  const later = begin('later')
  complete(later, [9, 7])
  complete(one, [1, 6])
  assert.equal(await take(), undefined, 'one is open')
  // It is told of, and its place is used again, before the snapshot is written.
  tracker.cut(8)
  tracker.committed(8)
  tracker.takeSettled((tree) => {
    tracker.release(tree)
    return true
  })
  complete(begin('again'), [8, 7])
  complete(other)
  assert.deepEqual(await take(), ['before ack 0', 'one ack 1', 'other ack undefined', 'plain ack undefined'])
  assert.equal(plain.state, treeState.sent, 'it wants no answer, and is not waited for')
})

test('OC-1 an answer that was given behind the cut of who gave it is given again by who goes back', async () => {
  const { begin, complete, cut, take } = setUp()
  const [before, behind] = [begin('before'), begin('behind')]
  cut()
  complete(before, ['b', snapshot - 1])
  complete(behind, ['a', snapshot])
  assert.deepEqual(await take(), ['before ack b', 'behind lost undefined'])
})

test('OC-1 a failure behind the cut of who failed is none for who goes back: the message is handled again', async () => {
  const { begin, fail, cut, take } = setUp()
  const [soon, early, behind, answered] = [begin('soon'), begin('early'), begin('behind'), begin('answered')]
  const plain = [begin('plain', false), begin('plain behind', false)]
  // Other sources' barriers have overtaken it: its handler has taken the cut before the source has.
  fail(soon, snapshot)
  for (const [at, tree] of plain.entries()) fail(tree, snapshot - 1 + at)
  cut()
  fail(early, snapshot - 1)
  fail(behind, snapshot)
  answered.answer = { value: 1, cut: snapshot - 1 }
  fail(answered, snapshot)
  assert.deepEqual(await take(), [
    'soon lost undefined',
    'early fail undefined',
    'behind lost undefined',
    'answered ack 1',
    'plain fail undefined',
    'plain behind ack undefined',
  ])
})

test('OC-2 what is not known in time is lost; what was answered so far is not', async () => {
  const { clock, begin, cut, take } = setUp()
  const [, answered] = [begin('silent'), begin('answered')]
  cut()
  answered.answer = { value: 3, cut: 6 }
  clock.advance(answerWaitMsMax - 1)
  assert.equal(await take(), undefined)
  clock.advance(1)
  assert.deepEqual(await take(), ['silent lost undefined', 'answered ack 3'])
})
