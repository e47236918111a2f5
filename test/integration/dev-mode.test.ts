import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as v from 'valibot'
import {
  defineComponent,
  defineSource,
  type Kind,
  list,
  map,
  network,
  port,
  run,
  type RunOptions,
  value,
} from 'vertigo-flow'
import { isVertigoError } from '../../src/base/errors.ts'

/** Development mode, within one thread: what would not work across threads fails there, and goes unnoticed without. */

/** Three messages through a component, in this thread; what came out of it. */
async function passed(kind: Kind, options: RunOptions = {}): Promise<unknown[]> {
  const numbers = defineSource({
    outputs: { out: port<{ n: number }>() },
    async *read() {
      for (let n = 0; n < 3; n++) yield { n }
    },
  })
  const pass = defineComponent({
    inputs: { in: port<{ n: number }>() },
    outputs: { out: port<{ n: number }>() },
    on: { in: (message, { emit }) => emit.out(message) },
  })
  const seen: unknown[] = []
  const keep = defineComponent({ inputs: { in: port() }, on: { in: (message) => void seen.push(message) } })
  const net = network('dev')
  const source = net.add('numbers', numbers)
  // What comes from a source is checked in any case.
  const inner = net.add('inner', pass)
  const tested = net.add('tested', kind as typeof keep)
  const sink = net.add('keep', keep)
  net.connect(source.outputs.out, inner.inputs.in)
  net.connect(inner.outputs.out, tested.inputs.in)
  net.connect((tested.outputs as unknown as typeof source.outputs).out, sink.inputs.in)
  const running = await run(net, options)
  await running.done
  return seen
}

/** Works without; with `dev`, fails with this code and message. */
function failsInDevMode(what: string, kind: Kind, code: string, message: RegExp): void {
  test(`${what}: unnoticed within a thread, refused in development mode`, async () => {
    assert.equal((await passed(kind)).length, 3)
    await assert.rejects(passed(kind, { dev: true }), (error) => {
      assert.ok(isVertigoError(error))
      assert.equal(error.code, code, error.message)
      assert.match(error.message, message)
      assert.equal(error.place.component, 'tested[0]')
      return true
    })
  })
}

const ports = { inputs: { in: port<{ n: number }>() }, outputs: { out: port() } }

failsInDevMode(
  'a message that is changed after it was sent',
  defineComponent({
    ...ports,
    on: {
      in({ n }, { emit }) {
        const message = { n, tags: ['a'] }
        emit.out(message)
        message.tags.push('b')
      },
    },
  }),
  'COMPONENT_FAILED',
  /object is not extensible/,
)

failsInDevMode(
  'a message that is changed where it arrives',
  defineComponent({
    ...ports,
    on: {
      in(message, { emit }) {
        message.n++
        emit.out(message)
      },
    },
  }),
  'COMPONENT_FAILED',
  /read only property 'n'/,
)

class Money {
  readonly amount = 1
}

failsInDevMode(
  'an instance of a class without a codec',
  defineComponent({ ...ports, on: { in: (_, { emit }) => emit.out({ price: new Money() }) } }),
  'MESSAGE_NOT_ENCODABLE',
  /a message of port "tested.out" cannot leave its thread: message\.price .*Money/,
)

failsInDevMode(
  'an instance of a class in a group',
  defineComponent({
    ...ports,
    on: {
      in(_, { emit }) {
        const group = emit.out.group('prices')
        group.send(new Money())
        group.end()
      },
    },
  }),
  'MESSAGE_NOT_ENCODABLE',
  /"tested.out".*Money/,
)

failsInDevMode(
  'a value of the state that is changed in place',
  defineComponent({
    ...ports,
    state: { seen: value<{ n: number }>({ n: 0 }, { scope: 'instance' }) },
    on: {
      in(_, { emit, state }) {
        state.seen.get().n++
        emit.out(state.seen.get().n)
      },
    },
  }),
  'COMPONENT_FAILED',
  /read only property 'n'/,
)

failsInDevMode(
  'a value that `update` is given and changes in place',
  defineComponent({
    ...ports,
    state: { seen: map<string, number[]>({ scope: 'instance' }) },
    on: {
      in({ n }, { emit, state }) {
        state.seen.update('all', (all = []) => {
          all.push(n)
          return all
        })
        emit.out(n)
      },
    },
  }),
  'COMPONENT_FAILED',
  /object is not extensible/,
)

failsInDevMode(
  'a message that the schema of an inner port refuses',
  defineComponent({
    inputs: { in: port(v.object({ n: v.pipe(v.number(), v.maxValue(1)) })) },
    outputs: { out: port() },
    on: { in: (message, { emit }) => emit.out(message) },
  }),
  'MESSAGE_INVALID',
  /port "in": n: /,
)

test('what keeps to the rules works, and receivers get copies', async () => {
  const sent: unknown[] = []
  const kind = defineComponent({
    ...ports,
    state: {
      all: list<number>({ scope: 'instance' }),
      times: map<number, { n: number }>({ scope: 'instance' }),
    },
    on: {
      in({ n }, { emit, state }) {
        state.all.push(n)
        state.times.set(n, { n })
        const message = {
          all: state.all.get(),
          times: [...state.times.entries()],
          when: new Date(n),
          bytes: new Uint8Array([n, 2, 3]),
        }
        sent.push(message)
        emit.out(message)
      },
    },
  })
  const seen = await passed(kind, { dev: true })
  assert.deepEqual(seen, sent)
  assert.ok(seen.every((message) => !sent.includes(message)))
  const alone = await passed(kind)
  assert.ok(alone.every((message) => sent.includes(message)))
})
