import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { network } from '../../src/component/builder.ts'
import {
  all,
  defineComponent,
  defineSource,
  fair,
  hash,
  port,
  random,
  roundRobin,
  value,
} from '../../src/component/index.ts'
import { testNetwork } from '../../src/testkit/index.ts'
import { trackedItems } from '../support/tracked-source.ts'

/**
 * Random networks without cycles (chains, fan-in, fan-out, diamonds) with tiny channels, pauses, failures that are tried
 * again or rejected, and several messages at a time, compared with a plain loop
 * over the same numbers. Most sources track their messages, and hear of each once what the loop says of it. Each message carries who sent it and as which of its messages, so that order (CH-1) shows.
 * That a network ends at all shows that nothing is deadlocked (CH-2, CI-1) and nothing is lost on the way.
 */

interface Item {
  readonly v: number
  readonly from: string
  readonly n: number
}

type Op =
  'map' | 'twice' | 'filter' | 'slow' | 'async-twice' | 'count' | 'mixed' | 'pausing' | 'flaky' | 'rejecting'
type SelectorName = 'round-robin' | 'random' | 'fair' | 'all' | 'hash'

interface Node {
  readonly name: string
  readonly op: Op
  readonly instances: number
  readonly concurrency: number
  readonly order: 'input' | 'completion'
  readonly retries: boolean
  readonly from: readonly { readonly name: string; readonly selector: SelectorName }[]
}

interface Plan {
  readonly sources: readonly {
    readonly name: string
    readonly count: number
    readonly isAsync: boolean
    /** It tracks its messages. */
    readonly tracks: boolean
  }[]
  readonly nodes: readonly Node[]
  readonly workers: number
  readonly limits: { readonly queueMessagesMax: number; readonly parcelMessagesMax: number }
}

const ops: readonly Op[] = [
  'map',
  'twice',
  'filter',
  'slow',
  'async-twice',
  'count',
  'mixed',
  'pausing',
  'flaky',
  'rejecting',
]
const concurrentOps: ReadonlySet<Op> = new Set(['slow', 'count', 'flaky', 'rejecting'])
const selectors: readonly SelectorName[] = ['round-robin', 'random', 'fair', 'all', 'hash']
const valuesMax = 1500

function pick<T>(chance: Random, list: readonly T[]): T {
  return list[chance.int(list.length)]!
}

function makePlan(seed: number): Plan {
  const chance = seededRandom(seed)
  const sources = Array.from({ length: 1 + chance.int(2) }, (_, i) => ({
    name: `source${i}`,
    count: 20 + chance.int(80),
    isAsync: chance.int(3) === 0,
    tracks: seededRandom(seed * 2 + i).int(3) > 0,
  }))
  const nodes: Node[] = []
  const count = 2 + chance.int(6)
  for (let i = 0; i < count; i++) {
    const earlier = [...sources.map((s) => s.name), ...nodes.map((n) => n.name)]
    const op = pick(chance, ops)
    const wanted = 1 + chance.int(Math.min(3, earlier.length))
    const names = new Set(Array.from({ length: wanted }, () => pick(chance, earlier)))
    const from = [...names].map(
      (name) => ({ name, selector: op === 'count' ? 'hash' : pick(chance, selectors) }) as const,
    )
    const concurrency = concurrentOps.has(op) ? 1 + chance.int(4) : 1
    const node: Node = {
      name: `${op}${i}`,
      op,
      instances: 1 + chance.int(3),
      concurrency,
      order: isNumberless(op) ? pick(chance, ['input', 'completion']) : 'input',
      // State of the instance (numbers of what was sent) and retries need messages one at a time.
      retries: concurrency === 1 && chance.int(4) === 0,
      from,
    }
    nodes.push(node)
    if (expected({ sources, nodes }).get(node.name)!.length > valuesMax) nodes.pop()
  }
  const limits = { queueMessagesMax: 1 + chance.int(8), parcelMessagesMax: 1 + chance.int(8) }
  return { sources, nodes, workers: chance.int(4), limits }
}

