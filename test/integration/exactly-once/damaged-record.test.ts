import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import { machineClock } from '../../../src/base/clock.ts'
import { type ClusterConnection, connectCluster, type NodeEvent, startNode } from '../../../src/cluster.ts'
import { ClusterKeys } from '../../../src/cluster/protocol/index.ts'
import { acquireEnvironment } from '../../../src/store/lmdb/environment.ts'
import { isUnchanged, put } from '../../../src/store/operations.ts'
import { project } from '../../e2e/support.ts'
import { eventually } from '../../support/eventually.ts'
import { newPrefix, open, withCluster } from '../store-etcd/support.ts'

/**
 * DS-1 with real stores: one bit of the record of the last snapshot is damaged under a network that runs, then its node is started again. It
 * stands, says why and what to do; once that is done, what is published is what a plain loop gives.
 */

const [linesCount, wordsCount] = [2_000, 7]
const wordAt = (line: number): string => `of-${(line * line) % wordsCount}`

/** Lines come slowly until there is a file. */
const countKind = (hurry: string): string => `
  import { existsSync } from 'node:fs'
  import { defineComponent, port, value } from 'vertigo-flow'
  let isSlow = true
  export default defineComponent({
    inputs: { in: port<string>() },
    outputs: { out: port<{ word: string; count: number }>() },
    state: { seen: value(0) },
    on: {
      async in(word, { state, emit }) {
        isSlow &&= !existsSync(${JSON.stringify(hurry)})
        if (isSlow) await new Promise((resolve) => setTimeout(resolve, 20))
        emit.out({ word, count: state.seen.update((n) => n + 1) })
      },
    },
  })`

/** Rows as a plain loop writes them. */
function expected(): string[] {
  const counts = new Map<string, number>()
  return Array.from({ length: linesCount }, (_, line) => {
    const word = wordAt(line)
    counts.set(word, (counts.get(word) ?? 0) + 1)
    return JSON.stringify({ word, count: counts.get(word) })
  })
}

const keys = new ClusterKeys('vertigo').network('counts').snapshots

function flipped(record: Uint8Array): Buffer {
  const bytes = Buffer.from(record)
  bytes[bytes.indexOf('"id":') + 5]! ^= 1
  return bytes
}

/** A network that has published something. */
class Scene {
  readonly folder: string
  readonly events: NodeEvent[] = []
  private readonly store: string
  private readonly t: TestContext
  private connection: ClusterConnection | undefined
  private node: Awaited<ReturnType<typeof startNode>> | undefined

  constructor(t: TestContext, folder: string, store: string) {
    this.t = t
    this.folder = folder
    this.store = store
    t.after(() => this.node?.close())
    t.after(() => this.connection?.close())
  }

  get cluster(): ClusterConnection {
    return this.connection!
  }

  static async begin(t: TestContext, folder: string, store: string): Promise<Scene> {
    const text = Array.from({ length: linesCount }, (_, line) => wordAt(line)).join('\n')
    writeFileSync(`${folder}/input.txt`, `${text}\n`)
    writeFileSync(`${folder}/count.ts`, countKind(`${folder}/hurry`))
    const net = (keep: number) => ({
      name: 'counts',
      guarantee: 'exactly-once',
      snapshot: { intervalMs: 100, keep },
      components: {
        lines: { kind: 'file-lines', config: { path: `${folder}/input.txt` } },
        count: { kind: './count.ts' },
        rows: { kind: 'file-sink', config: { path: `${folder}/rows.jsonl` } },
      },
      connections: [
        { from: 'lines.out', to: 'count.in', selector: 'hash' },
        { from: 'count.out', to: 'rows.in' },
      ],
    })
    writeFileSync(`${folder}/net.json`, JSON.stringify(net(3)))
    writeFileSync(`${folder}/other.json`, JSON.stringify(net(4)))
    const scene = new Scene(t, folder, store)
    await scene.start()
    scene.connection = await connectCluster({ store })
    await scene.cluster.deploy(`${folder}/net.json`, { by: 'test' })
    const { snapshots } = scene.cluster.networks
    await eventually(
      'rows are published, and there is something to go back to',
      async () => scene.rows().length > 20 && (await snapshots.list('counts')).snapshots.length > 2,
      60_000,
    )
    return scene
  }

  /** The node, as often as it was ended. */
  async start(): Promise<void> {
    await this.node?.close()
    this.node = await startNode({
      store: this.store,
      snapshots: `file://${this.folder}/snapshots`,
      id: 'a',
      ttlMs: 30_000,
      onEvent: (event) => this.events.push(event),
    })
  }

  rows(): string[] {
    const file = `${this.folder}/rows.jsonl`
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
  }

