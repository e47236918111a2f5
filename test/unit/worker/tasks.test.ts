import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineComponent, list, port, value } from '../../../src/component/index.ts'
import { testComponent } from '../../../src/testkit/index.ts'
import { rejectsWith } from '../testkit/errors.ts'

/** A handler that waits until the test lets its message go on. */
class Gates {
  readonly begun: number[] = []
  readonly #gates = new Map<number, PromiseWithResolvers<void>>()

  wait(n: number): Promise<void> {
    this.begun.push(n)
    const gate = Promise.withResolvers<void>()
    this.#gates.set(n, gate)
    return gate.promise
  }

  open(n: number): void {
    this.#gates.get(n)!.resolve()
  }

  fail(n: number): void {
    this.#gates.get(n)!.reject(new Error(`failed ${n}`))
  }
}

function gated(gates: Gates) {
  return defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    on: {
      async in(n, { emit }) {
        emit.out(n)
        await gates.wait(n)
        emit.out(n + 0.5)
      },
    },
  })
}

test('an asynchronous handler is awaited before the next message', async () => {
  const gates = new Gates()
  const tester = await testComponent(gated(gates))
  await tester.send('in', 1, 2)
  assert.deepEqual(gates.begun, [1])
  gates.open(1)
  await tester.settle()
  assert.deepEqual(gates.begun, [1, 2])
  gates.open(2)
  assert.deepEqual((await tester.end()).out, [1, 1.5, 2, 2.5])
})

test('TR-1: with concurrency, results come in the order of the messages', async () => {
  const gates = new Gates()
  const tester = await testComponent(gated(gates), { concurrency: 3 })
  await tester.send('in', 1, 2, 3, 4)
  assert.deepEqual(gates.begun, [1, 2, 3])
  gates.open(3)
  gates.open(2)
  await tester.settle()
  assert.deepEqual(tester.outputs.out, [])
  gates.open(1)
  await tester.settle()
  assert.deepEqual(tester.outputs.out, [1, 1.5, 2, 2.5, 3, 3.5])
  gates.open(4)
  await tester.end()
})

test('with order "completion", results come as they are done, each message whole', async () => {
  const gates = new Gates()
  const tester = await testComponent(gated(gates), { concurrency: 3, order: 'completion' })
  await tester.send('in', 1, 2, 3, 4)
  gates.open(3)
  await tester.settle()
  assert.deepEqual(tester.outputs.out, [3, 3.5])
  assert.deepEqual(gates.begun, [1, 2, 3, 4])
  for (const n of [1, 2, 4]) gates.open(n)
  assert.deepEqual(
    (await tester.end()).out.toSorted((a, b) => a - b),
    [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5],
  )
})

test('TR-3: of one key, one message is at work at a time, and no update is lost', async () => {
  let atWork = 0
  const worst = new Map<string, number>()
  const kind = defineComponent({
    inputs: { in: port<{ key: string; n: number }>() },
    outputs: { out: port<string>() },
    state: { sum: value(0) },
    concurrency: 5,
    on: {
      async in({ key, n }, { state, emit, clock }) {
        atWork++
        worst.set(key, (worst.get(key) ?? 0) + 1)
        assert.equal(worst.get(key), 1)
        const before = state.sum.get()
        await new Promise<void>((resolve) => {
          clock.after(10 + (n % 3), resolve)
        })
        state.sum.set(before + n)
        worst.set(key, 0)
        atWork--
        emit.out(`${key}=${state.sum.get()}`)
      },
    },
  })
  const tester = await testComponent(kind, { inputs: { in: { key: 'key' } } })
  const messages = Array.from({ length: 40 }, (_, i) => ({ key: 'abc'[i % 3]!, n: i }))
  await tester.send('in', ...messages)
  assert.ok(atWork > 1)
  const { out } = await tester.end()
  const sums = new Map<string, number>()
  const expected = messages.map(({ key, n }) => {
    sums.set(key, (sums.get(key) ?? 0) + n)
    return `${key}=${sums.get(key)}`
  })
  assert.deepEqual(out, expected)
})