/** The oracle: what comes out of each node, as a plain loop. */
function expected({ sources, nodes }: Pick<Plan, 'sources' | 'nodes'>): Map<string, number[]> {
  return expectedFrom(
    new Map(sources.map(({ name, count }) => [name, Array.from({ length: count }, (_, v) => v)])),
    nodes,
  )
}

function expectedFrom(out: Map<string, number[]>, nodes: Plan['nodes']): Map<string, number[]> {
  for (const { name, op, from, instances } of nodes) {
    const inputs = from.flatMap(({ name: source, selector }) => {
      const values = out.get(source)!
      return selector === 'all' ? Array.from({ length: instances }, () => values).flat() : values
    })
    if (op === 'count') {
      const seen = new Map<number, number>()
      out.set(
        name,
        inputs.map((v) => {
          const key = v % 5
          seen.set(key, (seen.get(key) ?? 0) + 1)
          return key * 100_000 + seen.get(key)!
        }),
      )
    } else
      out.set(
        name,
        inputs.flatMap((v) => results(op, v)),
      )
  }
  return out
}

/** Kinds that keep no state of the instance: that goes with failures only one message at a time. */
function isNumberless(op: Op): boolean {
  return op === 'flaky' || op === 'rejecting'
}

function isRejected(v: number): boolean {
  return v % 5 === 2
}

function results(op: Op, v: number): number[] {
  switch (op) {
    case 'map':
      return [v * 2 + 1]
    case 'filter':
      return v % 3 === 0 ? [] : [v]
    case 'slow':
      return [v + 7]
    case 'pausing':
      return [v + 9]
    case 'flaky':
      return [v + 3]
    case 'rejecting':
      return isRejected(v) ? [] : [v + 4]
    case 'twice':
    case 'async-twice':
    case 'mixed':
      return [v, v + 1]
    case 'count':
      throw new Error('not of one value')
  }
}

/** `failing`: some messages fail the first time, after all that they did. */
function makeKind(op: Op, failing: boolean) {
  const failed = new Set<string>()
  return defineComponent({
    inputs: { in: port<Item>() },
    outputs: { out: port<Item>() },
    state: {
      sent: value(0, { scope: 'instance' }),
      last: value<Readonly<Record<string, number>>>({}, { scope: 'instance' }),
    },
    on: {
      in({ v, from, n }, { emit, state, component, instance, clock, inputs }) {
        const last = state.last.get()
        const before = last[from] ?? -1
        assert.ok(n > before, `CH-1: ${component}[${instance}] got ${n} of ${from} after ${before}`)
        state.last.set({ ...last, [from]: n })
        const wait = (): Promise<void> =>
          new Promise((resolve) => {
            clock.after(1 + (v % 3), resolve)
          })
        const send = (result: number): void => {
          const sent = state.sent.update((count) => count + 1)
          emit.out({ v: result, from: `${component}[${instance}]`, n: sent })
        }
        const failOnce = (): void => {
          const attempt = `${instance} ${from} ${n}`
          if (!failing || v % 7 !== 0 || failed.has(attempt)) return
          failed.add(attempt)
          throw new Error(`attempt ${attempt}`)
        }
        const [first, second] = results(op, v)
        if (op === 'slow') {
          // Numbered now: with concurrency, what is sent later keeps the order of the messages (TR-1).
          const sent = state.sent.update((count) => count + 1)
          return wait().then(() => emit.out({ v: first!, from: `${component}[${instance}]`, n: sent }))
        }
        if (op === 'twice' || (op === 'mixed' && v % 4 === 0)) {
          return (function* () {
            send(first!)
            failOnce()
            yield
            send(second!)
          })()
        }
        if (op === 'async-twice' || (op === 'mixed' && v % 4 === 1)) {
          return (async function* () {
            await wait()
            send(first!)
            failOnce()
            yield
            send(second!)
          })()
        }
        if (op === 'pausing' && v % 3 === 0) {
          inputs.in.pause()
          clock.after(1 + (v % 4), () => inputs.in.resume())
        }
        if (first !== undefined) send(first)
        if (second !== undefined) send(second)
        failOnce()
        return undefined
      },
    },
  })
}

