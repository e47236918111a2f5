import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { kindDefinition } from '../../../src/component/kind.ts'
import { stdinFrom } from '../../../src/connectors/standard-streams/stdin.ts'
import { testNetwork, type NetworkTester } from '../../../src/testkit/index.ts'
import { folder } from '../connectors/support.ts'
import { type Checks, rejects, source, sourceWaits } from './support.ts'

const everything = async (kind: Parameters<typeof source>[0], config: Readonly<Record<string, unknown>>) =>
  (await (await source(kind, config)).rest()).out

/** A network with the kind `feeder`, whose messages come from the test. */
async function fed(dir: string, by = ''): Promise<NetworkTester<{}, {}, 'work.out'>> {
  const path = join(dir, 'network.yaml')
  writeFileSync(
    path,
    `name: fed
components:
  in: { kind: feeder }
  work: { kind: ${by === '' ? 'take, config: { count: 100000 }' : by} }
connections:
  - { from: in.out, to: work.in }
`,
  )
  return testNetwork(path, { collect: ['work.out'], limits: { queueMessagesMax: 1 } })
}

export const sources: Readonly<Record<string, Checks>> = {
  feeder: {
    behaves: async (t) => {
      const tester = await fed(folder(t))
      for (const n of [1, 2, 3]) await tester.feeder('in').send(n)
      await tester.settle()
      assert.deepEqual(tester.outputs['work.out'], [1, 2, 3])
      await tester.feeder('in').send(4)
      assert.deepEqual((await tester.end())['work.out'], [1, 2, 3, 4])
    },
    waits: async (t) => {
      // One message in 10 s: what is sent waits in the feeder, and then in its sender.
      const tester = await fed(folder(t), 'throttle, config: { perSecond: 0.1 }')
      const feeder = tester.feeder('in')
      let accepted = 0
      const sending = Array.from({ length: 5000 }, async (_, n) => {
        await feeder.send(n)
        accepted++
      })
      const sent = Promise.allSettled(sending)
      await tester.settle()
      assert.ok(accepted < 3000, `${accepted} of 5000 accepted`)
      await tester.close()
      const refused = (await sent).filter(({ status }) => status === 'rejected')
      assert.equal(refused.length, 5000 - accepted)
    },
    fails: async (t) => {
      const tester = await fed(folder(t))
      tester.feeder('in').fail(new Error('no more input'))
      await rejects(tester.settle(), 'COMPONENT_FAILED', 'in', 'no more input')
      await tester.close()
      assert.throws(() => tester.feeder('inn'), { code: 'PORT_UNKNOWN' })
    },
  },
  'file-lines': {
    behaves: async (t, kind) => {
      const path = join(folder(t), 'a.txt')
      writeFileSync(path, 'one\ntwo')
      assert.deepEqual(await everything(kind, { path }), ['one', 'two'])
    },
    waits: async (t, kind) => {
      const path = join(folder(t), 'a.txt')
      writeFileSync(path, 'x\n'.repeat(1000))
      await sourceWaits(kind, { path }, 1000)
    },
    fails: async (t, kind) => {
      await rejects(source(kind, { path: join(folder(t), 'none') }), 'FILE_NOT_FOUND', 'tested', '"path"')
    },
  },
  generator: {
    behaves: async (_t, kind) => {
      assert.deepEqual(await everything(kind, { from: 5, count: 3 }), [5, 6, 7])
    },
    waits: (_t, kind) => sourceWaits(kind, { count: 1000 }, 1000),
    fails: (_t, kind) => rejects(source(kind, { count: -1 }), 'CONFIG_INVALID', 'count'),
  },
  interval: {
    behaves: async (_t, kind) => {
      const tester = await source(kind, { periodMs: 100, count: 2 })
      await tester.release('out', 2)
      await tester.advance(100)
      assert.equal(tester.outputs.out.length, 1)
      await tester.advance(100)
      assert.deepEqual(
        (await tester.rest()).out.map((tick) => (tick as { readonly n: number }).n),
        [0, 1],
      )
    },
    waits: async (_t, kind) => {
      const tester = await source(kind, { periodMs: 100 })
      await tester.advance(100_000)
      // Ticks for which there was no room are left out, not kept.
      assert.ok(tester.emitted <= 3, `${tester.emitted} emitted without room`)
      await tester.end()
    },
    fails: (_t, kind) => rejects(source(kind, { periodMs: 0 }), 'CONFIG_INVALID', 'periodMs'),
  },
  'record-generator': {
    behaves: async (_t, kind) => {
      const record = { id: '{n}', name: 'user-{n}' }
      assert.deepEqual(await everything(kind, { record, from: 7, count: 1 }), [{ id: 7, name: 'user-7' }])
    },
    waits: (_t, kind) => sourceWaits(kind, { record: { id: '{n}' }, count: 1000 }, 1000),
    fails: (_t, kind) => rejects(source(kind, { count: 1 }), 'CONFIG_INVALID', 'record'),
  },
  // The kind itself reads the stream of this process: the same code with a stream of the test.
  stdin: {
    behaves: async (_t, kind) => {
      const stream = new PassThrough()
      const own = stdinFrom(() => stream)
      assert.equal(kindDefinition(own).description, kindDefinition(kind).description)
      const tester = await source(own)
      stream.write('one\ntw')
      assert.deepEqual(await tester.take(1), ['one'])
      stream.end('o')
      assert.deepEqual((await tester.rest()).out, ['two'])
    },
    waits: async () => {
      const stream = new PassThrough()
      stream.end('x\n'.repeat(1000))
      await sourceWaits(
        stdinFrom(() => stream),
        {},
        1000,
      )
    },
    fails: async () => {
      const stream = new PassThrough()
      const tester = await source(stdinFrom(() => stream))
      stream.destroy(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }))
      await rejects(
        tester.until(() => false),
        'FILE_UNREADABLE',
        'tested',
        'standard input',
      )
      await tester.close()
    },
  },
}