  /** Under the running network, which may commit in its place meanwhile; then with a node that is started again. */
  async damaged(damage: (key: string) => Promise<void>): Promise<readonly string[]> {
    const { networks } = this.cluster
    await eventually('the status says that the record is damaged', async () => {
      const { snapshots, state } = await networks.status('counts')
      if (snapshots?.damaged !== undefined)
        return state === 'running' && snapshots.damaged.code === 'SNAPSHOT_RECORD_DAMAGED'
      await damage(keys.committed)
      return false
    })
    this.events.length = 0
    await this.start()
    await eventually('the node that was started again says what is wrong', () =>
      JSON.stringify(this.events).includes('The record of the last snapshot of \\"counts\\"'),
    )
    const published = this.rows()
    assert.ok(published.length < linesCount, 'it is not at its end')
    assert.deepEqual(published, expected().slice(0, published.length))
    const refused = { code: 'SNAPSHOT_RECORD_DAMAGED' }
    await assert.rejects(this.deploy({}, 'other.json'), refused)
    await assert.rejects(this.deploy({ discardState: ['count'] }), refused)
    assert.deepEqual(this.rows(), published, 'nothing runs')
    return published
  }

  deploy(options: object, file = 'net.json'): Promise<unknown> {
    return this.cluster.deploy(`${this.folder}/${file}`, { by: 'test', ...options })
  }

  async finish(): Promise<string[]> {
    writeFileSync(`${this.folder}/hurry`, '')
    const { networks } = this.cluster
    await eventually(
      'it has finished',
      async () => (await networks.status('counts')).state === 'finished',
      60_000,
    )
    this.t.diagnostic(`${this.rows().length} rows`)
    return this.rows()
  }
}

/** As the remedy says. */
async function goesOn(scene: Scene, damage: (key: string) => Promise<void>): Promise<void> {
  const published = await scene.damaged(damage)
  const { snapshots, damaged } = await scene.cluster.networks.snapshots.list('counts')
  const [, named] = /--from-snapshot (\d+)`/.exec(damaged?.[0]?.error.remedy ?? '') ?? []
  assert.equal(named, String(snapshots[0]?.id))
  await scene.deploy({ from: { snapshot: named } })
  assert.deepEqual(await scene.finish(), expected())
  assert.ok(published.length > 0)
}

/** As a disk would: nobody hears of it before it is read. */
async function damageInFolder(t: TestContext, folder: string): Promise<(key: string) => Promise<void>> {
  const environment = await acquireEnvironment(`${folder}/store`, machineClock)
  t.after(() => environment.release())
  return async (key) => {
    const name = Buffer.from(key)
    environment.keys.putSync(name, flipped(environment.keys.get(name)!))
  }
}

test('in a folder: it goes on from the newest one that is kept, and each row is there once', async (t) => {
  const folder = project(t, {})
  const scene = await Scene.begin(t, folder, `lmdb:${folder}/store`)
  await goesOn(scene, await damageInFolder(t, folder))
})

test('in a folder: where the newest that is kept is damaged too, it goes back to the one before, if that is accepted', async (t) => {
  const folder = project(t, {})
  const scene = await Scene.begin(t, folder, `lmdb:${folder}/store`)
  const damage = await damageInFolder(t, folder)
  const published = await scene.damaged(damage)
  const listed = () => scene.cluster.networks.snapshots.list('counts')
  const [{ incarnation, id: newest } = { incarnation: 0, id: 0 }, before] = (await listed()).snapshots
  await damage(keys.keptAt(incarnation, newest))
  const { damaged = [], snapshots } = await listed()
  assert.deepEqual(
    damaged.map(({ record, id }) => [record, id]),
    [
      ['last', undefined],
      ['kept', newest],
    ],
  )
  assert.equal(snapshots[0]?.id, before?.id)
  const from = { snapshot: String(before?.id) }
  await assert.rejects(scene.deploy({ from }), { code: 'SNAPSHOT_REPEATS' })
  assert.deepEqual(scene.rows(), published)
  await scene.deploy({ from: { ...from, acceptDuplicates: true } })
  const rows = await scene.finish()
  // What had been published since is there once more, and all else once.
  const again = rows.length - linesCount
  t.diagnostic(`${again} rows again`)
  assert.ok(again >= 0 && again <= published.length, `${again} rows again`)
  assert.deepEqual(rows, [...published, ...expected().slice(published.length - again)])
})

await withCluster('a damaged record of the last snapshot', { members: 1 }, (cluster) => {
  test('in etcd: it goes on from the newest one that is kept, and each row is there once', async (t) => {
    const [prefix, { endpoints }] = [newPrefix(), cluster()]
    const store = await open({ endpoints, prefix })
    const address = endpoints[0]!.replace(/^https?:\/\//, '')
    const scene = await Scene.begin(t, project(t, {}), `etcd://${address}/${prefix}`)
    await goesOn(scene, async (key) => {
      const { entry } = await store.get(key)
      await store.transact({ compare: [isUnchanged(key, entry)], then: [put(key, flipped(entry!.value))] })
    })
  })
})