/**
 * Fails once before or after it has emitted, or for good; several messages at a time. It has no numbers of its own: what
 * it sends on is numbered as it came, as a stream of its own for each that it gets (with order `completion`: for each
 * message).
 */
function unsteady(op: 'flaky' | 'rejecting', order: 'input' | 'completion') {
  return defineComponent({
    inputs: { in: port<Item>() },
    outputs: { out: port<Item>() },
    setup: () => {
      const last = new Map<string, number>()
      const failed = new Set<string>()
      return {
        on: {
          async in({ v, from, n }, { emit, component, instance, clock }) {
            const id = `${from} ${n}`
            if (!failed.has(id)) {
              const before = last.get(from) ?? -1
              assert.ok(n > before, `CH-1: ${component}[${instance}] got ${n} of ${from} after ${before}`)
              last.set(from, n)
            }
            const isFailing = op === 'rejecting' ? isRejected(v) : v % 3 === 0 && !failed.has(id)
            if (isFailing) failed.add(id)
            if (isFailing && v % 2 === 0) throw new Error('before')
            await new Promise<void>((resolve) => {
              clock.after(1 + (v % 5), resolve)
            })
            const stream = `${component}[${instance}]<${from}`
            const result = op === 'flaky' ? v + 3 : v + 4
            if (order === 'input') emit.out({ v: result, from: stream, n })
            else emit.out({ v: result, from: `${stream}#${n}`, n: 0 })
            if (isFailing) throw new Error('after')
          },
        },
      }
    },
  })
}

const count = defineComponent({
  inputs: { in: port<Item>() },
  outputs: { out: port<Item>() },
  state: { seen: value(0), sent: value(0, { scope: 'instance' }) },
  on: {
    async in({ v }, { emit, state, component, instance, clock }) {
      const n = state.sent.update((sent) => sent + 1)
      const seen = state.seen.get() + 1
      await new Promise<void>((resolve) => {
        clock.after(v % 4, resolve)
      })
      state.seen.set(seen)
      emit.out({ v: (v % 5) * 100_000 + seen, from: `${component}[${instance}]`, n })
    },
  },
})

/** Keys of `count` are the last digit to base 5, so the message has to carry it. */
const keyed = (item: Item): Item & { readonly key: number } => ({ ...item, key: item.v % 5 })

function build(plan: Plan, heard: ReadonlyMap<string, string[]>) {
  const net = network('random')
  const outputs = new Map<string, Parameters<typeof net.connect<Item>>[0]>()
  for (const { name, count: total, isAsync, tracks } of plan.sources) {
    const items = function* (): Generator<Item> {
      for (let v = 0; v < total; v++) yield { v, from: name, n: v }
    }
    const untracked = isAsync
      ? defineSource({
          outputs: { out: port<Item>() },
          async *read() {
            for (const item of items()) {
              await Promise.resolve()
              yield item
            }
          },
        })
      : defineSource({ outputs: { out: port<Item>() }, read: items })
    const source = tracks ? trackedItems(items, isAsync, heard.get(name)!) : untracked
    outputs.set(name, net.add(name, source).outputs.out)
  }
  for (const { name, op, instances, concurrency, order, retries, from } of plan.nodes) {
    const again = { retry: { times: 2, delayMs: 1 } } as const
    const errors = op === 'rejecting' ? 'reject' : retries || op === 'flaky' ? again : 'fail'
    const kind =
      op === 'count'
        ? count
        : op === 'flaky' || op === 'rejecting'
          ? unsteady(op, order)
          : makeKind(op, retries)
    const added = net.add(name, kind, { instances, concurrency, order, errors })
    for (const { name: source, selector } of from) {
      if (op === 'count') {
        const key = net.add(`${source}-to-${name}`, keyed)
        net.connect(outputs.get(source)!, key.inputs.in)
        net.connect(key.outputs.out, added.inputs.in, { selector: hash('key') })
      } else {
        const chosen = { 'round-robin': roundRobin, random, fair, all, hash }[selector]()
        net.connect(outputs.get(source)!, added.inputs.in, { selector: chosen })
      }
    }
    outputs.set(name, added.outputs.out)
  }
  return net
}

