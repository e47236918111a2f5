import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { kindFacts, type ListedSnapshot } from '../../../../src/cluster/client/index.ts'
import { StateReader } from '../../../../src/cluster/node/state-reader.ts'
import { asGeneration, asVersion, type VersionRecord } from '../../../../src/cluster/protocol/index.ts'
import { kindDefinition } from '../../../../src/component/kind.ts'
import { defineComponent, list, map, port, value } from '../../../../src/component/index.ts'
import { putManifest } from '../../../../src/snapshot/stored-manifest.ts'
import { type Message, Stage } from '../../worker/snapshots/stage.ts'

/** State of keys, read out of real files of a snapshot. */

const kind = defineComponent({
  inputs: { in: port<Message>() },
  state: { sum: value(0), at: map<string, unknown>(), all: list<number>({ ttlMs: 3_600_000 }) },
  stateVersion: 3,
  on: {
    in({ n }, { state }) {
      state.sum.update((sum) => sum + n)
      state.at.set(`n${n % 2}`, { big: 7n, when: new Date(0), bytes: new Uint8Array([1, 2]) })
      state.all.push(n)
    },
  },
})
const pass = defineComponent({ inputs: { in: port<Message>() }, on: { in: () => undefined } })
const messages = Array.from({ length: 30 }, (_, n): Message => ({
  key: n % 3 === 0 ? 'the' : `k${n % 3}`,
  n,
}))

async function read(t: TestContext) {
  const stage = new Stage()
  const running = await stage.begin({ kind, instances: 3, messages })
  t.after(() => running.close())
  const manifest = await running.take()
  const record: ListedSnapshot = {
    id: manifest.id,
    incarnation: 1,
    generation: asGeneration(manifest.generation),
    version: asVersion(4),
    predecessor: null,
    manifest: await putManifest(stage.storage, manifest),
    committedAtMs: systemClock.now() - 5_000,
    tookMs: 1,
    bytes: 1,
    finished: [],
    hasChannelState: false,
    isLast: false,
    names: ['monday'],
    isCurrent: true,
  }
  const base = 'file:///net.yaml'
  const version: VersionRecord = {
    version: asVersion(4),
    flat: {
      name: 'net',
      components: { it: { kind: 'it', base }, other: { kind: 'pass', base } },
      connections: [],
    },
    kinds: { it: kindFacts(kindDefinition(kind)), other: kindFacts(kindDefinition(pass)) },
    createdAtMs: 0,
    by: 'test',
    change: '',
  }
  const all: ListedSnapshot[] = [record]
  const snapshots = {
    list: async () => ({ snapshots: all, aborted: undefined }),
    show: async (_: string, name: string) => {
      assert.equal(name, 'monday')
      return record
    },
  } as never
  let opened = 0
  const reader = new StateReader({
    management: { snapshots, version: async () => version },
    clock: systemClock,
    defaultAddress: 'memory',
    openStorage: async () => {
      opened++
      return {
        ...stage.storage,
        get: stage.storage.get.bind(stage.storage),
        close: async () => void opened--,
      }
    },
  })
  return { reader, stage, all, opened: () => opened, manifest }
}

test('gives the state of a key with its snapshot and its age, as JSON', async (t) => {
  const { reader, opened, manifest } = await read(t)
  const found = await reader.get('net', { component: 'it', key: 'the' })
  const thirds = messages.filter(({ key }) => key === 'the').map(({ n }) => n)
  const plain = { big: '7n', when: '1970-01-01T00:00:00.000Z', bytes: 'AQI=' }
  assert.deepEqual(found.states, {
    sum: thirds.reduce((sum, n) => sum + n, 0),
    at: [
      ['n0', plain],
      ['n1', plain],
    ],
    all: thirds,
  })
  assert.deepEqual([found.key, found.stateVersion, found.snapshot.id], ['the', 3, manifest.id])
  assert.ok(found.snapshot.ageMs >= 5_000 && found.changedMs!['all']! > 0)
  const owner = manifest.instances.find(
    ({ component, instance }) => component === 'it' && instance === found.instance,
  )!
  assert.ok(owner.keyGroups !== null)
  assert.deepEqual((await reader.get('net', { component: 'it', key: 'k1', snapshot: 'monday' })).key, 'k1')
  assert.equal(JSON.stringify(found), JSON.stringify(JSON.parse(JSON.stringify(found))), 'it is JSON')
  assert.equal(opened(), 0, 'storages are closed')
})

test('says what is unknown, what has no keys, and what is damaged', async (t) => {
  const { reader, stage, all, opened } = await read(t)
  const refused = (component: string, key: unknown, code: string, message: RegExp): Promise<void> =>
    assert.rejects(reader.get('net', { component, key }), { code, message })
  await refused('it', 7, 'STATE_KEY_UNKNOWN', /Snapshot \d+ has nothing for the key 7 in the state of it/)
  await refused('ti', 'the', 'COMPONENT_UNKNOWN', /no component "ti".*Did you mean "it"/s)
  await refused('other', 'the', 'STATE_NOT_KEYED', /other of "net" has no keyed state/)
  for (const [name, bytes] of stage.backend.objects)
    if (!name.endsWith('manifest'))
      stage.backend.objects.set(
        name,
        bytes.map((byte, at) => (at === bytes.length - 40 ? byte ^ 1 : byte)),
      )
  await refused('it', 'the', 'SNAPSHOT_FILE_DAMAGED', /damaged/)
  assert.equal(opened(), 0)
  all.length = 0
  await refused('it', 'the', 'SNAPSHOT_UNKNOWN', /no snapshot yet/)
})
