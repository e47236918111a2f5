import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import { connectCluster, type NodeEvent, startNode, type StartNodeOptions } from '../../../src/cluster.ts'
import { openCollections, openStore } from '../../../src/coordination.ts'
import { project } from '../../e2e/support.ts'
import { eventually } from '../../support/eventually.ts'

/** Networks with snapshots on real nodes: threads, sockets, a store and a storage in folders. */

/** Enough for some snapshots: the handler takes 10 ms for each, and barriers overtake after a second. */
const linesCount = 600

/** Each word's count goes into a map, so what is there at the end is what the state says. */
const files = {
  'net.json': JSON.stringify({
    name: 'words',
    guarantee: 'exactly-once',
    snapshot: { intervalMs: 100 },
    components: {
      lines: { kind: 'file-lines', config: { path: 'input.txt' } },
      split: { kind: './split.ts' },
      count: { kind: './count.ts', instances: 2 },
    },
    connections: [
      { from: 'lines.out', to: 'split.line' },
      { from: 'split.word', to: 'count.word', selector: 'hash' },
    ],
  }),
  'split.ts': `
    import { existsSync, writeFileSync } from 'node:fs'
    import { defineComponent, port } from 'vertigo-flow'
    const { FAIL_ONCE: file } = process.env
    let handled = 0
    export default defineComponent({
      inputs: { line: port<string>() },
      outputs: { word: port<string>() },
      on: {
        async line(line, { emit }) {
          await new Promise((resolve) => setTimeout(resolve, 10))
          if (++handled === ${linesCount / 2} && !existsSync(file)) {
            writeFileSync(file, '')
            throw new Error('it fails in the middle')
          }
          for (const word of line.split(' ')) emit.word(word)
        },
      },
    })`,
  'count.ts': `
    import { defineComponent, port, value } from 'vertigo-flow'
    export default defineComponent({
      inputs: { word: port<string>() },
      state: { seen: value(0) },
      setup({ shared }) {
        const counts = shared.map<number>('counts')
        return {
          on: {
            async word(word, { state }) {
              await counts.set(word, state.seen.update((n) => n + 1))
            },
          },
        }
      },
    })`,
}

const wordsOf = (line: number): string[] => [`of-${line % 7}`]

function expected(): Map<string, number> {
  const counts = new Map<string, number>()
  for (let line = 0; line < linesCount; line++)
    for (const word of wordsOf(line)) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

async function node(t: TestContext, options: StartNodeOptions): Promise<NodeEvent[]> {
  const events: NodeEvent[] = []
  // Nobody is to be taken for dead on a machine that is busy.
  const started = await startNode({ ttlMs: 30_000, ...options, onEvent: (event) => events.push(event) })
  t.after(() => started.close())
  return events
}

async function countsIn(storeUrl: string): Promise<Map<string, number>> {
  const store = await openStore(storeUrl)
  const collections = openCollections(store)
  try {
    const counts = await collections.map<number>('counts').entries()
    return new Map(counts)
  } finally {
    await collections.close()
    await store.close()
  }
}

const byName = (counts: ReadonlyMap<string, number>): [string, number][] =>
  [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))

test('the state is as if nothing had failed when an instance fails in the middle', async (t) => {
  const folder = project(t, files)
  const input = Array.from({ length: linesCount }, (_, line) => wordsOf(line).join(' ')).join('\n')
  writeFileSync(`${folder}/input.txt`, `${input}\n`)
  writeFileSync(`${folder}/net.json`, files['net.json'].replace('input.txt', `${folder}/input.txt`))
  process.env['FAIL_ONCE'] = `${folder}/failed`
  t.after(() => {
    delete process.env['FAIL_ONCE']
  })
  const store = `lmdb:${folder}/store`
  const events = [
    await node(t, { store, id: 'a', workers: 2 }),
    await node(t, { store, id: 'b', workers: 2 }),
  ]
  const cluster = await connectCluster({ store })
  t.after(() => cluster.close())
  await cluster.deploy(`${folder}/net.json`, { by: 'test' })
  try {
    await eventually(
      'it has finished',
      async () => (await cluster.networks.status('words')).state === 'finished',
      120_000,
    )
  } catch (error) {
    throw new Error(JSON.stringify(events.flat().slice(-12)), { cause: error })
  }
  const told = events.flat().map((event) => JSON.stringify(event))
  assert.ok(told.some((line) => line.includes('it fails in the middle')))
  assert.ok(
    told.some((line) => /planned generation \d+ .*snapshot \d+/.test(line)),
    'it goes on from a snapshot',
  )
  assert.deepEqual(byName(await countsIn(store)), byName(expected()))
})
