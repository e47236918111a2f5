import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, test } from 'node:test'
import { Long } from '@grpc/proto-loader'
import { status } from '@grpc/grpc-js'
import { seededRandom } from '../../../../src/base/random.ts'
import { Keyspace } from '../../../../src/store/etcd/keyspace.ts'
import type { Members } from '../../../../src/store/etcd/members.ts'
import { Patience } from '../../../../src/store/etcd/patience.ts'
import type { WatchRequest } from '../../../../src/store/etcd/protocol.ts'
import { Watches } from '../../../../src/store/etcd/watches.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'

class Stream extends EventEmitter {
  readonly begun: number[] = []

  write({ createRequest }: WatchRequest): void {
    if (createRequest !== undefined) this.begun.push(createRequest.startRevision)
  }

  cancel(): void {}

  /** Answers the beginning of so many watches. */
  answer(count = 1): void {
    for (let n = 0; n < count; n++)
      this.emit('data', { created: true, header: { revision: Long.fromNumber(5) } })
  }

  fail(): void {
    this.emit('error', { code: status.UNAVAILABLE, details: 'etcdserver: no leader' })
  }
}

/** Watches over members of which each new stream is a fake. */
function world() {
  const clock = new TestClock()
  const streams: Stream[] = []
  const endpoint = {
    address: 'a',
    bytesRead: 0,
    answered: () => undefined,
    drop: () => undefined,
    stream: () => {
      const stream = new Stream()
      streams.push(stream)
      return stream
    },
  }
  const members = {
    clock,
    random: seededRandom(1),
    patience: new Patience(1),
    probeKey: Buffer.from('probe'),
    current: endpoint,
    leave: () => undefined,
  } as unknown as Members
  const watches = new Watches(members, new Keyspace('p'))
  const listener = { events: () => undefined, compacted: () => undefined, failed: () => undefined }
  const follow = (key: string): { cancel(): void } => watches.follow(key, 10, listener)
  return { clock, streams, watches, follow }
}

describe('watches over one stream', () => {
  test('EW-4: behind a failure one asks first, and the others when it is answered', () => {
    const { clock, streams, watches, follow } = world()
    for (let n = 0; n < 1_000; n++) follow(`k${n}`)
    clock.advance(1)
    assert.equal(streams[0]!.begun.length, 1_000)
    for (let failure = 0; failure < 20; failure++) {
      streams.at(-1)!.fail()
      clock.advance(100)
    }
    const again = streams.slice(1)
    assert.equal(again.length, 20)
    assert.deepEqual(
      again.map(({ begun }) => begun.length),
      again.map(() => 1),
    )
    const last = streams.at(-1)!
    follow('late')
    assert.equal(last.begun.length, 1)
    last.answer()
    assert.equal(last.begun.length, 1_001)
    assert.deepEqual([...new Set(last.begun)], [9], 'from one revision before (EW-2)')
    follow('later')
    assert.equal(last.begun.length, 1_002)
    watches.close()
  })

  test('EW-4: the others begin also where the one that asked was cancelled meanwhile', () => {
    const { clock, streams, watches, follow } = world()
    const first = follow('a')
    follow('b')
    clock.advance(1)
    streams[0]!.fail()
    clock.advance(100)
    first.cancel()
    const last = streams.at(-1)!
    last.answer()
    assert.equal(last.begun.length, 2)
    watches.close()
  })
})
