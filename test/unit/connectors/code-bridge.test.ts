import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type CodeBridge,
  CollectorQueue,
  FeederQueue,
  codeBridge,
  collector,
  collectorKind,
  connectorKinds,
  feeder,
  feederKind,
} from '../../../src/connectors/index.ts'
import { VertigoError } from '../../../src/base/errors.ts'
import { type Asked, OpenRequests } from '../../../src/connectors/code/asked.ts'
import { makeBridge } from '../../../src/connectors/code/bridge.ts'
import { TestClock } from '../../../src/testkit/test-clock.ts'
import { kindDefinition } from '../../../src/component/kind.ts'
import { RunningComponent, RunningSource, coded, settle, within } from './support.ts'

/** Whether a promise has settled, once everything that was due has run. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false
  promise.then(
    () => (done = true),
    () => (done = true),
  )
  await settle()
  return done
}

test('feeder: messages arrive in order, and the end comes behind them', async () => {
  const input = feeder<string>()
  await input.send('before the network runs')
  const source = await RunningSource.open(input.kind, {})
  const all = source.all(2)
  for (const word of ['a', 'b', 'c']) await input.send(word)
  input.end()
  assert.deepEqual(await within(all, 'the end'), ['before the network runs', 'a', 'b', 'c'])
  await assert.rejects(input.send('d'), coded('BRIDGE_CLOSED'))
})

test('feeder: send waits for room, in order', async () => {
  const input = feeder<number>({ queueMessagesMax: 2 })
  const source = await RunningSource.open(input.kind, {})
  const sends = [0, 1, 2, 3, 4].map((n) => input.send(n))
  input.end()
  assert.deepEqual(await Promise.all(sends.map(settled)), [true, true, false, false, false])
  assert.equal(source.poll(1), 'more')
  assert.deepEqual(await Promise.all(sends.map(settled)), [true, true, true, false, false])
  assert.deepEqual(await within(source.all(), 'the end'), [0, 1, 2, 3, 4])
  await Promise.all(sends)
})

test('feeder: many messages through a small queue', async () => {
  const queue = new FeederQueue<number>({ queueMessagesMax: 7 })
  const got: number[] = []
  const fill = (async () => {
    for (let n = 0; n < 10_000; n++) await queue.send(n)
    queue.end()
  })()
  const drain = (async () => {
    while ((await queue.take(3, (n) => got.push(n))) === 'more');
  })()
  await within(Promise.all([fill, drain]), 'everything')
  assert.ok(got.length === 10_000 && got.every((n, index) => n === index))
})

test('feeder: several instances share the messages and all end', async () => {
  const input = feeder<number>()
  const sources = [
    await RunningSource.open(input.kind, { instances: 2 }),
    await RunningSource.open(input.kind, { instance: 1, instances: 2 }),
  ]
  const all = Promise.all(sources.map((source) => source.all(1)))
  for (let n = 0; n < 10; n++) await input.send(n)
  input.end()
  const got = (await within(all, 'the end')).flat() as number[]
  assert.deepEqual(
    got.toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
})

test('feeder: a failure and the end of the network reach the other side', async () => {
  const failing = feeder<string>()
  const source = await RunningSource.open(failing.kind, {})
  const all = source.all()
  failing.fail(new Error('no more input'))
  await assert.rejects(within(all, 'the failure'), /no more input/)

  const input = feeder<number>({ queueMessagesMax: 1 })
  const abort = new AbortController()
  await RunningSource.open(input.kind, { signal: abort.signal })
  await input.send(1)
  const waiting = input.send(2)
  abort.abort(new Error('another component failed'))
  await assert.rejects(waiting, (error: Error) => {
    assert.match(String(error.cause), /another component failed/)
    return coded('BRIDGE_CLOSED', 'takes no more')(error)
  })
  await assert.rejects(input.send(3), coded('BRIDGE_CLOSED'))
})

test('feeder: a request that waits to be taken hears of the end of the network', async () => {
  for (const end of [(input: FeederQueue) => input.close(), (input: FeederQueue) => input.detach()]) {
    const input = new FeederQueue()
    input.attach(false)
    const asked = input.request('never taken')
    await settle()
    end(input)
    await assert.rejects(within(asked, 'an end of the request'), coded('BRIDGE_CLOSED'))
  }
})

test('feeder: a request that is given up before it is taken is never sent', async () => {
  const queue = new FeederQueue()
  const requests = new OpenRequests({ clock: new TestClock(), place: 'in', isJournaled: false })
  const abort = new AbortController()
  abort.abort(new Error('never mind'))
  const early = queue.request('early', { signal: abort.signal })
  const giveUp = new AbortController()
  const late = queue.request('late', { signal: giveUp.signal })
  queue.request('stays').catch(() => assert.fail('it is not answered here'))
  giveUp.abort(new Error('never mind'))
  await assert.rejects(early, /never mind/)
  await assert.rejects(late, /never mind/)
  const sent: unknown[] = []
  const emit = (message: unknown): void => void sent.push(message)
  assert.equal(
    queue.take(10, (message) => requests.send(message as Asked, emit)),
    'more',
  )
  assert.deepEqual(sent, ['stays'])
})

test('collector: gathers everything; toArray waits for the end of all instances', async () => {
  const output = collector<number>()
  const first = await RunningComponent.open(output.kind, { instances: 2 })
  const second = await RunningComponent.open(output.kind, { instance: 1, instances: 2 })
  await first.send(1, 2)
  await second.send(3)
  assert.deepEqual(output.collected, [1, 2, 3])
  const all = output.toArray()
  await first.finish()
  assert.equal(await settled(all), false)
  await second.finish()
  assert.deepEqual(await within(all, 'the end'), [1, 2, 3])
})

test('collector: iterating takes messages as they come and slows the network down', async () => {
  const output = collector<number>({ queueMessagesMax: 4 })
  const sink = await RunningComponent.open(output.kind, {})
  await sink.send(0, 1)
  const iterator = output[Symbol.asyncIterator]()
  assert.deepEqual(await iterator.next(), { value: 0, done: false })
  const sending = sink.send(...Array.from({ length: 20 }, (_, n) => n + 2))
  assert.equal(await settled(sending), false)
  assert.ok(output.collected.length <= 4)
  const got: number[] = []
  const reading = (async () => {
    for await (const n of { [Symbol.asyncIterator]: () => iterator }) got.push(n)
  })()
  await within(sending, 'room')
  await sink.finish()
  await within(reading, 'the end')
  assert.deepEqual(
    got,
    Array.from({ length: 21 }, (_, n) => n + 1),
  )
})

test('collector: who stops iterating loses nothing and blocks nobody', async () => {
  const output = collector<number>({ queueMessagesMax: 2 })
  const sink = await RunningComponent.open(output.kind, {})
  const sending = sink.send(1, 2, 3, 4, 5)
  for await (const n of output) if (n === 2) break
  await within(sending, 'room')
  await sink.finish()
  assert.deepEqual(await output.toArray(), [3, 4, 5])
})

test('collector: a network that failed is an error at the end, after the messages', async () => {
  const output = collector<number>()
  const sink = await RunningComponent.open(output.kind, { component: 'result' })
  await sink.send(1)
  await sink.close()
  await assert.rejects(output.toArray(), coded('BRIDGE_CLOSED', 'result'))
  const got: number[] = []
  await assert.rejects(async () => {
    for await (const n of output) got.push(n)
  }, coded('BRIDGE_CLOSED'))
  assert.deepEqual(got, [1])
})

test('collector: a run that has failed tells why, and what still comes before it is closed waits for no room', async () => {
  const bridge = makeBridge()
  const queue = bridge.output('result')
  const sink = await RunningComponent.open(collectorKind, {
    component: 'result',
    extra: { [codeBridge]: bridge },
  })
  await sink.send(1)
  const got: unknown[] = []
  const iterated = (async () => {
    for await (const message of queue) got.push(message)
  })()
  const gathered = queue.toArray()
  bridge.fail(new VertigoError('STOPPED', 'enough'))
  await within(sink.send(...Array.from({ length: 3_000 }, (_, n) => n + 2)), 'room')
  await sink.close()
  bridge.close(new VertigoError('STOPPED', 'enough'))
  await assert.rejects(within(iterated, 'the end'), coded('STOPPED'))
  await assert.rejects(within(gathered, 'the end'), coded('STOPPED'))
  assert.deepEqual(got, [1])
})

test('collector: what gathers is bounded', () => {
  const queue = new CollectorQueue({ collectedMessagesMax: 2 })
  assert.equal(queue.put(1), undefined)
  assert.equal(queue.put(2), undefined)
  assert.throws(() => assert.equal(queue.put(3), undefined), coded('COLLECTOR_FULL'))
})

test('the kinds of networks in files use the bridge of the run', async () => {
  const inputs = new Map<string, FeederQueue>()
  const outputs = new Map<string, CollectorQueue>()
  const bridge: CodeBridge = {
    input: (component) => inputs.get(component) ?? inputs.set(component, new FeederQueue()).get(component)!,
    output: (component) =>
      outputs.get(component) ?? outputs.set(component, new CollectorQueue()).get(component)!,
  }
  const extra = { [codeBridge]: bridge }
  const source = await RunningSource.open(feederKind, { component: 'in', extra })
  const sinks = [
    await RunningComponent.open(collectorKind, { component: 'out', extra, instances: 2 }),
    await RunningComponent.open(collectorKind, { component: 'out', extra, instance: 1, instances: 2 }),
  ]
  await inputs.get('in')!.send('x')
  inputs.get('in')!.end()
  for (const message of await source.all()) await sinks[0]!.send(message)
  for (const sink of sinks) await sink.finish()
  assert.deepEqual(await within(outputs.get('out')!.toArray(), 'the end'), ['x'])
  await assert.rejects(RunningSource.open(feederKind, { component: 'in' }), coded('BRIDGE_MISSING', 'in'))
  await assert.rejects(
    RunningComponent.open(collectorKind, { component: 'out' }),
    coded('BRIDGE_MISSING', 'out'),
  )
})

test('every kind is named by its name, and calls its only ports in and out', () => {
  for (const [name, kind] of Object.entries(connectorKinds)) {
    assert.equal(kind.builtIn, name)
    const { inputs, outputs, description } = kindDefinition(kind)
    assert.ok(['', 'in'].includes(Object.keys(inputs).join()))
    assert.ok(['', 'out'].includes(Object.keys(outputs).join()))
    assert.ok(description?.endsWith('.'))
  }
})
