import assert from 'node:assert/strict'
import { test } from 'node:test'
import { network } from '../../../src/component/builder.ts'
import { custom, defineComponent, port } from '../../../src/component/index.ts'
import { testComponent, testNetwork } from '../../../src/testkit/index.ts'
import { rejectsWith } from '../testkit/errors.ts'

/** What becomes of a message whose handler succeeded and whose output could not be sent. */

test('TR-2: what fails while it is sent is not sent twice, and not tried again', async () => {
  let calls = 0
  const kind = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>(), other: port<number>() },
    on: {
      in(n, { emit }) {
        calls++
        emit.out(n)
        emit.other(n)
      },
    },
  })
  const tester = await testComponent(kind, { errors: { retry: { times: 3, delayMs: 1 }, then: 'reject' } })
  tester.failNextEmit('other')
  await rejectsWith(
    tester.send('in', 1),
    'COMPONENT_FAILED',
    /the test wanted port "component\.other" to fail/,
  )
  assert.equal(calls, 1)
  await tester.close()
})

test('a message whose first sending fails is rejected, and the next ones go on', async () => {
  const kind = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    on: { in: (n, { emit }) => emit.out(n) },
  })
  for (const concurrency of [1, 3]) {
    const tester = await testComponent(kind, { errors: 'reject', concurrency })
    tester.failNextEmit('out')
    await tester.send('in', 1, 2, 3)
    assert.deepEqual(
      tester.rejected.map((r) => r.message),
      [1],
    )
    assert.deepEqual((await tester.end()).out, [2, 3])
  }
})

test('TR-5: a message that one of two connections has got is not rejected', async () => {
  const kind = defineComponent({
    inputs: { in: port<number>() },
    outputs: { out: port<number>() },
    on: { in: (n, { emit }) => emit.out(n) },
  })
  const choose = (n: number): number => {
    if (n === 2) throw new Error('no choice')
    return 0
  }
  for (const failing of ['first', 'second'] as const) {
    const net = network('partly')
    const work = net.add('work', kind, { errors: 'reject' })
    const first = net.add('first', (n: number) => n)
    const second = net.add('second', (n: number) => n)
    const selector = custom(choose)
    net.connect(work.outputs.out, first.inputs.in, failing === 'first' ? { selector } : {})
    net.connect(work.outputs.out, second.inputs.in, failing === 'second' ? { selector } : {})
    const exported = net.exports({
      inputs: { in: work.inputs.in },
      outputs: { first: first.outputs.out, second: second.outputs.out },
    })
    const tester = await testNetwork(exported)
    if (failing === 'second') {
      await rejectsWith(tester.send('in', 1, 2, 3), 'SELECTOR_FAILED', /no choice/)
      await tester.close()
      continue
    }
    await tester.send('in', 1, 2, 3)
    assert.deepEqual(await tester.end(), { first: [1, 3], second: [1, 3] })
    assert.deepEqual(
      tester.rejected.map((r) => r.message),
      [2],
    )
  }
})
