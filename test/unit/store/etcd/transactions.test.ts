import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { Long } from '@grpc/proto-loader'
import { seededRandom } from '../../../../src/base/random.ts'
import { AttemptFailed } from '../../../../src/store/etcd/failure.ts'
import { Keyspace } from '../../../../src/store/etcd/keyspace.ts'
import type { Members } from '../../../../src/store/etcd/members.ts'
import { Patience } from '../../../../src/store/etcd/patience.ts'
import type { Slot, Slots } from '../../../../src/store/etcd/slots.ts'
import { Transactions } from '../../../../src/store/etcd/transactions.ts'
import { put } from '../../../../src/store/operations.ts'
import type { Repeat } from '../../../../src/store/store.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { hasCode } from '../support/errors.ts'

const unanswered = new AttemptFailed(status.UNAVAILABLE, 'Connection dropped')
const full = new AttemptFailed(status.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded')

/** Transactions over members of which each attempt fails as said, and that settle everything as void. */
function failing(failures: AttemptFailed[]): Transactions {
  const header = { revision: Long.fromNumber(7) }
  const members = {
    clock: new TestClock(),
    random: seededRandom(1),
    patience: new Patience(3),
    count: 3,
    addresses: 'a, b, c',
    isClosed: false,
    current: { isReady: true, address: 'a' },
    leave: () => undefined,
    inTurn: (_: unknown, call: () => unknown) => call(),
    attempt: () => {
      assert.ok(failures.length > 0, 'an attempt more than was expected')
      return Promise.reject(failures.shift()!)
    },
    call: () => Promise.resolve({ succeeded: true, header, responses: [] }),
  } as unknown as Members
  const session = { lease: Long.fromNumber(1), name: '1', isLost: false }
  const slot: Slot = { key: Buffer.from('slot'), session, revision: 5, isUnsettled: false }
  const slots = { tryTake: () => slot, give: () => undefined } as unknown as Slots
  return new Transactions(members, new Keyspace('p'), slots)
}

test('what is aborted before its turn has come is not sent', async () => {
  const aborting = new AbortController()
  const failures = [full]
  const aborted = failing(failures).transact(transaction, { signal: aborting.signal })
  aborting.abort(new Error('enough'))
  await assert.rejects(aborted, /^Error: enough$/)
  assert.deepEqual(failures, [full], 'it was sent')
})

const transaction = { then: [put('k', Buffer.from('v'))] }
const sent = (repeat: Repeat, ...failures: AttemptFailed[]): Promise<unknown> =>
  failing(failures).transact(transaction, { repeat })

describe('ST-6: what is told of a transaction that fails', () => {
  test('`harmless`: what fails behind an attempt that was not answered leaves open whether that did it', async () => {
    await assert.rejects(sent('harmless', unanswered, full), (error) => {
      assert.ok(hasCode('STORE_OUTCOME_UNKNOWN')(error))
      return hasCode('STORE_FULL')((error as Error).cause)
    })
  })

  test('where nothing of it can have been done, the error is that of the last attempt', async () => {
    await assert.rejects(sent('harmless', full), hasCode('STORE_FULL'))
    // Its record would be there.
    await assert.rejects(sent('once', unanswered, full), hasCode('STORE_FULL'))
  })
})
