import assert from 'node:assert/strict'
import { test } from 'node:test'
import { network } from '../../../src/component/builder.ts'
import { defineComponent, port } from '../../../src/component/index.ts'
import { testComponent, testNetwork } from '../../../src/testkit/index.ts'
import { rejectsWith } from '../testkit/errors.ts'

test('setup, ready, messages, drain, close come in this order; what ready and drain send is sent', async () => {
  const calls: string[] = []
  const kind = defineComponent({
    inputs: { in: port<string>() },
    outputs: { out: port<string>() },
    async setup() {
      await Promise.resolve()
      calls.push('setup')
      return {
        async ready({ emit }) {
          await Promise.resolve()
          calls.push('ready')
          emit.out('ready')
        },
        on: {
          in(m, { emit }) {
            calls.push(m)
            emit.out(m)
          },
        },
        async drain({ emit }) {
          await Promise.resolve()
          calls.push('drain')
          emit.out('drain')
        },
        close: () => void calls.push('close'),
      }
    },
  })
  const tester = await testComponent(kind)
  await tester.send('in', 'a', 'b')
  assert.deepEqual((await tester.end()).out, ['ready', 'a', 'b', 'drain'])
  assert.deepEqual(calls, ['setup', 'ready', 'a', 'b', 'drain', 'close'])
})

test('no message is delivered before an asynchronous ready is done', async () => {
  const gate = Promise.withResolvers<void>()
  const seen: string[] = []
  const kind = defineComponent({
    inputs: { in: port<string>() },
    async ready() {
      await gate.promise
      seen.push('ready')
    },
    on: { in: (m) => void seen.push(m) },
  })
  const tester = await testComponent(kind)
  await tester.send('in', 'a')
  assert.deepEqual(seen, [])
  gate.resolve()
  await tester.end()
  assert.deepEqual(seen, ['ready', 'a'])
})

for (const at of ['ready', 'drain', 'group', 'timer'] as const) {
  test(`a failure in ${at} names the component, whatever the policy for messages`, async () => {
    const fail = (): never => {
      throw new Error(`in ${at}`)
    }
    const kind = defineComponent({
      inputs: { in: port<string>() },
      ...(at === 'ready' ? { ready: fail } : {}),
      ...(at === 'drain' ? { drain: fail } : {}),
      groups: { in: { '*': { start: at === 'group' ? fail : undefined } } },
      timers: { tick: at === 'timer' ? fail : () => undefined },
      on: { in: (_, { timers }) => timers.after('tick', 1) },
    })
    const run = async (): Promise<void> => {
      const tester = await testComponent(kind, { name: 'counter', errors: 'reject' })
      try {
        await tester.send('in', 'a')
        await tester.advance(1)
        await tester.group('in', 'g', undefined, () => undefined)
        await tester.end()
      } finally {
        await tester.close()
      }
    }
    await rejectsWith(run(), 'COMPONENT_FAILED', new RegExp(`^counter\\[0\\] failed.*: in ${at}$`))
  })
}

test('a failing setup names the component and closes the others', async () => {
  let closed = 0
  const kind = defineComponent({
    inputs: { in: port<string>() },
    setup({ instance }) {
      if (instance === 2) throw new Error('no connection')
      return { on: { in: () => undefined }, close: () => void closed++ }
    },
  })
  await rejectsWith(
    testComponent(kind, { instances: 3, name: 'writer' }),
    'COMPONENT_FAILED',
    /^writer\[2\] could not be set up: no connection$/,
  )
  assert.equal(closed, 2)
})

test('a failing close is said with its component, after all were closed', async () => {
  let closed = 0
  const kind = defineComponent({
    inputs: { in: port<string>() },
    on: { in: () => undefined },
    close() {
      closed++
      throw new Error('still open')
    },
  })
  const tester = await testComponent(kind, { instances: 2 })
  await rejectsWith(tester.end(), 'COMPONENT_FAILED', /component\[0\] failed while it was closed: still open/)
  assert.equal(closed, 2)
})

test('the finally of a generator runs when the component is closed', async () => {
  const done: string[] = []
  const kind = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    on: {
      *in(n, { emit }) {
        try {
          for (;;) {
            emit.out(n)
            yield
          }
        } finally {
          done.push('finally')
        }
      },
    },
  })
  const tester = await testComponent(kind, { outputs: { out: { hold: true } } })
  await tester.send('in', 1)
  await tester.close()
  assert.deepEqual(done, ['finally'])
})

test('the logger writes to the log and to the connected port of its level, from setup on', async () => {
  const kind = defineComponent({
    inputs: { in: port<number>() },
    setup({ log }) {
      log.warn('early')
      log.info('elsewhere')
      return { on: { in: (n, context) => context.log.warn(`n is ${n}`, { n }) } }
    },
  })
  for (const workers of [0, 1]) {
    const net = network('logging')
    const noisy = net.add('noisy', kind)
    const exported = net.exports({
      inputs: { in: noisy.inputs.in },
      outputs: { warnings: noisy.outputs.warn },
    })
    const tester = await testNetwork(exported, { workers })
    await tester.send('in', 1)
    assert.deepEqual(
      tester.log.map(({ level, message }) => `${level} ${message}`),
      ['warn early', 'info elsewhere', 'warn n is 1'],
    )
    const { warnings } = await tester.end()
    assert.deepEqual(
      warnings.map(({ message }) => message),
      ['early', 'n is 1'],
    )
  }
})
