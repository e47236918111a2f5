import { defineComponent, network, type OutputHandle, port } from 'vertigo-flow'
import { type Benchmark, atLeast, rateRows } from './lib/benchmark.ts'
import { type Contestant, contest, ratio } from './lib/contest.ts'
import { Arrivals, GatedSource, runHere } from './lib/local-network.ts'

/**
 * What it costs that a source hears of each message when all that was derived from it has been handled: the same networks
 * with and without it, in one thread, where nothing else costs much. `chain`: ten components in a row that only hand on
 * what they get, which is the worst there is. `fan-out`: each message becomes ten, each of which is counted by its key.
 */

const components = 10
const chainMessages = 100_000
const fanOutMessages = 20_000
const words = 10

interface Item {
  readonly id: number
  readonly key: number
}

const makeItem = (index: number): Item => ({ id: index, key: index % 1000 })

export const tracking: Benchmark = {
  name: 'tracking',
  subject: 'Networks whose source tracks every message, beside the same networks without that, in one thread',
  async run({ quick }) {
    const open = [
      await runNetwork('chain, not tracked', 'chain', false),
      await runNetwork('chain, tracked', 'chain', true),
      await runNetwork('fan-out, not tracked', 'fan-out', false),
      await runNetwork('fan-out, tracked', 'fan-out', true),
    ]
    const scores = await contest(open, {
      time: 'cpu',
      rounds: quick ? 15 : 101,
      warmUpRounds: quick ? 15 : 40,
    })
    for (const { close } of open) close()
    return {
      rows: rateRows(scores, 'messages'),
      targets: [
        atLeast('0.5 of the chain without', ratio(scores, 'chain, tracked', 'chain, not tracked'), 0.5),
        atLeast('0.5 of the fan-out without', ratio(scores, 'fan-out, tracked', 'fan-out, not tracked'), 0.5),
      ],
      notes: ['Messages are counted for each component that handles them.'],
    }
  },
}

type Shape = 'chain' | 'fan-out'

async function runNetwork(
  name: string,
  shape: Shape,
  isTracked: boolean,
): Promise<Contestant & { readonly close: () => void }> {
  const arrivals = new Arrivals()
  const arrived = (): void => arrivals.arrived()
  const source = new GatedSource(makeItem, isTracked ? arrived : undefined)
  const net = network(shape)
  const from = net.add('source', source.kind).outputs.out
  // Tracked, a round is over when the source has heard of all.
  const handled = isTracked ? (): void => undefined : arrived
  if (shape === 'chain') addChain(net, from, handled)
  else addFanOut(net, from, handled)
  const running = await runHere(net)
  const messages = shape === 'chain' ? chainMessages : fanOutMessages
  const handledEach = shape === 'chain' ? components + 1 : 1 + words
  const arrivalsEach = shape === 'chain' || isTracked ? 1 : words
  return {
    name,
    async round() {
      const all = arrivals.expect(messages * arrivalsEach)
      source.send(messages)
      await all
      return messages * handledEach
    },
    close() {
      source.close()
      running.drain()
    },
  }
}

type Net = ReturnType<typeof network>

function addChain(net: Net, start: OutputHandle<Item>, handled: () => void): void {
  let from = start
  for (let i = 0; i < components; i++) {
    const pass = net.add(`pass-${i}`, passThrough())
    net.connect(from, pass.inputs.in)
    from = pass.outputs.out
  }
  const sink = defineComponent({ inputs: { in: port<Item>() }, on: { in: () => handled() } })
  net.connect(from, net.add('sink', sink).inputs.in)
}

function passThrough() {
  return defineComponent({
    inputs: { in: port<Item>() },
    outputs: { out: port<Item>() },
    on: {
      in(item, { emit }) {
        emit.out(item)
      },
    },
  })
}

function addFanOut(net: Net, from: OutputHandle<Item>, handled: () => void): void {
  const split = net.add(
    'split',
    defineComponent({
      inputs: { in: port<Item>() },
      outputs: { out: port<Item>() },
      on: {
        in({ id, key }, { emit }) {
          for (let n = 0; n < words; n++) emit.out({ id, key: (key * 7 + n) % 1000 })
        },
      },
    }),
  )
  const counts = new Map<number, number>()
  const count = defineComponent({
    inputs: { in: port<Item>() },
    on: {
      in({ key }) {
        counts.set(key, (counts.get(key) ?? 0) + 1)
        handled()
      },
    },
  })
  net.connect(from, split.inputs.in)
  net.connect(split.outputs.out, net.add('count', count).inputs.in)
}
