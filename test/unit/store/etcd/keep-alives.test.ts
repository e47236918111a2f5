import { Long } from '@grpc/proto-loader'
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { seededRandom } from '../../../../src/base/random.ts'
import { Deadline } from '../../../../src/store/etcd/deadline.ts'
import { KeepAlives } from '../../../../src/store/etcd/keep-alives.ts'
import type { Members } from '../../../../src/store/etcd/members.ts'
import { Patience } from '../../../../src/store/etcd/patience.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'

class FakeCall extends EventEmitter {
  readonly sent: Long[] = []
  isCancelled = false

  write({ id }: { readonly id: Long }): void {
    this.sent.push(id)
  }

  cancel(): void {
    this.isCancelled = true
  }

  answer(id: Long, ttlS: number): void {
    this.emit('data', { id, ttl: Long.fromNumber(ttlS) })
  }
}

test('EK-1: an answer that is not that of the oldest request counts for nobody, and ends the stream', async () => {
  const clock = new TestClock()
  const calls: FakeCall[] = []
  const endpoint = {
    address: 'member',
    stream: () => {
      calls.push(new FakeCall())
      return calls.at(-1)
    },
    answered: () => {},
    unanswered: () => {},
  }
  const members = {
    clock,
    random: seededRandom(1),
    patience: new Patience(2),
    current: endpoint,
    count: 2,
    addresses: 'member',
    isClosed: false,
    leave: () => {},
  } as unknown as Members
  const keepAlives = new KeepAlives(members)
  const [one, two] = [Long.fromNumber(1), Long.fromNumber(2)]
  const answers = [one, two].map((id) => keepAlives.send(id, new Deadline(clock, { timeoutMs: 1_000 })))
  const [first] = calls
  assert.deepEqual(first?.sent, [one, two])
  // Of the second request: were it taken for the first one's, the first lease would seem to live.
  first.answer(two, 7)
  assert.equal(first.isCancelled, true)
  // Both are asked anew.
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  const second = calls[1]
  assert.deepEqual(second?.sent, [one, two])
  second.answer(one, 5)
  second.answer(two, 6)
  assert.deepEqual(await Promise.all(answers), [5, 6])
  keepAlives.close()
})
