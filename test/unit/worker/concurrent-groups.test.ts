import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { defineComponent, type OutputGroup, port, value } from '../../../src/component/index.ts'
import { testComponent } from '../../../src/testkit/index.ts'
import { rejectsWith } from '../testkit/errors.ts'

/** Groups, schemas and state where several messages are at work, or one is tried again. */

interface WithClock {
  readonly clock: { after(delayMs: number, action: () => void): unknown }
}

function wait({ clock }: WithClock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve)
  })
}

const delays = [9, 2, 7, 1, 5, 3]

for (const order of ['input', 'completion'] as const) {
  test(`groups and batches of messages at work stay with their message, order "${order}"`, async () => {
    const kind = defineComponent({
      inputs: { in: port<number>() },
      outputs: { out: port<number>() },
      on: {
        async in(n, context) {
          const group = context.emit.out.group('g', n)
          await wait(context, delays[n]!)
          group.send(n)
          const inner = group.group('inner', n)
          await wait(context, 1)
          inner.send(n + 0.5)
          inner.end()
          group.end()
        },
      },
    })
    const tester = await testComponent(kind, { concurrency: 3, order })
    await tester.send('in', ...delays.keys())
    await tester.end()
    const text = tester.received.out.map((one) =>
      one.type === 'message'
        ? `${one.message}`
        : `${one.type} ${'args' in one && typeof one.args === 'number' ? one.args : ''}`,
    )
    const whole = (n: number): string[] => [
      `group-start ${n}`,
      `${n}`,
      `group-start ${n}`,
      `${n + 0.5}`,
      'group-end ',
      'group-end ',
    ]
    const starts = text.filter((_, i) => i % 6 === 0).map((line) => Number(line.split(' ')[1]))
    assert.deepEqual(text, starts.flatMap(whole))
    if (order === 'input') assert.deepEqual(starts, [...delays.keys()])
    else assert.deepEqual(new Set(starts), new Set(delays.keys()))
  })
}

for (const concurrency of [1, 2, 4]) {
  test(`a group that is kept over messages takes what each of them sends, ${concurrency} at a time`, async () => {
    let kept: OutputGroup<number> | undefined
    const kind = defineComponent({
      inputs: { in: port<number>() },
      outputs: { out: port<number>() },
      on: {
        async in(n, context) {
          if (n === 0) kept = context.emit.out.group('g')
          await wait(context, delays[n]!)
          kept!.send(n)
          await wait(context, 1)
          if (n === 5) kept!.end()
        },
      },
    })
    const tester = await testComponent(kind, { concurrency, errors: { retry: { times: 1, delayMs: 1 } } })
    await tester.send('in', ...delays.keys())
    assert.deepEqual((await tester.end()).out, [...delays.keys()])
    const types = tester.received.out.map(({ type }) => type)
    assert.deepEqual([types[0], types.at(-1), types.length], ['group-start', 'group-end', 8])
  })
}

test('what a failed message sent into a kept group is forgotten, and only that', async () => {
  let kept: OutputGroup<number> | undefined
  let failures = 0
  const kind = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    on: {
      async in(n, context) {
        if (n === 0) kept = context.emit.out.group('g')
        await wait(context, delays[n]!)
        kept!.send(n)
        if (n === 2 && failures++ === 0) throw new Error('once')
        if (n === 5) kept!.end()
      },
    },
  })
  const tester = await testComponent(kind, { concurrency: 3, errors: { retry: { times: 1, delayMs: 1 } } })
  await tester.send('in', ...delays.keys())
  assert.deepEqual((await tester.end()).out, [...delays.keys()])
})

const asynchronous: StandardSchemaV1<number> = {
  '~standard': { version: 1, vendor: 'test', validate: async (given) => ({ value: given as number }) },
}

for (const options of [{}, { errors: 'reject' }, { concurrency: 3 }] as const) {
  test(`a generator behind a schema that has to wait is pulled: ${JSON.stringify(options)}`, async () => {
    const kind = defineComponent({
      inputs: { in: port(asynchronous) },
      outputs: { out: port<number>() },
      on: {
        *in(n, { emit }) {
          emit.out(n)
          yield
          emit.out(n + 0.5)
        },
      },
    })
    const tester = await testComponent(kind, options)
    await tester.send('in', 1, 2, 3)
    assert.deepEqual((await tester.end()).out, [1, 1.5, 2, 2.5, 3, 3.5])
  })
}

for (const concurrency of [1, 3]) {
  test(`what a failed attempt gathered in group.state is taken back, ${concurrency} at a time`, async () => {
    const failed = new Set<number>()
    const kind = defineComponent({
      inputs: { in: port<number>() },
      outputs: { out: port<number>() },
      groups: {
        in: {
          g: {
            message: async (n, context) => {
              const { group } = context
              group.state['sum'] = ((group.state['sum'] as number | undefined) ?? 0) + n
              await wait(context, delays[n]!)
              if (n % 2 === 0 || failed.has(n)) return
              failed.add(n)
              throw new Error(`first time ${n}`)
            },
            end: (_args, { group, emit }) => emit.out(group.state['sum'] as number),
          },
        },
      },
    })
    const tester = await testComponent(kind, { concurrency, errors: { retry: { times: 1, delayMs: 1 } } })
    await tester.group('in', 'g', undefined, (group) => {
      for (const n of delays.keys()) group.send(n)
    })
    assert.deepEqual((await tester.end()).out, [15])
  })
}

test('state of the instance is refused where a failure would take back changes of other messages', async () => {
  const kind = defineComponent({
    inputs: { in: port<number>() },
    state: { total: value(0, { scope: 'instance' }) },
    on: { in: (n, { state }) => void state.total.update((sum) => sum + n) },
  })
  for (const errors of ['reject', { retry: {} }] as const) {
    await rejectsWith(
      testComponent(kind, { concurrency: 2, errors }),
      'STATE_NEEDS_TURNS',
      /2 messages at a time/,
    )
    await (await testComponent(kind, { concurrency: 1, errors })).end()
  }
  await (await testComponent(kind, { concurrency: 2 })).end()
})

test('TR-3 holds for messages without a key: they share the key `undefined`', async () => {
  const kind = defineComponent({
    inputs: { in: port<{ readonly user?: string }>() },
    outputs: { out: port<number>() },
    state: { seen: value(0) },
    on: {
      async in(_message, context) {
        const seen = context.state.seen.get()
        await wait(context, 5)
        context.state.seen.set(seen + 1)
        context.emit.out(seen + 1)
      },
    },
  })
  const tester = await testComponent(kind, { concurrency: 3, inputs: { in: { key: 'user' } } })
  await tester.send('in', {}, {}, {})
  assert.deepEqual((await tester.end()).out, [1, 2, 3])
})

test('EMIT_LIMIT counts for each message, however many are sent at once', async () => {
  const kind = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    on: {
      async in(n, context) {
        await wait(context, 10 - n)
        for (let i = 0; i < 4000; i++) context.emit.out(i)
      },
    },
  })
  const tester = await testComponent(kind, { concurrency: 3, outputs: { out: { capacity: 100_000 } } })
  await tester.send('in', 0, 1, 2)
  assert.equal((await tester.end()).out.length, 12_000)
})
