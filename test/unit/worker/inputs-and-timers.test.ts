import assert from 'node:assert/strict'
import { test } from 'node:test'
import { network } from '../../../src/component/builder.ts'
import { defineComponent, defineSource, hash, list, map, port, value } from '../../../src/component/index.ts'
import { testComponent, testNetwork, testSource } from '../../../src/testkit/index.ts'
import { rejectsWith } from '../testkit/errors.ts'

for (const options of [{}, { errors: 'reject' }, { concurrency: 2 }] as const) {
  test(`a port that its handler pauses gets nothing more, not even of what is at hand: ${JSON.stringify(options)}`, async () => {
    const kind = defineComponent({
      inputs: { in: port<number>(), go: port<string>() },
      outputs: { out: port<number>() },
      on: {
        in(n, { emit, inputs }) {
          emit.out(n)
          inputs.in.pause()
          assert.equal(inputs.in.paused, true)
        },
        go: (_, { inputs }) => inputs.in.resume(),
      },
    })
    const tester = await testComponent(kind, { ...options, outputs: { out: { capacity: 100 } } })
    const send = tester.sender('in')
    send(1)
    send(2)
    const group = send.group('g')
    group.send(3)
    group.end()
    await tester.settle()
    assert.deepEqual(tester.outputs.out, [1])
    for (let n = 2; n <= 3; n++) {
      await tester.send('go', 'x')
      assert.equal(tester.outputs.out.length, n)
    }
    await tester.send('go', 'x')
    assert.deepEqual((await tester.end()).out, [1, 2, 3])
  })
}

test('what waits at a paused port is bounded by back-pressure', async () => {
  let produced = 0
  const source = defineSource({
    outputs: { out: port<number>() },
    *read() {
      for (;;) yield produced++
    },
  })
  const closed = defineComponent({
    inputs: { in: port<number>() },
    on: { in: () => undefined },
    ready: ({ inputs }) => inputs.in.pause(),
  })
  const net = network('paused')
  net.connect(net.add('source', source).outputs.out, net.add('closed', closed).inputs.in)
  const tester = await testNetwork(net, { limits: { queueMessagesMax: 10 } })
  await tester.settle()
  assert.ok(produced >= 10 && produced <= 20, `produced ${produced}`)
  await tester.close()
})

test('timers belong to their key and see its state', async () => {
  const kind = defineComponent({
    inputs: { in: port<{ id: string; n: number }>() },
    outputs: { out: port<string>() },
    state: { last: value(0) },
    on: {
      in({ n }, { state, timers }) {
        state.last.set(n)
        timers.after('idle', 100)
      },
    },
    timers: { idle: ({ state, emit }) => emit.out(String(state.last.get())) },
  })
  const tester = await testComponent(kind, { inputs: { in: { key: 'id' } } })
  await tester.send('in', { id: 'a', n: 1 })
  await tester.advance(50)
  await tester.send('in', { id: 'b', n: 2 }, { id: 'a', n: 3 })
  await tester.advance(99)
  assert.deepEqual(tester.take('out'), [])
  await tester.advance(1)
  assert.deepEqual(tester.take('out').toSorted(), ['2', '3'])
  await tester.advance(1000)
  assert.deepEqual((await tester.end()).out, [])
})

test('setting a timer moves it, also when it is due and waits for its turn', async () => {
  const gate = Promise.withResolvers<void>()
  const kind = defineComponent({
    inputs: { in: port<string>() },
    outputs: { out: port<number>() },
    on: {
      async in(what, { timers }) {
        timers.after('tick', 10)
        if (what === 'slow') {
          await gate.promise
          timers.after('tick', 50)
        }
      },
    },
    timers: { tick: ({ emit, clock }) => emit.out(clock.now()) },
  })
  const tester = await testComponent(kind, { startMs: 0 })
  await tester.send('in', 'slow')
  await tester.advance(20)
  gate.resolve()
  await tester.settle()
  assert.deepEqual(tester.outputs.out, [])
  await tester.advance(100)
  assert.deepEqual(tester.outputs.out, [70])
  await tester.close()
})

test('a timer that was cancelled does not fire; one without a handler is TIMER_UNKNOWN', async () => {
  const kind = defineComponent({
    inputs: { in: port<string>() },
    outputs: { out: port<string>() },
    on: {
      in(name, { timers }) {
        timers.after('tick', 10)
        if (name === 'cancel') timers.cancel('tick')
        if (name === 'unknown') timers.after('tock' as 'tick', 1)
      },
    },
    timers: { tick: ({ emit }) => emit.out('tick') },
  })
  const tester = await testComponent(kind)
  await tester.send('in', 'cancel')
  await tester.advance(100)
  assert.deepEqual(tester.outputs.out, [])
  await rejectsWith(tester.send('in', 'unknown'), 'TIMER_UNKNOWN', /"tock"/)
  await tester.close()
})

