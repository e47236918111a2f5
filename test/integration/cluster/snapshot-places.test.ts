import assert from 'node:assert/strict'
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { ApiClient } from '../../../src/api/index.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { connectCluster, type RunningNode, startNode, type StartNodeOptions } from '../../../src/cluster.ts'
import { assertCode, project, type Result, vertigo } from '../../e2e/support.ts'
import { provideEtcd } from '../../../scripts/servers/etcd.ts'
import { EtcdCluster } from '../../support/etcd-cluster.ts'
import { eventually } from '../../support/eventually.ts'
import { noSmallDisk, SmallDisk } from '../../support/small-disk.ts'
import { SnapshotState } from '../exactly-once/snapshot-state.ts'

/** Where snapshots are kept: storages that are full, not the same one on all nodes, or of another cluster. */

const files = {
  'tally.yaml': `name: tally
guarantee: exactly-once
snapshot: { intervalMs: 100 }
components:
  numbers: { kind: generator, config: { rate: 100 } }
  count: { kind: ./count.ts }
connections:
  - { from: numbers.out, to: count.in, selector: hash }
`,
  'count.ts': `import { defineComponent, port, value } from 'vertigo-flow'
export default defineComponent({
  inputs: { in: port<number>() },
  state: { seen: value(0) },
  on: { in: (n, { state }) => void state.seen.update((before) => before + 1) },
})
`,
}

interface Place {
  readonly folder: string
  readonly client: ApiClient
  readonly ask: (...args: readonly string[]) => Promise<Result>
  readonly close: () => Promise<unknown>
}

async function place(t: TestContext, ...nodes: readonly Partial<StartNodeOptions>[]): Promise<Place> {
  const started: RunningNode[] = []
  // Before the folder goes.
  const close = (): Promise<unknown> => Promise.all(started.map((node) => node.close()))
  t.after(close)
  const folder = project(t, files)
  for (const [at, options] of nodes.entries()) {
    const store = `lmdb:${join(folder, 'store')}`
    const own = { store, id: `n${at}`, workers: 2, ttlMs: 30_000, api: { port: 0 } }
    const node = await startNode({ ...own, ...options })
    started.push(node)
  }
  const address = started[0]!.apiAddress!
  const ask = (...args: readonly string[]): Promise<Result> =>
    vertigo(t, args, { cwd: folder, env: { VERTIGO_API: address } })
  return { folder, ask, close, client: new ApiClient({ address, clock: systemClock, timeoutMs: 60_000 }) }
}

/** The network, with its snapshots somewhere else. */
function keptIn({ folder }: Place, storage: string): string {
  const snapshot = `snapshot: { intervalMs: 100, storage: '${storage}' }`
  writeFileSync(join(folder, 'kept.yaml'), files['tally.yaml'].replace(/snapshot: .*/, snapshot))
  return 'kept.yaml'
}

/** Takes all the room that there is. */
function fill(folder: string): () => void {
  const file = join(folder, 'filling')
  const opened = openSync(file, 'w')
  const piece = new Uint8Array(4096)
  try {
    for (;;) writeSync(opened, piece)
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
  }
  closeSync(opened)
  return () => rmSync(file)
}

