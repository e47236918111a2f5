import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorCode } from '../../../../src/base/error-codes.ts'
import { VertigoError } from '../../../../src/base/errors.ts'
import type { Sink, SinkBatch, SinkSnapshot } from '../../../../src/component/sink.ts'
import { eventLoopTurn, TestClock } from '../../../../src/testkit/test-clock.ts'
import {
  defaultSinkLimits,
  InstanceSink,
  type SinkOwner,
} from '../../../../src/worker/snapshots/instance-sink.ts'
import { within } from '../../../support/eventually.ts'

/** A sink whose target a test plays, and the instance that it is of. */
class Rig implements SinkOwner {
  readonly place = 'out[0]'
  readonly clock = new TestClock()
  readonly failures: unknown[] = []
  readonly warnings: VertigoError[] = []
  readonly published: unknown[] = []
  received = 0
  isAble = true
  asked = 0
  wakes = 0
  /** What the target says to a batch. */
  take: (batch: SinkBatch) => unknown = () => undefined
  has: () => SinkSnapshot | undefined = () => undefined
  readonly sink: InstanceSink
  private snapshot = 0
  private gathered: string[] = []

  constructor() {
    const sink: Sink = {
      prepare: () => {
        const prepared = this.gathered
        this.gathered = []
        return prepared.length === 0 ? undefined : prepared
      },
      commit: async (batch) => {
        await this.take(batch)
        this.published.push(...(batch.staged as string[]))
      },
      recover: () => this.has(),
    }
    this.sink = new InstanceSink(sink, 'writer', this)
  }

  fail(error: unknown): void {
    this.failures.push(error)
  }

  warn(error: VertigoError): void {
    this.warnings.push(error)
  }

  inSlices(): void {
    assert.fail('what is small is encoded at the cut')
  }

  mayAct(): boolean {
    this.asked++
    return this.isAble
  }

  wake(): void {
    this.wakes++
  }

  receive(...messages: readonly string[]): void {
    this.received += messages.length
    this.gathered.push(...messages)
  }

  /** A snapshot, and its commit. */
  async commit(): Promise<void> {
    const snapshot = ++this.snapshot
    await this.sink.prepare(
      {
        type: 'begin',
        generation: 1,
        incarnation: 1,
        snapshot,
        predecessor: null,
        isAligned: true,
        alignMsMax: 1000,
      },
      false,
    )
    this.sink.publish(snapshot)
  }