test('TR-2: timers of a failed attempt are taken back', async () => {
  let calls = 0
  const kind = defineComponent({
    inputs: { in: port<string>() },
    outputs: { out: port<string>() },
    on: {
      in(_, { timers }) {
        calls++
        timers.after('tick', 1000)
        throw new Error('no')
      },
    },
    timers: { tick: ({ emit }) => emit.out('tick') },
  })
  const tester = await testComponent(kind, { errors: { retry: { times: 1, delayMs: 1 }, then: 'reject' } })
  await tester.send('in', 'x')
  await tester.advance(5000)
  assert.equal(calls, 2)
  assert.deepEqual(tester.outputs.out, [])
  await tester.close()
})

test('timers and messages wait while an output has no credit (CI-1)', async () => {
  const kind = defineComponent({
    inputs: { in: port<string>() },
    outputs: { out: port<string>() },
    on: {
      in(m, { emit, timers }) {
        emit.out(m)
        timers.after('tick', 5)
      },
    },
    timers: { tick: ({ emit }) => emit.out('tick') },
  })
  const tester = await testComponent(kind, { outputs: { out: { hold: true } } })
  await tester.send('in', 'a', 'b')
  await tester.advance(100)
  const order: unknown[] = []
  for (let i = 0; i < 4; i++) {
    await tester.release('out')
    order.push(...tester.take('out'))
  }
  assert.equal(order[0], 'a')
  assert.equal(order.length, 3, String(order))
  await tester.close()
})

test('drain sees every key with its own state, also after all were listed', async () => {
  const kind = defineComponent({
    inputs: { in: port<string>() },
    outputs: { out: port<[unknown, number, number]>() },
    state: { count: value(0), at: map<string, number>() },
    on: {
      in(word, { state }) {
        state.count.update((n) => n + 1)
        state.at.set(word, state.at.size)
      },
    },
    drain({ emit, ...rest }) {
      const listed = [...rest.keys()]
      for (const { key, state } of listed) emit.out([key, state.count.get(), state.at.size])
    },
  })
  const tester = await testComponent(kind)
  await tester.send('in', 'a', 'b', 'a', 'c', 'a')
  const { out } = await tester.end()
  assert.deepEqual(
    out.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    [
      ['a', 3, 1],
      ['b', 1, 1],
      ['c', 1, 1],
    ],
  )
})

test('drain may be a generator: it is paused by back-pressure', async () => {
  let yielded = 0
  const kind = defineComponent({
    inputs: { in: port<string>() },
    outputs: { out: port() },
    state: { count: value(0) },
    on: { in: (_, { state }) => void state.count.update((n) => n + 1) },
    *drain({ emit, ...rest }) {
      for (const { key } of rest.keys()) {
        emit.out(key)
        yielded++
        yield
      }
    },
  })
  const tester = await testComponent(kind, { outputs: { out: { hold: true } } })
  const words = Array.from({ length: 50 }, (_, i) => `w${i}`)
  await tester.send('in', ...words)
  await tester.endInput('in')
  assert.ok(yielded <= 3, `yielded ${yielded}`)
  assert.deepEqual(new Set((await tester.end()).out), new Set(words))
})

test('connections with different keys lead to one port, and state goes by the key of each', async () => {
  const orders = defineSource({
    outputs: { out: port<{ customer: string; id: number }>() },
    *read() {
      yield { customer: 'a', id: 1 }
      yield { customer: 'b', id: 2 }
      yield { customer: 'a', id: 3 }
    },
  })
  const customers = defineSource({
    outputs: { out: port<{ name: string; customer?: string }>() },
    *read() {
      yield { name: 'a' }
      yield { name: 'b' }
    },
  })
  const join = defineComponent({
    inputs: { in: port<{ customer?: string; name?: string }>() },
    outputs: { out: port() },
    state: { seen: value(0) },
    on: { in: (_, { state }) => void state.seen.update((n) => n + 1) },
    drain({ emit, ...rest }) {
      for (const { key, state } of rest.keys()) emit.out([key, state.seen.get()])
    },
  })
  for (const workers of [0, 2]) {
    const net = network('join')
    const joined = net.add('join', join, { instances: 2 })
    net.connect(net.add('orders', orders).outputs.out, joined.inputs.in, { selector: hash('customer') })
    net.connect(net.add('customers', customers).outputs.out, joined.inputs.in, { selector: hash('name') })
    const tester = await testNetwork(net, { collect: ['join.out'], workers })
    const outputs = await tester.end()
    assert.deepEqual(
      new Set(outputs['join.out'].map((item) => JSON.stringify(item))),
      new Set(['["a",3]', '["b",2]']),
    )
  }
})

