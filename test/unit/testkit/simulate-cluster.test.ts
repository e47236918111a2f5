import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep } from '../../../src/base/clock.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import type { ErrorCode } from '../../../src/base/error-codes.ts'
import {
  defineComponent,
  defineSource,
  hash,
  network,
  type PollResult,
  port,
  value,
} from '../../../src/index.ts'
import { InputChannel } from '../../../src/messaging/input-channel.ts'
import type { Parcel } from '../../../src/messaging/parcel.ts'
import { type ClusterSimulationOptions, simulateCluster } from '../../../src/testkit/index.ts'

interface Order {
  readonly customer: string
  readonly nth: number
}

/** Endless, at the pace of its clock. */
const orders = defineSource({
  outputs: { order: port<Order>() },
  setup({ clock, signal }) {
    let nth = 0
    return {
      async poll(_max, { emit }): Promise<PollResult> {
        await sleep(clock, 20, signal)
        emit.order({ customer: `c${nth % 5}`, nth: nth++ })
        return 'more'
      },
    }
  },
})

const fewOrders = defineSource({
  outputs: { order: port<Order>() },
  *read() {
    for (let nth = 0; nth < 50; nth++) yield { customer: `c${nth % 5}`, nth }
  },
})

const numbered = defineComponent({
  inputs: { order: port<Order>() },
  outputs: { numbered: port<Order & { readonly number: number }>() },
  state: { count: value(0) },
  on: {
    order(order, { state, emit }) {
      const number = state.count.get() + 1
      state.count.set(number)
      emit.numbered({ ...order, number })
    },
  },
})

const save = defineComponent({ inputs: { row: port<Order>() }, on: { row: () => undefined } })

function shop(source = orders, saving = save) {
  const net = network('shop')
  const read = net.add('read', source)
  const count = net.add('count', numbered, { instances: 2 })
  const write = net.add('save', saving, { instances: 2 })
  net.connect(read.outputs.order, count.inputs.order, { selector: hash('customer') })
  net.connect(count.outputs.numbered, write.inputs.row)
  return net
}