/** `component value`, and how often. */
function counted(names: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, times]) => `${name}: ${times}`)
}

function rejectedNames(
  records: readonly { readonly component: string; readonly message: unknown }[],
): string[] {
  return counted(records.map(({ component, message }) => `${component} ${(message as Item).v}`))
}

function expectedRejections(plan: Plan): string[] {
  const out = expected(plan)
  const names = plan.nodes.flatMap(({ name, op, from, instances }) => {
    if (op !== 'rejecting') return []
    return from.flatMap(({ name: source, selector }) => {
      const rejected = out.get(source)!.filter(isRejected)
      const times = selector === 'all' ? instances : 1
      return Array.from({ length: times }, () => rejected.map((v) => `${name} ${v}`)).flat()
    })
  })
  return counted(names)
}

/** Names of nodes that get their messages, over whatever others, from a node of this operation. */
function behind(op: Op, { nodes }: Plan): Set<string> {
  const found = new Set<string>()
  for (const { name, from } of nodes)
    if (from.some((one) => found.has(one.name) || nodes.some((n) => n.name === one.name && n.op === op)))
      found.add(name)
  return found
}

/** What the source of a tracked message has to hear: `fail` where something that is derived from it is rejected. */
function expectedOutcome(plan: Plan, source: string, v: number): string {
  const out = expectedFrom(
    new Map(plan.sources.map(({ name }) => [name, name === source ? [v] : []])),
    plan.nodes,
  )
  const fails = plan.nodes.some(
    ({ op, from }) => op === 'rejecting' && from.some(({ name }) => out.get(name)!.some(isRejected)),
  )
  return `${fails ? 'fail' : 'ack'} ${v}`
}

function checkHeard(plan: Plan, heard: ReadonlyMap<string, readonly string[]>, seed: number): void {
  // What `count` sends depends on the other messages, so it is not known which of them are rejected after it.
  const counted = behind('count', plan)
  const isKnown = !plan.nodes.some(({ name, op }) => op === 'rejecting' && counted.has(name))
  const about = (line: string): string => (isKnown ? line : line.replace(/^(ack|fail) /, ''))
  for (const { name, count: total, tracks } of plan.sources) {
    if (!tracks) continue
    const wanted = Array.from({ length: total }, (_, v) => about(expectedOutcome(plan, name, v)))
    assert.deepEqual(
      heard.get(name)!.map(about).toSorted(),
      wanted.toSorted(),
      `seed ${seed}: what ${name} heard in ${JSON.stringify(plan)}`,
    )
  }
}

/** A failing seed becomes a scenario of its own, by name, before it is mended. */
const seeds = Array.from({ length: 60 }, (_, i) => i + 1)

for (const seed of seeds) {
  test(`random network ${seed}: the same as a plain loop`, async () => {
    const plan = makePlan(seed)
    const names = [...plan.sources, ...plan.nodes].map(({ name }) => `${name}.out`)
    const heard = new Map(plan.sources.map(({ name }) => [name, [] as string[]]))
    const net = await testNetwork(build(plan, heard), {
      collect: names,
      workers: plan.workers,
      limits: plan.limits,
      seed,
    })
    const outputs = (await net.end()) as Readonly<Record<string, readonly Item[]>>
    for (const [name, values] of expected(plan)) {
      const got = outputs[`${name}.out`]!.map(({ v }) => v)
      assert.deepEqual(
        got.toSorted((a, b) => a - b),
        values.toSorted((a, b) => a - b),
        `seed ${seed}: output of ${name} in ${JSON.stringify(plan)}`,
      )
    }
    assert.deepEqual(
      new Set(rejectedNames(net.rejected)),
      new Set(expectedRejections(plan)),
      `seed ${seed}: rejected messages in ${JSON.stringify(plan)}`,
    )
    checkHeard(plan, heard, seed)
  })
}