test('state outlives its time neither in handlers nor in drain, and no update is lost in between', async () => {
  const kind = defineComponent({
    inputs: { in: port<{ key: string; waitMs: number }>() },
    outputs: { out: port<number>() },
    state: { count: value(0, { ttlMs: 1000 }) },
    on: {
      async in({ waitMs }, { state, emit, clock }) {
        const before = state.count.get()
        if (waitMs > 0) {
          await new Promise<void>((resolve) => {
            clock.after(waitMs, resolve)
          })
        }
        state.count.set(before + 1)
        emit.out(before + 1)
      },
    },
    drain({ emit, ...rest }) {
      for (const { state } of rest.keys()) emit.out(-state.count.get())
    },
  })
  const tester = await testComponent(kind, { inputs: { in: { key: 'key' } } })
  const send = (waitMs: number) => tester.send('in', { key: 'a', waitMs })
  await send(0)
  await tester.advance(999)
  await send(0)
  assert.deepEqual(tester.take('out'), [1, 2])
  await tester.advance(1000)
  await send(0)
  assert.deepEqual(tester.take('out'), [1])
  // While the handler waits, more turns pass than there are key groups: everything that is over is swept away.
  await tester.advance(1000)
  await send(2000)
  await tester.advance(2000)
  assert.deepEqual(tester.take('out'), [1])
  await send(0)
  assert.deepEqual(tester.take('out'), [2])
  await tester.advance(5000)
  assert.deepEqual((await tester.end()).out, [])
})

test('a list that was sent on does not change when the state does', async () => {
  const kind = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<readonly number[]>() },
    state: { seen: list<number>({ scope: 'instance' }) },
    on: {
      in(n, { state, emit }) {
        state.seen.push(n)
        emit.out(state.seen.get())
      },
    },
  })
  for (const options of [{}, { errors: 'reject' }] as const) {
    const tester = await testComponent(kind, options)
    await tester.send('in', 1, 2, 3)
    assert.deepEqual((await tester.end()).out, [[1], [1, 2], [1, 2, 3]])
  }
})

test('keyed state outside of a message is STATE_WITHOUT_KEY', async () => {
  const kind = defineComponent({
    inputs: { in: port<number>() },
    state: { count: value(0) },
    on: { in: () => undefined },
    groups: { in: { '*': { start: (_, { state }) => void state.count.get() } } },
  })
  const tester = await testComponent(kind)
  await rejectsWith(
    tester.group('in', 'g', undefined, () => undefined),
    'STATE_WITHOUT_KEY',
  )
  await tester.close()
})

test('a connected port without a handler is PORT_NOT_READ; one with handlers of groups only is fine', async () => {
  const unread = defineComponent({
    inputs: { in: port<number>(), other: port<number>() },
    on: { in: () => undefined },
  })
  await rejectsWith(testComponent(unread), 'PORT_NOT_READ', /input port "other"/)
  const grouped = defineComponent({ inputs: { in: port<number>() }, groups: { in: { '*': {} } } })
  await (await testComponent(grouped)).end()
})

test('a source that is asked to end is pulled no further', async () => {
  let pulled = 0
  const gate = Promise.withResolvers<void>()
  const kind = defineSource({
    outputs: { out: port<number>() },
    async *read() {
      yield pulled++
      await gate.promise
      for (;;) yield pulled++
    },
  })
  const source = await testSource(kind, { outputs: { out: { hold: false, capacity: 100 } } })
  assert.deepEqual(source.outputs.out, [0])
  const ended = source.end()
  gate.resolve()
  // What it was waiting for comes still, and nothing after it.
  assert.deepEqual(await ended, { out: [0, 1] })
  assert.equal(pulled, 2)
})

test('what a source emits after the run was stopped goes nowhere', async () => {
  const gate = Promise.withResolvers<void>()
  const kind = defineSource({
    outputs: { out: port<number>() },
    setup: () => ({
      async poll(_, { emit }) {
        await gate.promise
        emit.out(1)
        return 'more' as const
      },
    }),
  })
  const source = await testSource(kind)
  await source.close()
  gate.resolve()
  assert.equal(source.emitted, 0)
})

test('a source that does not say whether there is more is SOURCE_MISUSED', async () => {
  const kind = defineSource({
    outputs: { out: port<number>() },
    setup: () => ({ poll: () => undefined as unknown as 'more' }),
  })
  await rejectsWith(testSource(kind), 'SOURCE_MISUSED', /poll returned undefined/)
})
