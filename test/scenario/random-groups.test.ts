import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { network } from '../../src/component/builder.ts'
import {
  defineComponent,
  defineSource,
  fair,
  type GroupContext,
  type GroupHandlers,
  type OutputGroup,
  port,
  random,
  roundRobin,
} from '../../src/component/index.ts'
import { testNetwork } from '../../src/testkit/index.ts'

/**
 * Random trees of groups, sent side by side and in each other, through pumps to several receivers, which wait, pause and
 * fail once with some messages, one or several at a time. What each receiver
 * sees is compared with what was sent: groups are whole, in one place, in order, and take turns by name (GR-1 to GR-3,
 * OP-2, OP-3).
 */

interface Sent {
  readonly id: number
  readonly parent: number
  readonly name: string | undefined
  readonly messages: number[]
  readonly children: number[]
}

const names = ['a', 'b', undefined] as const

/** Sends a random forest; what it sends is written down in `sent` and `loose`. */
function forest(chance: Random, steps: number, sent: Map<number, Sent>, loose: number[]) {
  return defineSource({
    outputs: { out: port<number>() },
    setup: () => {
      let nextId = 1
      let nextMessage = 1
      let left = steps
      const open: { readonly group: OutputGroup<number>; readonly of: Sent }[] = []
      return {
        poll(max, { emit }) {
          const begin = (): void => {
            const around = open.length > 0 && chance.int(3) > 0 ? open[chance.int(open.length)]! : undefined
            const of = {
              id: nextId++,
              parent: around?.of.id ?? 0,
              name: names[chance.int(names.length)],
              messages: [],
              children: [],
            }
            sent.set(of.id, of)
            around?.of.children.push(of.id)
            open.push({ group: (around?.group ?? emit.out).group(of.name, of.id), of })
          }
          const act = (): void => {
            const what = chance.int(10)
            const message = nextMessage++
            if (what < 2 && open.length < 8) begin()
            else if (what < 4 && open.length > 0) open.splice(chance.int(open.length), 1)[0]!.group.end()
            else if (what < 5 || open.length === 0) {
              loose.push(message)
              emit.out(message)
            } else {
              const { group, of } = open[chance.int(open.length)]!
              of.messages.push(message)
              group.send(message)
            }
          }
          for (let i = 0; i < max && left > 0; i++, left--) act()
          if (left > 0) return 'more'
          for (const { group } of open) group.end()
          return 'done'
        },
      }
    },
  })
}

type Event =
  | { readonly type: 'start' | 'end'; readonly id: number }
  | { readonly type: 'message'; readonly group: number; readonly n: number }

interface Trouble {
  /** Some messages fail the first time, before or after they are gathered. */
  readonly fails: boolean
  readonly waits: boolean
  readonly pauses: boolean
}

/**
 * `traces` hold what happened when it was done for good; `sums` what each group has gathered in its state at its end.
 */
function receiver(traces: Map<number, Event[]>, sums: Map<number, number>, trouble: Trouble) {
  const failed = new Set<number>()
  const note = (instance: number, event: Event): void => {
    traces.set(instance, [...(traces.get(instance) ?? []), event])
  }
  type Context = {
    readonly instance: number
    readonly group: GroupContext
    readonly clock: { after(delayMs: number, action: () => void): unknown }
    readonly inputs: { readonly in: { pause(): void; resume(): void } }
  }
  const failOnce = (n: number, remainder: number): void => {
    if (!trouble.fails || n % 9 !== remainder || failed.has(n)) return
    failed.add(n)
    throw new Error(`once ${n}`)
  }
  const pause = (n: number, { inputs, clock }: Context): void => {
    if (!trouble.pauses || n % 7 !== 0) return
    inputs.in.pause()
    clock.after(n % 4, () => inputs.in.resume())
  }
  const receive = async (n: number, context: Context): Promise<void> => {
    const { group, clock, instance } = context
    pause(n, context)
    failOnce(n, 0)
    // Values of before the wait: a message of the group that got in between would be lost.
    const sum = (group.state['sum'] as number | undefined) ?? 0
    group.state['sum'] = sum + n
    if (trouble.waits) {
      await new Promise<void>((resolve) => {
        clock.after(n % 5, resolve)
      })
    }
    failOnce(n, 4)
    note(instance, { type: 'message', group: group.args as number, n })
  }
  const handlers: GroupHandlers<number, Context> = {
    start: (id, { instance }) => note(instance, { type: 'start', id: id as number }),
    message: receive,
    end: (_, { instance, group }) => {
      sums.set(group.args as number, (group.state['sum'] as number | undefined) ?? 0)
      note(instance, { type: 'end', id: group.args as number })
    },
    get groups() {
      return { '*': handlers }
    },
  }
  return defineComponent({
    inputs: { in: port<number>() },
    on: {
      in: (n, { instance }) => {
        failOnce(n, 4)
        note(instance, { type: 'message', group: 0, n })
      },
    },
    groups: { in: { '*': handlers } },
  })
}