test(
  'a full disk is told, the network runs on, and snapshots go on by themselves when there is room',
  { skip: noSmallDisk },
  async (t) => {
    const disk = new SmallDisk(t)
    const { folder, ask, client } = await place(t, { snapshots: pathToFileURL(disk.folder).href })
    // With fewer, old ones are deleted some seconds later: a slow machine would have room again before the test gives it.
    const keepsAll = files['tally.yaml'].replace('intervalMs: 100', 'intervalMs: 100, keep: 100')
    writeFileSync(join(folder, 'tally.yaml'), keepsAll)
    assertCode(await ask('deploy', 'tally.yaml', '--wait'), 0)
    await eventually('a snapshot', async () => (await client.snapshots('tally')).snapshots.length > 0)

    const empty = fill(disk.folder)
    const counted = async (): Promise<number> => {
      const { instances } = await client.countedStatus('tally')
      return instances.find(({ component }) => component === 'count')?.counters?.received ?? 0
    }
    await eventually('it is told', async () => {
      const { snapshots } = await client.status('tally')
      return snapshots?.failing?.code === 'SNAPSHOT_STORAGE_FULL' && snapshots.failing.times > 1
    })
    const before = await counted()
    await eventually('it runs on', async () => (await counted()) > before)
    const shown = await ask('status', 'tally')
    assert.match(shown.stdout, /tally: running/)
    assert.match(shown.stdout, /snapshots have been failing for .* SNAPSHOT_STORAGE_FULL: There is no room/)
    assert.match(shown.stdout, /^ {2}Free some room/m)
    const told = await ask('snapshot', 'create', 'tally', '--name', 'later', '--wait', '--timeout', '10')
    assertCode(told, 1)
    // Once, not for each of the many that were tried meanwhile.
    assert.equal(told.stderr.match(/^snapshot \d+ came to nothing: SNAPSHOT_STORAGE_FULL/gm)?.length, 1)
    // Nothing new begins where there is no room for it.
    const refused = await ask('deploy', 'tally.yaml', '--set', 'count.concurrency=2')
    assertCode(refused, 4)
    assert.match(refused.stderr, /SNAPSHOT_STORAGE_FULL/)

    empty()
    disk.remount('size=64m')
    await eventually('they go on', async () => {
      const { snapshots } = await client.status('tally')
      return snapshots?.failing === undefined && snapshots?.last !== undefined
    })
    await eventually('what was wanted is there', async () =>
      (await client.snapshots('tally')).snapshots.some(({ names }) => names.includes('later')),
    )
    const types = (await client.events()).map(({ type }) => type)
    assert.ok(types.includes('network-snapshots-failing') && types.includes('network-snapshots-mended'))
    assert.equal(types.filter((type) => type === 'network-snapshots-failing').length, 1)
  },
)

test(
  'what is undeployed while there is no room says that it has no last snapshot, and goes on from the one before',
  { skip: noSmallDisk },
  async (t) => {
    const disk = new SmallDisk(t)
    const { ask, client } = await place(t, { snapshots: pathToFileURL(disk.folder).href })
    assertCode(await ask('deploy', 'tally.yaml', '--wait'), 0)
    await eventually('a snapshot', async () => (await client.snapshots('tally')).snapshots.length > 0)
    const empty = fill(disk.folder)
    await eventually(
      'it is told',
      async () => (await client.status('tally')).snapshots?.failing?.code === 'SNAPSHOT_STORAGE_FULL',
    )
    const ended = await ask('undeploy', 'tally', '--wait')
    assertCode(ended, 0)
    const [, newest] =
      /^SNAPSHOT_LAST_MISSING: .*SNAPSHOT_STORAGE_FULL: There is no room.* The newest is (\d+),/m.exec(
        ended.stderr,
      )!
    const shown = await ask('status', 'tally')
    assert.match(shown.stdout, /tally: stopped.*SNAPSHOT_LAST_MISSING.*--from-snapshot/s)
    assert.doesNotMatch(shown.stdout, /have been failing/)
    empty()
    disk.remount('size=64m')
    assertCode(await ask('deploy', 'tally.yaml', '--from-snapshot', newest!, '--wait'), 0)
    await eventually('they go on', async () => {
      const { last } = (await client.status('tally')).snapshots ?? {}
      return last !== undefined && last.id > Number(newest)
    })
    const whole = await ask('undeploy', 'tally', '--wait')
    assert.doesNotMatch(whole.stderr, /SNAPSHOT_LAST_MISSING/)
  },
)

test('a damaged file that says whose the snapshots are is told with the way out, and they go on without it', async (t) => {
  const folder = project(t, {})
  const { ask, client } = await place(t, { snapshots: pathToFileURL(folder).href })
  assertCode(await ask('deploy', 'tally.yaml', '--wait'), 0)
  await eventually('a snapshot', async () => (await client.snapshots('tally')).snapshots.length > 0)
  const owner = join(folder, 'tally', 'owner')
  writeFileSync(owner, 'rubbish')
  // Nobody looks as long as it is known whose they are.
  assertCode(await ask('deploy', 'tally.yaml', '--set', 'count.concurrency=2'), 4)
  const failing = await ask('deploy', 'tally.yaml', '--set', 'count.concurrency=2')
  assert.match(
    failing.stderr,
    /SNAPSHOT_FILE_DAMAGED: The file tally\/owner in .*\n.*delete the file `tally\/owner`/,
  )
  rmSync(owner)
  assertCode(await ask('deploy', 'tally.yaml', '--set', 'count.concurrency=2', '--wait'), 0)
})

