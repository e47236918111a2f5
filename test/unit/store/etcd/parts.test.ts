import { Long } from '@grpc/proto-loader'
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../../../src/base/random.ts'
import { encode, isReadOnly, unwrap, wrap } from '../../../../src/store/etcd/envelope.ts'
import { AttemptFailed, judge, wroteNothing } from '../../../../src/store/etcd/failure.ts'
import { Gate } from '../../../../src/store/etcd/gate.ts'
import { Keyspace } from '../../../../src/store/etcd/keyspace.ts'
import { LeaseIds, leaseNumber, leaseText } from '../../../../src/store/etcd/lease-ids.ts'
import { Patience } from '../../../../src/store/etcd/patience.ts'
import { methods } from '../../../../src/store/etcd/protocol.ts'
import type { Slot } from '../../../../src/store/etcd/slots.ts'
import { get, isMissing, put, remove } from '../../../../src/store/operations.ts'
import type { Compare, LeaseId } from '../../../../src/store/store.ts'

const keys = new Keyspace('p')
const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })

describe('keys', () => {
  test('come back as they were, below the prefix', () => {
    fc.assert(
      fc.property(key, (text) => {
        const bytes = keys.toEtcd(text)
        assert.ok(bytes.toString().startsWith('p/'))
        assert.equal(keys.fromEtcd(bytes), text)
      }),
    )
    for (const foreign of ['p', 'p/', 'q/a', 'p0', 'p\0ops/1', ''])
      assert.equal(keys.fromEtcd(Buffer.from(foreign)), undefined)
  })

  test('a range holds what begins with the prefix and stands behind `after`, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 2 }),
        fc.option(fc.string({ maxLength: 3 }), { nil: undefined }),
        key,
        (prefix, after, text) => {
          const { key: start, rangeEnd } = keys.range(prefix, after)
          const bytes = keys.toEtcd(text)
          const isIn = Buffer.compare(start, bytes) <= 0 && Buffer.compare(bytes, rangeEnd) < 0
          const isBehind = after === undefined || Buffer.compare(Buffer.from(text), Buffer.from(after)) > 0
          assert.equal(isIn, text.startsWith(prefix) && isBehind)
        },
      ),
    )
  })
})

describe('ids of leases', () => {
  test('tell whose they are, and survive being text', () => {
    const random = seededRandom(1)
    const ours = new LeaseIds('p', random)
    const others = new LeaseIds('q', random)
    for (let n = 0; n < 1_000; n++) {
      const id = ours.next(false)
      assert.ok(id.isPositive() && !id.isZero())
      assert.ok(leaseNumber(leaseText(id))?.equals(id))
      assert.equal(ours.isUsers(id), true)
      assert.equal(others.isUsers(id), false)
      assert.equal(ours.isUsers(ours.next(true)), false)
    }
    for (const text of ['', '0', 'x', 'ffffffffffffffff', '11111111111111111'])
      assert.equal(leaseNumber(text as LeaseId), undefined)
  })
})

describe('patience', () => {
  test('with others to ask: short at first, twice as long in each round', () => {
    const patience = new Patience(3)
    assert.deepEqual(
      [0, 2, 3, 5, 6, 100].map((failures) => patience.attemptMs(failures)),
      [120, 120, 240, 240, 480, 4_000],
    )
    for (let n = 0; n < 100; n++) patience.observe(100)
    assert.ok(Math.abs(patience.attemptMs(0) - 400) < 5)
  })

  test('no pause while there is somebody who was not asked; a short one then', () => {
    const random = seededRandom(1)
    const patience = new Patience(3)
    assert.deepEqual(
      [1, 2, 4, 5].map((failures) => patience.pauseMs(failures, random)),
      [0, 0, 0, 0],
    )
    for (const failures of [3, 6, 9, 300]) {
      const pauseMs = patience.pauseMs(failures, random)
      assert.ok(pauseMs >= 5 && pauseMs <= 40, `${pauseMs}`)
    }
    assert.equal(new Patience(1).attemptMs(0), 1_000)
  })
})

test('what an attempt may have done', () => {
  const cases: readonly [number, string, string, boolean][] = [
    [14, 'etcdserver: no leader', 'again', true],
    [14, 'etcdserver: request timed out', 'again', false],
    [14, 'etcdserver: leader changed', 'again', false],
    [14, 'No connection established. Last error: ECONNREFUSED', 'again', true],
    [14, 'Connection dropped', 'again', false],
    [14, 'No connection established. Last error: self-signed certificate', 'again', true],
    [14, 'read EPROTO SSL alert number 42', 'again', false],
    [4, 'Deadline exceeded', 'again', false],
    [13, 'RST_STREAM', 'again', false],
    [16, 'etcdserver: invalid auth token', 'token', true],
    [5, 'etcdserver: requested lease not found', 'final', true],
    [9, 'etcdserver: lease already exists', 'lease-exists', true],
    [11, 'etcdserver: mvcc: required revision has been compacted', 'compacted', true],
    [8, 'etcdserver: mvcc: database space exceeded', 'final', true],
    [8, 'etcdserver: too many requests', 'again', true],
    [3, 'etcdserver: duplicate key given in txn request', 'final', true],
    [7, 'etcdserver: permission denied', 'final', true],
    [12, 'unknown service etcdserverpb.KV', 'final', true],
  ]
  for (const [code, details, type, isSure] of cases) {
    const failure = new AttemptFailed(code, details)
    assert.equal(judge(failure).type, type, details)
    assert.equal(wroteNothing(failure), isSure, details)
  }
  assert.equal(wroteNothing(new Error('a fault of ours')), false)
})