  /** Time goes on, in small steps, and with what comes of each. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 20) {
      this.clock.advance(20)
      await eventLoopTurn()
    }
  }
}

const { lateMs, commitMsMax } = defaultSinkLimits

test('SINK_LATE, then SINK_COMMIT_FAILED: a target that takes nothing is told of, and is given up after a minute', async () => {
  const rig = new Rig()
  rig.take = () => Promise.reject(new Error('the line is cut'))
  rig.receive('a')
  await rig.commit()
  await rig.pass(lateMs - 100)
  assert.deepEqual([rig.warnings, rig.failures], [[], []], 'a short failure is nobody’s business')
  await rig.pass(commitMsMax - lateMs - 5_000)
  const [late, ...more] = rig.warnings
  assert.deepEqual([late?.code, more], ['SINK_LATE', []], 'it is told once')
  assert.match(late!.message, /^out\[0\] cannot publish .*: the line is cut$/)
  assert.deepEqual(rig.failures, [])
  await rig.pass(10_000)
  const [failed] = rig.failures as VertigoError[]
  assert.equal(failed?.code, 'SINK_COMMIT_FAILED')
  assert.match(failed.message, /^out\[0\] has not published for \d\d s what is committed: the line is cut$/)
  assert.equal(failed.place.component, 'out[0]')
  assert.deepEqual(rig.published, [])
})

test('a target that comes back before the minute is over gets what waited', async () => {
  const rig = new Rig()
  rig.take = () => Promise.reject(new Error('the line is cut'))
  rig.receive('a')
  await rig.commit()
  await rig.pass(lateMs * 2)
  rig.take = () => undefined
  await rig.pass(10_000)
  assert.deepEqual([rig.published, rig.failures], [['a'], []])
})

test('an error that is not to be tried again fails the instance at once', async () => {
  const rig = new Rig()
  rig.take = () => Promise.reject(new VertigoError('SINK_REFUSED', 'no such table'))
  rig.receive('a')
  await rig.commit()
  await eventLoopTurn()
  assert.deepEqual(
    rig.failures.map((error) => (error as VertigoError).code),
    ['SINK_REFUSED'],
  )
})

test('IS-4: one that may not act for a moment while it is prepared goes on when it may, with nobody telling it', async () => {
  const rig = new Rig()
  rig.isAble = false
  const snapshot = { incarnation: 1, id: 4 }
  let isRecovered = false
  const recovered = rig.sink
    .recover({
      snapshot,
      upTo: snapshot,
      writers: [
        { writer: 'writer', published: undefined, since: undefined, staged: [{ snapshot, staged: ['a'] }] },
      ],
    })
    .then(() => (isRecovered = true))
  await rig.pass(100)
  assert.deepEqual([isRecovered, rig.published], [false, []])
  rig.isAble = true
  await rig.pass(100)
  assert.ok(isRecovered, 'it has recovered')
  await recovered
  assert.deepEqual(rig.published, ['a'])
})

test('IS-4: the time in which it may not act does not count as failing', async () => {
  const rig = new Rig()
  rig.isAble = false
  rig.receive('a')
  await rig.commit()
  await rig.pass(commitMsMax * 2)
  assert.deepEqual([rig.published, rig.failures, rig.warnings], [[], [], []])
  rig.isAble = true
  let refusals = 3
  rig.take = () => (refusals-- > 0 ? Promise.reject(new Error('not yet')) : undefined)
  await rig.pass(2_000)
  assert.deepEqual([rig.published, rig.failures], [['a'], []])
})

test('IS-6: a close waits for what is committed, and what is left then is told with its numbers', async () => {
  const rig = new Rig()
  const { promise: never } = Promise.withResolvers<void>()
  rig.take = () => never
  rig.receive('a', 'b')
  await rig.commit()
  rig.receive('c')
  await rig.commit()
  let isClosed = false
  const closed = rig.sink.close(4_000).then(() => (isClosed = true))
  await rig.pass(3_900)
  assert.deepEqual([isClosed, rig.warnings], [false, []])
  await rig.pass(200)
  assert.ok(isClosed, 'the bound holds')
  await closed
  assert.deepEqual(
    rig.warnings.map(({ code, message }) => [code, message]),
    [
      [
        'SINK_UNPUBLISHED',
        'out[0] was closed before it had published what it received for snapshots 1 to 2, 3 messages. It is in the snapshot, and is published when out[0] goes on from that.',
      ],
    ],
  )
})

const snapshot = (id: number): SinkSnapshot => ({ incarnation: 1, id })

const leftOf = (writer: string, ...ids: readonly number[]) => ({
  writer,
  published: undefined,
  since: undefined,
  staged: ids.map((id) => ({ snapshot: snapshot(id), staged: [`${writer} ${id}`] })),
})

const from = { snapshot: snapshot(9), upTo: snapshot(9) }

test('IS-6: what is left where a component begins afresh is published, but for what the target has', async () => {
  const rig = new Rig()
  rig.has = () => snapshot(4)
  await rig.sink.discard(async () => ({ ...from, writers: [leftOf('writer', 4, 5, 6)] }))
  assert.deepEqual([rig.published, rig.warnings], [['writer 5', 'writer 6'], []])
})

test('IS-6: what the target does not take then is told with its numbers, and nothing is refused', async () => {
  const rig = new Rig()
  rig.take = ({ writer, snapshot: { id } }) =>
    id === 5 && writer === 'first'
      ? Promise.reject(new VertigoError('SINK_REFUSED', 'no such table'))
      : undefined
  await rig.sink.discard(async () => ({ ...from, writers: [leftOf('first', 4, 5, 6), leftOf('second', 6)] }))
  assert.deepEqual(rig.published, ['first 4', 'second 6'])
  assert.deepEqual(
    rig.warnings.map(({ code, message }) => [code, message]),
    [
      [
        'SINK_DISCARDED',
        'out[0] begins afresh: what first received for snapshots 5 to 6 is committed, cannot be published, and is dropped. no such table',
      ],
    ],
  )
})

test('IS-6: a target that is lost, or ahead, does not keep a component from beginning afresh', async () => {
  const rig = new Rig()
  rig.has = () => {
    throw new VertigoError('SINK_TARGET_LOST', 'the file is gone')
  }
  await rig.sink.discard(async () => ({ ...from, writers: [leftOf('writer', 6)] }))
  assert.match(rig.warnings[0]!.message, /received for snapshot 6 is committed.* the file is gone$/)
  rig.has = () => snapshot(12)
  await rig.sink.discard(async () => ({ ...from, writers: [leftOf('writer', 6)] }))
  await rig.sink.discard(() => Promise.reject(new VertigoError('SNAPSHOT_FILE_MISSING', 'no such file')))
  assert.deepEqual(
    rig.warnings.slice(1).map(({ message }) => message),
    [
      'out[0] begins afresh: what its sink had left in the snapshot cannot be read, and is dropped. no such file',
    ],
  )
})

const unreachable = new VertigoError('SNAPSHOT_STORAGE_UNREACHABLE', 'no answer')

test('IS-6: what the storage does not give at once, where a component begins afresh, is read and published later', async () => {
  const rig = new Rig()
  let refusals = 3
  const done = rig.sink.discard(async () => {
    if (refusals-- > 0) throw unreachable
    return { ...from, writers: [leftOf('writer', 6)] }
  })
  await rig.pass(2_000)
  await within('it is read', 10_000, done)
  assert.deepEqual([rig.published, rig.warnings], [['writer 6'], []])
})

test('IS-6: what the storage does not give keeps a component from beginning afresh, and nothing is dropped', async () => {
  const rig = new Rig()
  const codes: string[] = []
  const discard = (code: ErrorCode): Promise<unknown> =>
    rig.sink
      .discard(() => Promise.reject(new VertigoError(code, 'not now')))
      .then(
        () => codes.push('it began'),
        (error: VertigoError) => codes.push(error.code),
      )
  const away = discard('SNAPSHOT_STORAGE_UNREACHABLE')
  await rig.pass(defaultSinkLimits.recoverMsMax - 6_000)
  assert.deepEqual(codes, [])
  await rig.pass(6_000)
  await within('it gives up', 10_000, away)
  for (const code of ['SNAPSHOT_STORAGE_UNWRITABLE', 'SNAPSHOT_FORMAT_NEWER'] as const)
    await within('it fails at once', 10_000, discard(code))
  assert.deepEqual(codes, ['SINK_COMMIT_FAILED', 'SNAPSHOT_STORAGE_UNWRITABLE', 'SNAPSHOT_FORMAT_NEWER'])
  assert.deepEqual(
    rig.warnings.map(({ code }) => code),
    ['SINK_LATE'],
  )
})

test('IS-6: one that is stopped while it reads tells nothing, and does not begin', async () => {
  const rig = new Rig()
  const { promise, reject } = Promise.withResolvers<never>()
  const done = rig.sink.discard(() => promise)
  await eventLoopTurn()
  rig.sink.stop()
  reject(new VertigoError('SNAPSHOT_FILE_MISSING', 'no such file'))
  await within('it is over', 10_000, assert.rejects(done, { code: 'STOPPED' }))
  assert.deepEqual(rig.warnings, [])
})

test('IS-6: a target that is away holds that up for a bounded time, whatever the number of writers', async () => {
  const rig = new Rig()
  rig.has = () => {
    throw new Error('the line is cut')
  }
  let isDone = false
  const done = rig.sink
    .discard(async () => ({ ...from, writers: [leftOf('first', 5), leftOf('second', 6)] }))
    .then(() => (isDone = true))
  await rig.pass(defaultSinkLimits.recoverMsMax - 6_000)
  assert.equal(isDone, false)
  await rig.pass(6_000)
  assert.ok(isDone, 'it gives up')
  await done
  const told = rig.warnings.filter(({ code }) => code === 'SINK_DISCARDED')
  assert.equal(told.length, 2)
})

test('IS-6: a close that publishes all, and what no snapshot has committed, are told to nobody', async () => {
  const rig = new Rig()
  const { promise, resolve } = Promise.withResolvers<void>()
  rig.take = () => promise
  rig.receive('a')
  await rig.commit()
  rig.receive('b')
  const closed = rig.sink.close(4_000)
  resolve()
  await within('it is closed', 10_000, closed)
  assert.deepEqual([rig.published, rig.warnings, rig.failures], [['a'], [], []])
})
