import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiClient } from '../../../src/api/index.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { connectCluster, startNode } from '../../../src/cluster.ts'
import { project } from '../../e2e/support.ts'
import { eventually } from '../../support/eventually.ts'

/**
 * A network whose state changes its form while it runs, on a real node: versions one after the other, and back again; what cannot be
 * gone on from is refused, and what runs goes on.
 */

const network = (kind: string, instances: number, state: object): string =>
  JSON.stringify({
    name: 'counts',
    guarantee: 'exactly-once',
    snapshot: { intervalMs: 100 },
    state,
    components: {
      ticks: { kind: './ticks.ts' },
      count: { kind, instances },
    },
    connections: [{ from: 'ticks.out', to: 'count.in', selector: 'hash' }],
  })

const files = {
  'ticks.ts': `
    import { defineSource, port } from 'vertigo-flow'
    export default defineSource({
      outputs: { out: port<string>() },
      rewinds: true,
      setup({ clock, signal, positions }) {
        let n = Number(positions?.['all']?.position ?? 0)
        return {
          async poll(_max, { emit }) {
            emit.out('k' + (n++ % 3))
            await new Promise<void>((resolve) => {
              clock.after(5, resolve)
              signal.addEventListener('abort', () => resolve(), { once: true })
            })
            return 'more'
          },
          positions: () => ({ all: { version: 1, position: n } }),
        }
      },
    })`,
  'one.ts': `
    import { defineComponent, port, value } from 'vertigo-flow'
    export default defineComponent({
      inputs: { in: port<string>() },
      state: { count: value(0) },
      on: { in: (_, { state }) => void state.count.update((n) => n + 1) },
    })`,
  'two.ts': `
    import { defineComponent, port, value } from 'vertigo-flow'
    export default defineComponent({
      inputs: { in: port<string>() },
      state: { counted: value({ n: 0, since: 0 }) },
      stateVersion: 2,
      migrate: {
        2: {
          up: ({ count }) => ({ counted: { n: count, since: count } }),
          down: ({ counted }) => ({ count: (counted as { n: number }).n }),
        },
      },
      on: { in: (_, { state }) => void state.counted.update(({ n, since }) => ({ n: n + 1, since })) },
    })`,
  'broken.ts': `
    import { defineComponent, port, value } from 'vertigo-flow'
    export default defineComponent({
      inputs: { in: port<string>() },
      state: { counted: value({ n: 0, since: 0 }) },
      stateVersion: 3,
      migrate: { 3: { up: () => { throw new Error('it cannot be done') } } },
      on: { in: () => undefined },
    })`,
  'other.ts': `
    import { defineComponent, port, value } from 'vertigo-flow'
    export default defineComponent({
      inputs: { in: port<string>() },
      state: { renamed: value(0) },
      stateVersion: 4,
      on: { in: () => undefined },
    })`,
  'v1.json': network('./one.ts', 1, {}),
  'v2.json': network('./two.ts', 2, { backend: 'lmdb', cacheBytesMax: 65_536 }),
  'broken.json': network('./broken.ts', 2, {}),
  'other.json': network('./other.ts', 1, {}),
}

test('state goes up with a deployment and down with a rollback, and no count is lost or made twice', async (t) => {
  const folder = project(t, files)
  const store = `lmdb:${folder}/store`
  const node = await startNode({ ttlMs: 30_000, store, id: 'a', workers: 2, api: { port: 0 } })
  t.after(() => node.close())
  const cluster = await connectCluster({ store })
  t.after(() => cluster.close())
  const client = new ApiClient({ address: node.apiAddress!, clock: systemClock })
  const deploy = (file: string): Promise<unknown> =>
    cluster.deploy(`${folder}/${file}`, { by: 'test', mode: 'replace' })
  const stateOf = async (key: string) => client.state('counts', { component: 'count', key })
  const running = (version: number): Promise<unknown> =>
    eventually(
      `version ${version} to run`,
      async () => {
        const { state, version: now, refused } = await client.status('counts')
        if (refused !== undefined && refused.version === version) throw new Error(JSON.stringify(refused))
        return state === 'running' && now === version
      },
      60_000,
    )
  /** By a snapshot of the version; \`than\`: the count has gone on. */
  const counted = (
    version: number,
    of: (states: Record<string, unknown>) => number,
    than: number,
  ): Promise<number> =>
    eventually(
      `a snapshot of version ${version} with more than ${than}`,
      async () => {
        const { snapshot, states } = await stateOf('k1')
        const n = of(states)
        return snapshot.version === version && n > than ? n : undefined
      },
      60_000,
    )
  const countOf = ({ count }: Record<string, unknown>): number => count as number
  const ofTwo = ({ counted: it }: Record<string, unknown>): { n: number; since: number } =>
    it as { n: number; since: number }

  await deploy('v1.json')
  await running(1)
  const first = await counted(1, countOf, 5)
  await deploy('v2.json')
  await running(2)
  const second = await counted(2, (states) => ofTwo(states).n, first)
  const { states, stateVersion } = await stateOf('k1')
  assert.equal(stateVersion, 2)
  assert.ok(ofTwo(states).since >= first && ofTwo(states).since <= second, 'it went on from version 1')

  await assert.rejects(deploy('other.json'), { code: 'STATE_VERSION_UNKNOWN' })
  await deploy('broken.json')
  await eventually(
    'the broken version to be refused',
    async () => (await client.status('counts')).refused?.error?.code === 'STATE_MIGRATION_FAILED',
    60_000,
  )
  const third = await counted(2, (now) => ofTwo(now).n, second)

  await client.rollback('counts', 1)
  await running(4)
  await counted(4, countOf, third)
  // What each key has differs by one at the most, as the source made them: nothing is lost, nothing counted twice.
  const all = await eventually('all keys of one snapshot', async () => {
    const found = await Promise.all(['k0', 'k1', 'k2'].map(stateOf))
    return new Set(found.map(({ snapshot }) => snapshot.id)).size === 1 ? found : undefined
  })
  const counts = all.map(({ states: of }) => countOf(of))
  assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, counts.join())
})