function refused(code: ErrorCode, message: RegExp) {
  return (error: unknown) => {
    assert.ok(isVertigoError(error), String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  }
}

test('an endless network lives through faults of all kinds, the same for the same seed', async () => {
  const options: ClusterSimulationOptions = {
    seeds: 10,
    until: (run) => run.received('save.row').length > 200,
  }
  const runs = await simulateCluster(shop(), options)
  assert.deepEqual(
    runs.map(({ seed }) => seed),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  )
  assert.ok(runs.every(({ handled }) => handled > 400))
  assert.ok(runs.some(({ lost }) => lost.length > 0))
  const again = await simulateCluster(shop(), { ...options, seed: 4, seeds: 1 })
  assert.deepEqual(again, [runs[3]])
})

test('without faults, a network that ends has handled all there was', async () => {
  const seen: number[] = []
  const [run] = await simulateCluster(shop(fewOrders), {
    seed: 7,
    faults: [],
    check(run) {
      for (const { message } of run.received('save.row')) seen.push((message as Order).nth)
      assert.equal(run.sent('read.order').length, 50)
      assert.ok(run.sent('read.order').every(({ node }) => /^n[123]$/.test(node)))
    },
  })
  assert.deepEqual(
    seen.toSorted((a, b) => a - b),
    Array.from({ length: 50 }, (_, i) => i),
  )
  assert.deepEqual([run!.lost, run!.faults, run!.handled], [[], 0, 100])
})

test('what is exported is sent to somebody; a component has another kind in the simulation', async () => {
  const net = network('numbers')
  const read = net.add('read', orders)
  const count = net.add('count', numbered)
  net.connect(read.outputs.order, count.inputs.order, { selector: hash('customer') })
  const built = net.exports({ outputs: { all: count.outputs.numbered } })
  let counted = 0
  await simulateCluster(built, {
    kinds: { read: fewOrders },
    nodes: [{ id: 'left' }, { id: 'right', workers: 1 }],
    faults: ['clockJumps'],
    seed: 3,
    check: (run) => (counted = run.sent('count.numbered').length),
  })
  assert.equal(counted, 50)
})

test('a check that throws names its seed, and is the cause', async () => {
  const wrong = new Error('not what I wanted')
  const check = (): void => {
    throw wrong
  }
  await assert.rejects(simulateCluster(shop(fewOrders), { seed: 5, faults: [], check }), (error: Error) => {
    assert.equal(error.cause, wrong)
    return refused('SIMULATION_FAILED', /^Seed 5 of .*"shop" failed:\n +not what I wanted$/)(error)
  })
})

test('a component that fails by itself fails the seed', async () => {
  const failing = defineComponent({
    inputs: { row: port<Order>() },
    on: {
      row({ nth }) {
        if (nth === 20) throw new Error('twenty is too much')
      },
    },
  })
  await assert.rejects(
    simulateCluster(shop(orders, failing), { seed: 1, faults: [] }),
    refused('SIMULATION_FAILED', /OC-2 shop\/save\[\d\].*twenty is too much/),
  )
})

/** The product, broken: what the checks of a network that nobody wrote for them must find. */
const broken: readonly (readonly [
  what: string,
  finds: RegExp,
  change: (items: readonly unknown[]) => unknown[],
])[] = [
  ['backwards', /FL-1 .* after a later one/, (items) => items.toReversed()],
  ['twice', /FL-2 .* again/, (items) => items.flatMap((item) => [item, item])],
  ['in part', /FL-3 \d+ of \d+ messages .* were lost/, (items) => items.slice(0, items.length > 1 ? -1 : 1)],
]
for (const [what, finds, change] of broken)
  test(`a channel that hands over parcels ${what} is found`, async () => {
    const methods = InputChannel.prototype as unknown as Record<'push', (parcel: Parcel) => unknown>
    const old = methods.push
    methods.push = function mutated(parcel) {
      return Reflect.apply(old, this, [{ ...parcel, items: change(parcel.items) }])
    }
    try {
      await assert.rejects(
        simulateCluster(shop(fewOrders), { seed: 1, faults: [] }),
        refused('SIMULATION_FAILED', finds),
      )
    } finally {
      methods.push = old
    }
  })

const wrongUses: readonly (readonly [code: ErrorCode, message: RegExp, options: unknown])[] = [
  ['SIMULATION_INVALID', /`seed` is seven/, { seed: 'seven' }],
  ['SIMULATION_INVALID', /`seed` is 1.5/, { seed: 1.5 }],
  ['SIMULATION_INVALID', /`seeds` is 0/, { seeds: 0 }],
  ['SIMULATION_INVALID', /`nodes` has to be from 1 to 9/, { nodes: 0 }],
  ['SIMULATION_INVALID', /`nodes` has to be from 1 to 9/, { nodes: 2.5 }],
  ['SIMULATION_INVALID', /the id "a" is no name, or that of another/, { nodes: [{ id: 'a' }, { id: 'a' }] }],
  ['SIMULATION_INVALID', /node "a" has 0 workers/, { nodes: [{ id: 'a', workers: 0 }] }],
  ['SIMULATION_INVALID', /there is no fault "kil".*"kill"/, { faults: ['kil'] }],
  ['SIMULATION_INVALID', /`faultsForMs` is -1/, { faultsForMs: -1 }],
  ['SIMULATION_INVALID', /`untilMsMax` is NaN/, { untilMsMax: Number.NaN }],
  ['SIMULATION_INVALID', /"read" is not a kind/, { kinds: { read: () => undefined } }],
  ['COMPONENT_UNKNOWN', /no component "red".*"read"/, { kinds: { red: orders } }],
  ['PORT_UNKNOWN', /given for "read" has no port "order" among its outputs/, { kinds: { read: save } }],
]
for (const [code, message, options] of wrongUses)
  test(`refused: ${JSON.stringify(options)}`, async () => {
    await assert.rejects(simulateCluster(shop(), options as ClusterSimulationOptions), refused(code, message))
  })

test('refused: a port that is not there, an input that nobody sends to, what talks to its process', async () => {
  const seeing = simulateCluster(shop(fewOrders), {
    seed: 1,
    faults: [],
    check: (run) => run.received('save.rows'),
  })
  await assert.rejects(seeing, refused('SIMULATION_FAILED', /no port "save.rows".*"save.row"/))
  const net = network('open')
  const count = net.add('count', numbered)
  const open = net.exports({ inputs: { order: count.inputs.order } })
  await assert.rejects(simulateCluster(open), refused('SIMULATION_INVALID', /exports the input "order"/))
  const talking = network('talking')
  const read = talking.add('read', fewOrders)
  talking.connect(read.outputs.order, talking.addKind('out', 'stdout', { inputs: { in: port() } }).inputs.in)
  await assert.rejects(simulateCluster(talking), refused('KIND_NOT_IN_CLUSTER', /out talks to the process/))
})