const pump = defineComponent({
  inputs: { in: port<number>() },
  outputs: { out: port<number>() },
  setup: (context) => context.pump('in', 'out'),
})

function check(trace: readonly Event[], sent: ReadonlyMap<number, Sent>): void {
  const started = new Map<number, number>()
  const ended = new Map<number, number>()
  const messages = new Map<number, number[]>()
  for (const [at, event] of trace.entries()) {
    if (event.type === 'message') {
      if (event.group !== 0)
        assert.ok(started.has(event.group) && !ended.has(event.group), 'GR-2: message outside')
      messages.set(event.group, [...(messages.get(event.group) ?? []), event.n])
      continue
    }
    const { parent, children } = sent.get(event.id)!
    if (event.type === 'start') {
      assert.ok(!started.has(event.id), `group ${event.id} starts twice`)
      if (parent !== 0)
        assert.ok(started.has(parent) && !ended.has(parent), 'OP-2: a group outside of its parent')
      started.set(event.id, at)
    } else {
      assert.ok(!ended.has(event.id), `group ${event.id} ends twice`)
      for (const child of children) assert.ok(ended.has(child), 'GR-2, OP-3: end before an inner group')
      ended.set(event.id, at)
    }
  }
  for (const id of started.keys()) {
    assert.ok(ended.has(id), `group ${id} does not end`)
    assert.deepEqual(messages.get(id) ?? [], sent.get(id)!.messages, `messages of group ${id}`)
  }
}

/** GR-1 at a receiver with one channel: groups of one name at one level do not overlap, and keep their order. */
function checkTurns(trace: readonly Event[], sent: ReadonlyMap<number, Sent>): void {
  const open = new Map<string, number>()
  const last = new Map<string, number>()
  for (const event of trace) {
    if (event.type === 'message') continue
    const { parent, name, id } = sent.get(event.id)!
    const level = `${parent}/${name ?? '-'}`
    if (event.type === 'end') {
      open.delete(level)
      continue
    }
    assert.equal(open.get(level), undefined, `GR-1: group ${id} begins while ${open.get(level)} is open`)
    assert.ok(id > (last.get(level) ?? 0), 'GR-1: order of starts')
    open.set(level, id)
    last.set(level, id)
  }
}

const again = { retry: { times: 2, delayMs: 1 } } as const

for (let seed = 1; seed <= 25; seed++) {
  test(`random groups ${seed}: whole, in one place, in order`, async () => {
    const chance = seededRandom(seed)
    const sent = new Map<number, Sent>()
    const loose: number[] = []
    const traces = new Map<number, Event[]>()
    const sums = new Map<number, number>()
    const pumps = chance.int(3)
    const receivers = 1 + chance.int(3)
    const net = network('groups')
    let from = net.add('forest', forest(chance, 300, sent, loose)).outputs.out
    const selector = (): ReturnType<typeof fair> => [roundRobin, random, fair][chance.int(3)]!()
    for (let i = 0; i < pumps; i++) {
      const concurrency = 1 + chance.int(2)
      const errors = chance.int(2) === 0 ? again : 'fail'
      const stage = net.add(`pump${i}`, pump, { instances: 1 + chance.int(2), concurrency, errors })
      net.connect(from, stage.inputs.in, { selector: selector() })
      from = stage.outputs.out
    }
    const trouble = { fails: chance.int(2) === 0, waits: chance.int(2) === 0, pauses: chance.int(2) === 0 }
    // Without failures, messages of a group that wait are handled side by side, and end in any order.
    const concurrency = trouble.waits && !trouble.fails ? 1 : 1 + chance.int(4)
    const target = net.add('receiver', receiver(traces, sums, trouble), {
      instances: receivers,
      concurrency,
      errors: trouble.fails ? again : 'fail',
    })
    net.connect(from, target.inputs.in, { selector: selector() })
    const limits = { queueMessagesMax: 1 + chance.int(10), parcelMessagesMax: 1 + chance.int(10) }
    await (await testNetwork(net, { workers: chance.int(4), limits, seed })).end()
    const started = new Set<number>()
    const got: number[] = []
    for (const trace of traces.values()) {
      check(trace, sent)
      if (pumps === 0) checkTurns(trace, sent)
      for (const event of trace) {
        if (event.type === 'start') {
          assert.ok(!started.has(event.id), `OP-2: group ${event.id} at two receivers`)
          started.add(event.id)
        }
        if (event.type === 'message' && event.group === 0) got.push(event.n)
      }
    }
    assert.deepEqual(started, new Set(sent.keys()))
    for (const [id, { messages }] of sent) {
      const sum = messages.reduce((total, n) => total + n, 0)
      assert.equal(sums.get(id), sum, `what group ${id} gathered`)
    }
    assert.deepEqual(
      got.toSorted((a, b) => a - b),
      loose,
    )
  })
}
