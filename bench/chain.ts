import { defineComponent, network, port } from 'vertigo-flow'
import { type Benchmark, atLeast, rateRows } from './lib/benchmark.ts'
import { type Contestant, contest, ratio } from './lib/contest.ts'
import { Arrivals, GatedSource, runHere } from './lib/local-network.ts'

/**
 * Ten components in a row that only hand on what they get: what the engine costs, and nothing else. Beside it, the least
 * that moving messages in batches can cost: arrays of 256 that pass through ten functions, which push to the next array.
 * The engine's other work is on top of that: credit, selector, hooks, groups, errors with their place.
 */

const components = 10
const messagesPerRound = 200_000

interface Item {
  readonly id: number
  readonly ok: boolean
}

const makeItem = (index: number): Item => ({ id: index, ok: true })
const idSum = (messagesPerRound * (messagesPerRound - 1)) / 2

export const chain: Benchmark = {
  name: 'chain',
  subject: 'Ten components that pass messages on, in one thread',
  async run({ quick }) {
    const vertigo = await vertigoChain()
    const contestants = [vertigo, bareChain()]
    const scores = await contest(contestants, {
      time: 'cpu',
      rounds: quick ? 15 : 101,
      warmUpRounds: quick ? 15 : 40,
    })
    vertigo.close()
    return {
      rows: rateRows(scores, 'hops'),
      targets: [
        atLeast('40 M hops/s', scores[0]!.median / 1e6, 40),
        atLeast('0.5 of the bare arrays', ratio(scores, 'Vertigo', 'bare arrays'), 0.5),
      ],
    }
  },
}

async function vertigoChain(): Promise<Contestant & { readonly close: () => void }> {
  const source = new GatedSource(makeItem)
  const arrivals = new Arrivals()
  let sum = 0
  const net = network('chain')
  let from = net.add('source', source.kind).outputs.out
  for (let i = 0; i < components; i++) {
    const pass = net.add(`pass-${i}`, passThrough())
    net.connect(from, pass.inputs.in)
    from = pass.outputs.out
  }
  const sink = defineComponent({
    inputs: { in: port<Item>() },
    on: {
      in(item) {
        sum += item.id
        arrivals.arrived()
      },
    },
  })
  net.connect(from, net.add('sink', sink).inputs.in)
  const running = await runHere(net)
  return {
    name: 'Vertigo',
    async round() {
      sum = 0
      const all = arrivals.expect(messagesPerRound)
      source.send(messagesPerRound)
      await all
      return hops(sum)
    },
    close() {
      source.close()
      running.drain()
    },
  }
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

type Stage = (items: readonly Item[]) => Item[]

function bareChain(): Contestant {
  const stages = Array.from({ length: components }, makeStage)
  return {
    name: 'bare arrays',
    round() {
      let sum = 0
      for (let at = 0; at < messagesPerRound; at += 256) {
        let items: Item[] = []
        const end = Math.min(messagesPerRound, at + 256)
        for (let i = at; i < end; i++) items.push(makeItem(i))
        for (const stage of stages) items = stage(items)
        for (const item of items) sum += item.id
      }
      return hops(sum)
    },
  }
}

function makeStage(): Stage {
  const handle = (item: Item, out: Item[]): void => {
    out.push(item)
  }
  return (items) => {
    const out: Item[] = []
    for (const item of items) handle(item, out)
    return out
  }
}

function hops(sum: number): number {
  if (sum !== idSum) throw new Error(`the ids of what arrived add up to ${sum}, not to ${idSum}`)
  return messagesPerRound * components
}
