import assert from 'node:assert/strict'
import type { Kind } from '../../../src/component/index.ts'
import { type Checks, component, rejects, results } from './support.ts'

interface OperatorCase {
  readonly config?: Readonly<Record<string, unknown>>
  /** What `./it.ts` exports by default, where the kind takes a function. */
  readonly function?: (message: never) => unknown
  readonly message: unknown
  /** What comes of each message. */
  readonly gives: readonly unknown[]
  readonly fails: (kind: Kind) => Promise<void>
}

const throwing = { default: () => assert.fail('broken') }

async function functionFails(kind: Kind): Promise<void> {
  const config = { function: './it.ts' }
  await rejects(results(kind, [1], config, { './it.ts': throwing }), 'COMPONENT_FAILED', 'broken')
  await rejects(results(kind, [1], config, { './it.ts': { default: 1 } }), 'CONFIG_INVALID', '"function"')
}

/** What an operator does to one message it does to each; with its output held it takes few of them. */
function operator(given: OperatorCase): Checks {
  const modules = { './it.ts': { default: given.function } }
  const config = given.function === undefined ? given.config : { function: './it.ts' }
  return {
    behaves: async (_t, kind) => {
      assert.deepEqual(await results(kind, [given.message], config, modules), given.gives)
    },
    waits: async (_t, kind) => {
      const count = 100
      const tester = await component(kind, config, { modules, hold: true })
      await tester.send({ in: Array.from({ length: count }, () => given.message) })
      assert.ok(tester.queued > 0, 'it took everything')
      const { emitted } = tester
      assert.ok(emitted <= 2 * given.gives.length, `${emitted} emitted with room for 1`)
      await tester.release('out', 1)
      assert.equal(tester.outputs.out.length, 1)
      assert.equal((await tester.end()).out.length, count * given.gives.length)
    },
    fails: (_t, kind) => given.fails(kind),
  }
}

const configFails =
  (config: Readonly<Record<string, unknown>>, field: string) =>
  (kind: Kind): Promise<void> =>
    rejects(results(kind, [1], config), 'CONFIG_INVALID', field)

/** Two of the same make the count grow, so what comes of it differs from message to message. */
const counter = operator({
  message: 'a',
  gives: [{ value: 'a', count: 1 }],
  fails: configFails({ x: 1 }, 'x'),
})

export const operators: Readonly<Record<string, Checks>> = {
  counter,
  filter: operator({ function: (n: number) => n > 1, message: 2, gives: [2], fails: functionFails }),
  'flat-map': operator({
    function: (n: number) => [n, -n],
    message: 1,
    gives: [1, -1],
    fails: functionFails,
  }),
  map: operator({ function: (n: number) => n * 2, message: 2, gives: [4], fails: functionFails }),
  'split-words': operator({
    message: 'To be',
    gives: ['to', 'be'],
    fails: (kind) => rejects(results(kind, [5]), 'MESSAGE_INVALID', 'number'),
  }),
  take: operator({
    config: { count: 1000 },
    message: 'x',
    gives: ['x'],
    fails: configFails({ count: -1 }, 'count'),
  }),
  tap: operator({ function: () => 'nothing of it', message: 3, gives: [3], fails: functionFails }),
  throttle: operator({
    config: { perSecond: 100_000 },
    message: 'x',
    gives: ['x'],
    fails: configFails({ perSecond: 0 }, 'perSecond'),
  }),
}
