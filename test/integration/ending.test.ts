import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  defineComponent,
  defineSource,
  network,
  type NetworkSource,
  port,
  run,
  type RunOptions,
  type RunSummary,
  type VertigoError,
} from 'vertigo-flow'
import { collector, feeder } from 'vertigo-flow/connectors'

/** Runs that come to their end although something in them would go on for ever. */

/** The end of a run, which comes within a few seconds, or never. */
async function toEnd(source: NetworkSource, options: RunOptions = {}): Promise<RunSummary> {
  const running = await run(source, options)
  return ended(running.done)
}

async function ended<T>(done: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the run has not ended within a minute')), 60_000)
  })
  try {
    return await Promise.race([done, late])
  } finally {
    clearTimeout(timer)
  }
}

function wait(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs)
  })
}

test('a network without components is refused: nobody would say that its run has ended', async () => {
  await assert.rejects(toEnd(network('nothing')), (error: VertigoError) => {
    assert.equal(error.code, 'NETWORK_INVALID')
    assert.deepEqual(
      error.faults.map(({ code }) => code),
      ['NETWORK_EMPTY'],
    )
    return true
  })
})

test('a network with nothing in it but an empty subnet is refused too', async () => {
  const outer = network('outer')
  outer.add('inner', network('inner'))
  await assert.rejects(toEnd(outer), { code: 'NETWORK_INVALID' })
})

test('a component without inputs whose timer sets itself again ends when the run drains', async () => {
  const ticker = defineComponent({
    inputs: {},
    outputs: { out: port<number>() },
    ready: ({ timers }) => timers.after('tick', 5),
    timers: {
      tick({ emit, timers }) {
        emit.out(1)
        timers.after('tick', 5)
      },
    },
  })
  const ticks = collector<number>()
  const net = network('ticks')
  net.connect(net.add('ticker', ticker).outputs.out, net.add('end', ticks.kind).inputs.in)
  await toEnd(net, { durationMs: 100 })
  assert.ok((await ticks.toArray()).length > 0)
})

for (const back of [false, true]) {
  test(`a timer that sets itself again keeps no network alive, ${back ? 'with' : 'without'} a cycle`, async () => {
    const numbers = defineSource({ outputs: { out: port<number>() }, read: () => [1, 2, 3] })
    const relay = defineComponent({
      inputs: { in: port<number>(), again: port<number>() },
      outputs: { out: port<number>(), again: port<number>() },
      on: {
        in: (n, { emit }) => emit.again(n),
        again: (n, { emit }) => emit.out(n),
      },
    })
    const flusher = defineComponent({
      inputs: { in: port<number>() },
      outputs: { out: port<number>() },
      ready: ({ timers }) => timers.after('flush', 20),
      on: { in: (n, { emit }) => emit.out(n) },
      timers: { flush: ({ timers }) => timers.after('flush', 20) },
    })
    const results = collector<number>()
    const net = network('flushing')
    const source = net.add('numbers', numbers)
    const flush = net.add('flush', flusher)
    if (back) {
      const relayed = net.add('relay', relay)
      net.connect(source.outputs.out, relayed.inputs.in)
      net.connect(relayed.outputs.again, relayed.inputs.again, { back: true })
      net.connect(relayed.outputs.out, flush.inputs.in)
    } else net.connect(source.outputs.out, flush.inputs.in)
    net.connect(flush.outputs.out, net.add('end', results.kind).inputs.in)
    await toEnd(net)
    assert.deepEqual(await results.toArray(), [1, 2, 3])
  })
}

test('a read that waits without end does not fail a run that drains', async () => {
  const logged: string[] = []
  const stuck = defineSource({
    outputs: { out: port<number>() },
    async *read() {
      yield 1
      await Promise.withResolvers<void>().promise
    },
  })
  const results = collector<number>()
  const net = network('stuck')
  net.connect(net.add('source', stuck).outputs.out, net.add('end', results.kind).inputs.in)
  const alive = setInterval(() => undefined, 1000)
  try {
    const onEvent: RunOptions['onEvent'] = (event) => {
      if (event.type === 'log') logged.push(event.record.message)
    }
    await toEnd(net, { durationMs: 100, onEvent })
  } finally {
    clearInterval(alive)
  }
  assert.deepEqual(await results.toArray(), [1])
  assert.match(logged.join('\n'), /source\[0\] did not end within 1000 ms/)
})

for (const form of ['read', 'poll'] as const) {
  test(`what a source has taken when the run drains is sent (${form})`, async () => {
    let taken = 0
    const take = async (): Promise<number> => {
      await wait(15)
      return ++taken
    }
    const slow = defineSource({
      outputs: { out: port<number>() },
      ...(form === 'read'
        ? {
            async *read() {
              for (;;) yield await take()
            },
          }
        : {
            setup: () => ({
              async poll(_max: number, { emit }: { readonly emit: { out(n: number): void } }) {
                emit.out(await take())
                return 'more' as const
              },
            }),
          }),
    })
    const results = collector<number>()
    const net = network('taking')
    net.connect(net.add('source', slow).outputs.out, net.add('end', results.kind).inputs.in)
    await toEnd(net, { durationMs: 100 })
    const expected = Array.from({ length: taken }, (_, i) => i + 1)
    assert.deepEqual(await results.toArray(), expected)
  })
}

test('what send() has accepted is handled, also when the network is drained then', async () => {
  const input = feeder<number>()
  const results = collector<number>()
  const net = network('accepted')
  const slow = net.add('slow', async (n: number) => {
    await Promise.resolve()
    return n
  })
  net.connect(net.add('feed', input.kind).outputs.out, slow.inputs.in)
  net.connect(slow.outputs.out, net.add('end', results.kind).inputs.in)
  const running = await run(net, { limits: { queueMessagesMax: 8, parcelMessagesMax: 4 } })
  const accepted: number[] = []
  const refused: string[] = []
  const sends = Array.from({ length: 2000 }, async (_, n) => {
    try {
      await input.send(n)
      accepted.push(n)
    } catch (error) {
      refused.push((error as VertigoError).code)
    }
  })
  await wait(0)
  running.drain()
  await Promise.all(sends)
  await ended(running.done)
  assert.ok(accepted.length >= 1024, `accepted ${accepted.length}`)
  assert.deepEqual(await results.toArray(), accepted)
  assert.deepEqual(new Set(refused), new Set(['BRIDGE_CLOSED']))
  await assert.rejects(input.send(1), { code: 'BRIDGE_CLOSED' })
})