test('a folder that is not the same one on all nodes is refused, with the way out', async (t) => {
  const folder = project(t, {})
  const own = (name: string): string => {
    mkdirSync(join(folder, name))
    return pathToFileURL(join(folder, name)).href
  }
  const both = await place(t, { snapshots: own('a') }, { snapshots: own('b') })
  const { ask, client } = both
  await eventually('both are there', async () => (await client.nodes()).length === 2)
  const refused = await ask('deploy', 'tally.yaml')
  assertCode(refused, 4)
  assert.match(refused.stderr, /SNAPSHOT_STORAGE_LOCAL.*not the same one on the nodes "n0" and "n1"/s)
  assert.match(refused.stderr, /shared folder|object storage/)
  assert.deepEqual(await client.networks(), [])
  // One that both see does.
  const shared = own('shared')
  assertCode(await ask('deploy', keptIn(both, shared), '--wait'), 0)
  await eventually('a snapshot', async () => (await client.snapshots('tally')).snapshots.length > 0)
})

const etcd = await provideEtcd('distribution')

test(
  'without a place for snapshots a network is deployed that needs none, and no other, whoever deploys it',
  { skip: 'missing' in etcd ? etcd.missing : false },
  async (t) => {
    if ('missing' in etcd) return
    const server = await EtcdCluster.start({ path: etcd.path })
    t.after(() => server.stop())
    const store = `etcd://${server.endpoints[0]}/places`
    const { folder, ask, client } = await place(t, { store })
    const file = (name: string, ...says: readonly string[]): string => {
      const [, ...rest] = files['tally.yaml']
        .split('\n')
        .filter((line) => !/^(guarantee|snapshot)/.test(line))
      writeFileSync(join(folder, `${name}.yaml`), [`name: ${name}`, ...says, ...rest].join('\n'))
      return `${name}.yaml`
    }
    const way = /--snapshots <address>[^]*guarantee: at-most-once/
    for (const says of [[], ['guarantee: exactly-once'], ['guarantee: at-least-once']]) {
      const refused = await ask('deploy', file('tally', ...says))
      assertCode(refused, 2)
      assert.match(
        refused.stderr,
        /SNAPSHOT_STORAGE_UNSET: The network "tally" is \S+, and there is no place/,
      )
      assert.match(refused.stderr, way)
    }
    const alone = ['--component', './count.ts', '--name', 'alone']
    const single = await ask('deploy', ...alone)
    assertCode(single, 2)
    assert.match(single.stderr, /SNAPSHOT_STORAGE_UNSET/)
    assert.deepEqual(await client.networks(), [])

    // Past the API, it is the manager that refuses.
    const cluster = await connectCluster({ store })
    t.after(() => cluster.close())
    await cluster.deploy(join(folder, file('past')), { by: 'test' })
    const error = await eventually('it is refused', async () => {
      const { refused, error: own } = await cluster.networks.status('past')
      return refused?.error ?? own
    })
    assert.equal(error.code, 'SNAPSHOT_STORAGE_UNSET')
    assert.match(error.remedy ?? '', way)

    assertCode(await ask('deploy', ...alone, '--guarantee', 'at-most-once', '--wait'), 0)
    assertCode(await ask('deploy', file('tally', 'guarantee: at-most-once'), '--wait'), 0)
    // A part that says nothing changes nothing of it; and to ask for more is refused, while what ran runs on.
    assertCode(await ask('deploy', file('tally'), '--set', 'count.concurrency=2', '--wait'), 0)
    assert.equal((await client.definition('tally')).flat.guarantee, 'at-most-once')
    assert.match((await ask('describe', 'tally')).stdout, /at-most-once: no snapshots are taken/)
    const more = await ask('deploy', file('tally'), '--replace')
    assertCode(more, 2)
    assert.match(more.stderr, /SNAPSHOT_STORAGE_UNSET/)
    assert.equal((await client.status('tally')).state, 'running')
    const kept = file('tally', `snapshot: { storage: '${pathToFileURL(join(folder, 'kept')).href}' }`)
    assertCode(await ask('deploy', kept, '--replace', '--wait'), 0)
    await eventually('a snapshot', async () => (await client.snapshots('tally')).snapshots.length > 0)
    assert.match((await ask('describe', 'tally')).stdout, /exactly-once: a snapshot every 1000 ms/)
  },
)