test('TR-2: a failed attempt leaves nothing behind, in outputs and in state', async () => {
  const attempts: number[] = []
  const kind = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    state: { count: value(0), seen: list<number>(), total: value(0, { scope: 'instance' }) },
    on: {
      in(n, { emit, state }) {
        attempts.push(n)
        state.count.update((c) => c + 1)
        state.seen.push(n)
        state.total.update((t) => t + n)
        emit.out(n)
        if (n === 2 && attempts.filter((a) => a === 2).length < 3) throw new Error('not yet')
        emit.out(state.total.get())
        emit.out(state.count.get())
        emit.out(state.seen.length)
      },
    },
  })
  const tester = await testComponent(kind, { errors: { retry: { times: 2, delayMs: 100 } } })
  await tester.send('in', 1, 2, 3)
  assert.deepEqual(attempts, [1, 2])
  await tester.advance(99)
  assert.deepEqual(attempts, [1, 2])
  await tester.advance(1)
  assert.deepEqual(attempts, [1, 2, 2])
  await tester.advance(200)
  assert.deepEqual(attempts, [1, 2, 2, 2, 3])
  assert.deepEqual((await tester.end()).out, [1, 1, 1, 1, 2, 3, 1, 1, 3, 6, 1, 1])
})

test('retries end: the network fails, or the message is rejected with its error', async () => {
  const kind = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    on: {
      async in(n, { emit }) {
        await Promise.resolve()
        if (n === 2) throw new TypeError('two')
        emit.out(n)
      },
    },
  })
  const failing = await testComponent(kind, { errors: { retry: { times: 1, delayMs: 5 } } })
  await failing.send('in', 1, 2)
  await rejectsWith(failing.advance(5), 'COMPONENT_FAILED', /for message 2: two/)
  await failing.close()

  const rejecting = await testComponent(kind, { errors: 'reject', concurrency: 2, startMs: 77 })
  await rejecting.send('in', 1, 2, 3)
  assert.deepEqual(rejecting.rejected, [
    {
      component: 'component',
      instance: 0,
      port: 'in',
      message: 2,
      error: { name: 'TypeError', message: 'two', code: 'COMPONENT_FAILED' },
      timeMs: 77,
    },
  ])
  assert.deepEqual((await rejecting.end()).out, [1, 3])
})

test('rejected messages go to the port "error" where it is connected', async () => {
  const kind = defineComponent({
    inputs: { in: port<number>() },
    outputs: { error: port<{ message: number; error: { message: string } }>() },
    on: {
      in(n) {
        throw new Error(`no ${n}`)
      },
    },
  })
  const tester = await testComponent(kind, { errors: 'reject' })
  await tester.send('in', 1, 2)
  const { error } = await tester.end()
  assert.deepEqual(
    error.map((record) => [record.message, record.error.message]),
    [
      [1, 'no 1'],
      [2, 'no 2'],
    ],
  )
  assert.deepEqual(tester.rejected, [])
})

test('TR-4: generators are pulled while there is credit, and not further', async () => {
  let pulled = 0
  const kind = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    on: {
      *in(n, { emit }) {
        for (let i = 0; i < n; i++) {
          pulled++
          emit.out(i)
          yield
        }
      },
    },
  })
  const tester = await testComponent(kind, { outputs: { out: { hold: true, capacity: 2 } } })
  await tester.send('in', 1000)
  const first = pulled
  assert.ok(first <= 6, `pulled ${first}`)
  await tester.release('out', 10)
  assert.ok(pulled <= first + 11, `pulled ${pulled}`)
  assert.deepEqual(
    (await tester.end()).out,
    Array.from({ length: 1000 }, (_, i) => i),
  )
})