test('the gate lets in so many, the others in their order, and those who gave up never', async () => {
  const gate = new Gate(2)
  assert.deepEqual([gate.tryEnter(), gate.tryEnter(), gate.tryEnter()], [true, true, false])
  const order: string[] = []
  let giveUp = (): void => {}
  const wait = async (name: string, leavesEarly = false): Promise<void> => {
    const isIn = await gate.wait((stop) => {
      if (leavesEarly) giveUp = stop
      return () => {}
    })
    order.push(`${name} ${isIn ? 'in' : 'gave up'}`)
  }
  const waiting = [wait('a'), wait('b', true), wait('c')]
  giveUp()
  gate.leave()
  gate.leave()
  await Promise.all(waiting)
  assert.deepEqual(order.toSorted(), ['a in', 'b gave up', 'c in'])
  gate.leave()
  gate.leave()
  assert.equal(gate.tryEnter(), true)
})

describe('transactions with a slot', () => {
  const slot: Slot = {
    key: Buffer.from('p\0ops/1/1'),
    session: { lease: Long.fromNumber(5), name: '5', isLost: false },
    revision: 7,
    isUnsettled: false,
  }
  const value = new Uint8Array([1])

  test('without another branch the comparisons stand side by side', () => {
    const encoded = encode(keys, { compare: [isMissing('a')], then: [put('a', value)] })
    const request = wrap(encoded, slot, true)
    assert.equal(request.compare.length, 2)
    assert.equal(request.success.length, 2)
    const done = unwrap(encoded, slot, { succeeded: true, responses: [{}, {}] })
    assert.deepEqual([done.untouched, done.succeeded, done.recorded], [true, true, true])
    const found = (revision: number): object => ({
      responses: [{ responseRange: { kvs: [{ modRevision: Long.fromNumber(revision) }] } }],
    })
    const failed = unwrap(encoded, slot, found(7))
    assert.deepEqual([failed.untouched, failed.succeeded, failed.recorded], [true, false, false])
    assert.equal(unwrap(encoded, slot, found(8)).untouched, false)
    assert.equal(unwrap(encoded, slot, { responses: [{ responseRange: {} }] }).untouched, false)
  })

  test('without comparisons only the slot can have failed', () => {
    const encoded = encode(keys, { then: [put('a', value)] })
    assert.deepEqual(wrap(encoded, slot, false).failure, [])
    assert.equal(unwrap(encoded, slot, {}).untouched, false)
  })

  test('with another branch they stand in a transaction inside', () => {
    const encoded = encode(keys, {
      compare: [isMissing('a')],
      then: [put('a', value)],
      otherwise: [remove('a')],
    })
    const request = wrap(encoded, slot, true)
    assert.equal(request.compare.length, 1)
    assert.equal(request.success[0]?.requestTxn?.success.length, 2)
    assert.equal(request.success[0]?.requestTxn?.failure.length, 2)
    const inner = { succeeded: false, responses: [{ responseDeleteRange: { deleted: Long.fromNumber(1) } }] }
    const { untouched, succeeded, responses } = unwrap(encoded, slot, {
      succeeded: true,
      responses: [{ responseTxn: inner }],
    })
    assert.deepEqual([untouched, succeeded], [true, false])
    assert.deepEqual(encoded.result(succeeded, responses, 9).results, [{ type: 'delete', deleted: 1 }])
  })

  test('what only reads needs no slot', () => {
    assert.equal(isReadOnly({ then: [get('a')], otherwise: [get('b')] }), true)
    assert.equal(isReadOnly({ then: [get('a')], otherwise: [remove('b')] }), false)
  })

  test('what goes over the wire is what etcd describes', () => {
    const wire = (compare: readonly Compare[]): string => {
      const encoded = encode(keys, { compare, then: [put('a', value)] })
      return methods.txn.serialize(wrap(encoded, { ...slot, revision: 2 }, false)).toString('hex')
    }
    const untouched = '0a11080010021a0970006f70732f312f313002'
    const written = '120a12080a03702f61120101'
    assert.equal(wire([]), untouched + written)
    const missing = '0a0b080010001a03702f612000'
    const slotRead = '1a0d0a0b0a0970006f70732f312f31'
    assert.equal(wire([isMissing('a')]), missing + untouched + written + slotRead)
  })
})