test('what another cluster keeps under the same address is left alone', async (t) => {
  const shared = pathToFileURL(join(project(t, {}), 'snapshots')).href
  const first = await place(t, { snapshots: shared })
  assertCode(await first.ask('deploy', 'tally.yaml', '--wait'), 0)
  const second = await place(t, { snapshots: shared })
  const refused = await second.ask('deploy', 'tally.yaml')
  assertCode(refused, 4)
  assert.match(refused.stderr, /SNAPSHOT_STORAGE_TAKEN/)
  const wrong = await second.ask('deploy', keptIn(second, 'ftp://x'))
  assertCode(wrong, 2)
  assert.match(wrong.stderr, /SNAPSHOT_STORAGE_URL_INVALID/)
  const inFile = `${pathToFileURL(join(second.folder, 'count.ts')).href}/folder`
  const unwritable = await second.ask('deploy', keptIn(second, inFile))
  assertCode(unwritable, 4)
  assert.match(unwritable.stderr, /SNAPSHOT_STORAGE_UNWRITABLE/)
})

/** What the named snapshot has of each key, in the order of the keys. */
async function countsIn(client: ApiClient, storage: string, name: string): Promise<[unknown, unknown][]> {
  const state = await SnapshotState.open(storage, 'tally', await client.snapshot('tally', name))
  try {
    const counts = await state.of('count', 'value')
    return [...counts]
      .map(([n, [seen]]): [unknown, unknown] => [n, seen])
      .toSorted(([a], [b]) => Number(a) - Number(b))
  } finally {
    await state.close()
  }
}

/** Of so many numbers, by a plain loop. */
const countsOf = (count: number): [number, number][] => Array.from({ length: count }, (_, n) => [n, 1])

test('a store that is restored from an export goes on from what that knows, with greater numbers', async (t) => {
  const shared = pathToFileURL(join(project(t, {}), 'snapshots')).href
  const before = await place(t, { snapshots: shared })
  assertCode(await before.ask('deploy', 'tally.yaml', '--wait'), 0)
  await eventually('a snapshot', async () => (await before.client.snapshots('tally')).snapshots.length > 0)
  const backup = join(before.folder, 'backup.jsonl')
  const store = ['--store', `lmdb:${join(before.folder, 'store')}`]
  assertCode(await before.ask('snapshot', 'create', 'tally', '--name', 'known', '--wait'), 0)
  assertCode(await before.ask('store', 'export', backup, ...store), 0)
  const known = await before.client.snapshot('tally', 'known')
  const knownCounts = await countsIn(before.client, shared, 'known')
  assert.deepEqual(knownCounts, countsOf(knownCounts.length))
  await eventually('it goes on', async () => {
    const [newest] = (await before.client.snapshots('tally')).snapshots
    return newest!.id > known.id + 5
  })
  await before.close()

  const restored = project(t, files)
  const url = `lmdb:${join(restored, 'store')}`
  assertCode(await vertigo(t, ['store', 'import', backup, '--store', url], { cwd: restored }), 0)
  const after = await place(t, { snapshots: shared, store: url })
  await eventually('it goes on from a snapshot', async () =>
    (await after.client.events()).some(({ text }) => /planned generation .*from snapshot \d+/.test(text)),
  )
  await eventually('it runs again', async () => (await after.client.status('tally')).state === 'running')
  await eventually('it counts on', async () => {
    const { instances } = await after.client.countedStatus('tally')
    return (instances.find(({ component }) => component === 'count')?.counters?.received ?? 0) > 20
  })
  const made = await after.ask('snapshot', 'create', 'tally', '--name', 'new', '--wait')
  assertCode(made, 0)
  const taken = await after.client.snapshot('tally', 'new')
  assert.ok(taken.incarnation > known.incarnation, `${taken.incarnation} is later than ${known.incarnation}`)
  // What came after the export is read again: no number is missing, and none is counted twice.
  const counts = await countsIn(after.client, shared, 'new')
  assert.ok(counts.length > knownCounts.length, `${counts.length} are more than ${knownCounts.length}`)
  assert.deepEqual(counts, countsOf(counts.length))
  await after.close()

  // The old one, should it come again, does nothing to what is the new one's.
  const zombie = await place(t, { snapshots: shared, store: `lmdb:${join(before.folder, 'store')}` })
  await eventually('it is told', async () => {
    const { snapshots } = await zombie.client.status('tally')
    return snapshots?.failing?.code === 'SNAPSHOT_STORAGE_TAKEN'
  })
})