for (const options of [
  {},
  { errors: 'reject' },
  { concurrency: 3 },
  { concurrency: 3, order: 'completion' },
  { concurrency: 3, errors: { retry: { times: 1, delayMs: 1 } } },
] as const) {
  test(`TR-4: generators, asynchronous ones and promises side by side: ${JSON.stringify(options)}`, async () => {
    const kind = defineComponent({
      inputs: { in: port<number>() },
      outputs: { out: port<string>() },
      on: {
        in(n, { emit, clock }) {
          const wait = () =>
            new Promise<void>((resolve) => {
              clock.after(n % 5, resolve)
            })
          if (n % 4 === 0) return emit.out(`${n}`)
          if (n % 4 === 1) return wait().then(() => emit.out(`${n}`))
          if (n % 4 === 2) {
            return (function* () {
              for (const part of 'abc') {
                emit.out(`${n}${part}`)
                yield
              }
            })()
          }
          return (async function* () {
            for (const part of 'abc') {
              await wait()
              emit.out(`${n}${part}`)
              yield
            }
          })()
        },
      },
    })
    const tester = await testComponent(kind, options)
    await tester.send('in', ...Array.from({ length: 40 }, (_, i) => i))
    const { out } = await tester.end()
    const expected = Array.from({ length: 40 }, (_, n) =>
      n % 4 < 2 ? [`${n}`] : [`${n}a`, `${n}b`, `${n}c`],
    ).flat()
    if ('order' in options) assert.deepEqual(out.toSorted(), expected.toSorted())
    else assert.deepEqual(out, expected)
  })
}

test('TR-4: a generator that is tried again does not displace another one', async () => {
  const failed = new Set<number>()
  const kind = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<string>() },
    concurrency: 3,
    on: {
      *in(n, { emit }) {
        emit.out(`${n}a`)
        if (!failed.has(n)) {
          failed.add(n)
          throw new Error('first time')
        }
        yield
        emit.out(`${n}b`)
      },
    },
  })
  const tester = await testComponent(kind, { errors: { retry: { times: 1, delayMs: 10 } } })
  await tester.send('in', 1, 2, 3, 4, 5, 6)
  const { out } = await tester.end()
  assert.deepEqual(
    out,
    [1, 2, 3, 4, 5, 6].flatMap((n) => [`${n}a`, `${n}b`]),
  )
})

test('what a handler emits after it has ended is EMIT_OUTSIDE_HANDLER', async () => {
  const late: unknown[] = []
  const kind = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    on: {
      in(n, { emit, clock }) {
        clock.after(10, () => {
          try {
            emit.out(n)
          } catch (error) {
            late.push((error as { code: string }).code)
          }
        })
      },
    },
  })
  for (const options of [{}, { errors: 'reject' }, { concurrency: 2 }] as const) {
    const tester = await testComponent(kind, options)
    await tester.send('in', 1)
    await tester.advance(10)
    assert.deepEqual(tester.outputs.out, [])
    await tester.close()
  }
  assert.deepEqual(late, ['EMIT_OUTSIDE_HANDLER', 'EMIT_OUTSIDE_HANDLER', 'EMIT_OUTSIDE_HANDLER'])
})

for (const options of [{}, { errors: 'reject' }, { concurrency: 2 }] as const) {
  for (const what of ['messages', 'groups'] as const) {
    test(`EMIT_LIMIT: ${what} without end fail instead of filling the memory: ${JSON.stringify(options)}`, async () => {
      let emitted = 0
      const kind = defineComponent({
        inputs: { in: port<number>() },
        outputs: { out: port<number>() },
        on: {
          in(n, { emit }) {
            for (; emitted < 200_000; emitted++) {
              if (what === 'messages') emit.out(n)
              else emit.out.group('g').end()
            }
          },
        },
      })
      const tester = await testComponent(kind, { ...options, outputs: { out: { capacity: 1024 } } })
      if ('errors' in options) {
        await tester.send('in', 1)
        assert.deepEqual(
          tester.rejected.map((r) => r.error.code),
          ['EMIT_LIMIT'],
        )
        assert.deepEqual(tester.outputs.out, [])
      } else {
        await rejectsWith(tester.send('in', 1), 'EMIT_LIMIT', /10000/)
      }
      assert.ok(emitted < 25_000, `emitted ${emitted}`)
      await tester.close()
    })
  }
}
