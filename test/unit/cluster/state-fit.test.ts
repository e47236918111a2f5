import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCodes } from '../../../src/base/error-codes.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { systemRandom } from '../../../src/base/random.ts'
import { type Deployment, kindFacts, Management } from '../../../src/cluster/client/index.ts'
import { decide, defaultRestartPolicy } from '../../../src/cluster/control/index.ts'
import {
  asGeneration,
  asTerm,
  asVersion,
  ClusterKeys,
  snapshotRecord,
  type SnapshotRecord,
  unfitState,
} from '../../../src/cluster/protocol/index.ts'
import { defineComponent, defineSource, type Kind, list, port, value } from '../../../src/component/index.ts'
import { kindDefinition } from '../../../src/component/kind.ts'
import { storeOver } from '../../../src/store/checked-store.ts'
import { MemoryBackend } from '../../../src/store/memory/memory-backend.ts'
import { put } from '../../../src/store/operations.ts'
import type { Store } from '../../../src/store/store.ts'
import { ManagedWorld } from '../../scenario/support/managed-world.ts'

/** What state has to say about changes of networks: whoever deploys is told, and the manager refuses it. */

const inputs = { in: port<string>() }
const source = defineSource({ outputs: { out: port<string>() }, rewinds: true, read: () => [] })
const on = { in: () => undefined }
const kinds = {
  first: defineComponent({ inputs, state: { count: value(0) }, on }),
  second: defineComponent({
    inputs,
    state: { total: value(0) },
    stateVersion: 2,
    migrate: { 2: { up: ({ count }) => ({ total: count }), down: ({ total }) => ({ count: total }) } },
    on,
  }),
  oneWay: defineComponent({
    inputs,
    state: { total: value(0) },
    stateVersion: 2,
    migrate: { 2: { up: (state) => state } },
    on,
  }),
  renamed: defineComponent({ inputs, state: { counted: value(0) }, on }),
  none: defineComponent({ inputs, on }),
  fixed: defineComponent({ inputs, state: { own: list<string>({ scope: 'instance' }) }, on }),
  parted: defineComponent({
    inputs,
    state: { own: list<string>({ scope: 'instance', onRescale: 'split' }) },
    on,
  }),
}

function deployment(kind: keyof typeof kinds, instances = 1): Deployment {
  const base = 'file:///net.yaml'
  const facts = (of: Kind) => kindFacts(kindDefinition(of))
  return {
    part: {
      name: 'net',
      guarantee: 'exactly-once',
      components: { from: { kind: 'source', base }, it: { kind, base, instances } },
      connections: [{ from: 'from.out', to: 'it.in', base, selector: 'hash' }],
    },
    kinds: { from: facts(source), it: facts(kinds[kind]) },
  }
}

const keys = new ClusterKeys('c')
const network = keys.network('net')
const snapshot = (version: number, more: Partial<SnapshotRecord> = {}): SnapshotRecord => ({
  id: 3,
  incarnation: 7,
  generation: asGeneration(2),
  version: asVersion(version),
  predecessor: null,
  committedAtMs: 0,
  tookMs: 1,
  bytes: 1,
  manifest: { name: 'net/7/3/manifest', bytes: 1, checksum: 1 },
  finished: [],
  hasChannelState: false,
  isLast: false,
  names: [],
  ...more,
})

/** A network with a snapshot of its version 1. */
async function managed(kind: keyof typeof kinds, instances = 1) {
  const store = storeOver(new MemoryBackend({ clock: systemClock }), systemClock)
  const management = new Management(store, keys, { clock: systemClock, random: systemRandom })
  await management.deploy(deployment(kind, instances), { by: 'me' })
  const record = snapshotRecord.encode(snapshot(1))
  await store.transact({
    then: [put(network.snapshots.committed, record), put(network.snapshots.keptAt(7, 3), record)],
  })
  return { store, management }
}

test('a deployment whose state cannot be read is refused before anything is written, and says the ways out', async () => {
  const { management } = await managed('first')
  const refused = async (kind: keyof typeof kinds, code: string, message: RegExp): Promise<void> => {
    await assert.rejects(management.deploy(deployment(kind), { by: 'me', mode: 'replace' }), (error) => {
      const { code: is, message: text, remedy } = error as { code: string; message: string; remedy: string }
      assert.deepEqual([is, message.test(text)], [code, true], text)
      assert.match(remedy, /--discard-state it/)
      return true
    })
    assert.equal((await management.desired('net')).version, 1)
  }
  await refused('renamed', 'STATE_CHANGED', /"count" \(keyed\) in the state of it is not declared any more/)
  await refused('none', 'STATE_CHANGED', /not declared any more/)
  await management.deploy(deployment('second'), { by: 'me', mode: 'replace' })
})

test('going back is allowed where the newer code knows the way, and only there', async () => {
  for (const [kind, isAllowed] of [
    ['second', true],
    ['oneWay', false],
  ] as const) {
    const { store, management } = await managed('first')
    await management.deploy(deployment(kind), { by: 'me', mode: 'replace' })
    await store.transact({ then: [put(network.snapshots.committed, snapshotRecord.encode(snapshot(2)))] })
    const back = management.rollback('net', asVersion(1), { by: 'me' })
    if (isAllowed) assert.equal(await back, 3)
    else await assert.rejects(back, { code: 'STATE_VERSION_UNKNOWN', message: /version 2 has no `down`/ })
  }
})

test('the last snapshot is read for networks that go on from one, and for no others', async () => {
  for (const guarantee of ['exactly-once', 'at-most-once'] as const) {
    const store = storeOver(new MemoryBackend({ clock: systemClock }), systemClock)
    const read: string[] = []
    const range: Store['range'] = (prefix, options) => {
      read.push(prefix)
      return store.range(prefix, options)
    }
    const watched: Store = Object.assign(Object.create(store) as Store, { range })
    const management = new Management(watched, keys, { clock: systemClock, random: systemRandom })
    const { part, kinds: facts } = deployment('none')
    await management.deploy({ part: { ...part, guarantee }, kinds: facts }, { by: 'me' })
    assert.equal(read.includes(network.snapshots.committed), guarantee === 'exactly-once', guarantee)
  }
})

test('numbers of instances change as state of the instance says', async () => {
  const { management } = await managed('fixed', 2)
  await assert.rejects(management.scale('net', 'it', 3, { by: 'me' }), {
    code: 'SNAPSHOT_NOT_DIVISIBLE',
    message: /it has the state "own" of each instance, and cannot have 3 instances in place of 2/,
  })
  assert.equal(await management.scale('net', 'it', 3, { by: 'me', discardState: ['it'] }), 2)
  const parted = await managed('parted', 2)
  assert.equal(await parted.management.scale('net', 'it', 3, { by: 'me' }), 2)
})

test('discarded state is in the snapshot that is gone on from, with the version, in one transaction', async () => {
  const { store, management } = await managed('first')
  await assert.rejects(management.deploy(deployment('first'), { by: 'me', discardState: ['ti'] }), {
    code: 'COMPONENT_UNKNOWN',
    message: /Did you mean "it"/,
  })
  const version = await management.deploy(deployment('renamed'), {
    by: 'me',
    mode: 'replace',
    discardState: ['it'],
  })
  assert.equal(version, 2)
  const { entry } = await store.get(network.snapshots.committed)
  const { discards, generation, id } = snapshotRecord.decode(entry!)
  assert.deepEqual([discards, generation, id], [['it'], 0, 3])
  // The snapshot itself stays as it was.
  const { entry: kept } = await store.get(network.snapshots.keptAt(7, 3))
  assert.equal(snapshotRecord.decode(kept!).discards, undefined)
  const bare = new Management(storeOver(new MemoryBackend({ clock: systemClock }), systemClock), keys, {
    clock: systemClock,
    random: systemRandom,
  })
  await bare.deploy(deployment('first'), { by: 'me' })
  await assert.rejects(bare.deploy(deployment('first'), { by: 'me', discardState: ['it'] }), {
    code: 'SNAPSHOT_UNKNOWN',
  })
})

/** What the manager decides for a version that is wanted while `runs` is what the snapshot was taken of. */
function decided(wanted: Deployment, runs: Deployment, more: Partial<SnapshotRecord> = {}) {
  const record = (version: number, { part: flat, kinds: of }: Deployment) => ({
    version: asVersion(version),
    flat,
    kinds: of,
    createdAtMs: 0,
    by: 'me',
    change: '',
  })
  const world = new ManagedWorld()
  const facts = world.facts({ term: asTerm(1), restarts: defaultRestartPolicy })
  return decide({
    ...facts,
    desired: { version: asVersion(2), goal: 'run', changedAtMs: 0 },
    versions: new Map([record(1, runs), record(2, wanted)].map((one) => [one.version, one])),
    snapshots: { committed: snapshot(1, more), aborted: undefined },
  })
}

test('the manager refuses what cannot be gone on from, by state and by messages on their way (SNAPSHOT_UNFIT)', () => {
  const refusal = (decision: ReturnType<typeof decide>): unknown =>
    decision.type === 'outcome' ? [decision.outcome.state, decision.outcome.error?.code] : decision.type
  assert.deepEqual(refusal(decided(deployment('renamed'), deployment('first'))), ['refused', 'STATE_CHANGED'])
  assert.deepEqual(refusal(decided(deployment('oneWay'), deployment('second'))), 'plan')
  assert.deepEqual(refusal(decided(deployment('first'), deployment('oneWay'))), [
    'refused',
    'STATE_VERSION_UNKNOWN',
  ])
  assert.deepEqual(refusal(decided(deployment('fixed', 2), deployment('fixed', 1))), [
    'refused',
    'SNAPSHOT_NOT_DIVISIBLE',
  ])
  const onTheirWay = { hasChannelState: true }
  const unfit = decided(deployment('first', 2), deployment('first', 1), onTheirWay)
  assert.deepEqual(refusal(unfit), ['refused', 'SNAPSHOT_UNFIT'])
  assert.match(
    unfit.type === 'outcome' ? unfit.outcome.error!.message : '',
    /on their way to it, which is to have another number/,
  )
  for (const fits of [
    decided(deployment('first', 2), deployment('first', 1)),
    decided(deployment('first', 1), deployment('first', 1), onTheirWay),
    decided(deployment('first', 2), deployment('first', 1), { ...onTheirWay, discards: ['it'] }),
    decided(deployment('renamed'), deployment('first'), { discards: ['it'] }),
  ])
    assert.equal(fits.type, 'plan')
})

test('a component that is new, or whose records are of before, is no fault', () => {
  const before = deployment('first')
  const version = ({ part: flat, kinds: of }: Deployment) => ({ flat, kinds: of })
  assert.equal(unfitState(version(before), version(deployment('second'))), undefined)
  const { state: _, ...old } = before.kinds['it']!
  assert.equal(
    unfitState({ flat: before.part, kinds: { it: old } }, version(deployment('renamed'))),
    undefined,
  )
})

for (const code of ['SNAPSHOT_FILE_DAMAGED', 'SNAPSHOT_FILE_MISSING', 'STATE_MIGRATION_FAILED'] as const)
  test(`a last snapshot that cannot be read ends the network with its error, and the ways out: ${code}`, () => {
    const world = new ManagedWorld()
    world.commands['nodes']!(['n1'], [])
    const { part: flat, kinds: of } = deployment('first')
    const record = { version: asVersion(1), flat, kinds: of, createdAtMs: 0, by: 'me', change: '' }
    const facts = () => ({
      ...world.facts({ term: asTerm(1), restarts: defaultRestartPolicy }),
      desired: { version: asVersion(1), goal: 'run' as const, changedAtMs: 0 },
      versions: new Map([[record.version, record]]),
      snapshots: { committed: snapshot(1), aborted: undefined },
    })
    const planned = decide(facts())
    assert.ok(planned.type === 'plan' && planned.plan.restores?.id === 3)
    world.carryOut(planned)
    const failing = planned.plan.instances.find(({ component }) => component === 'it')!
    world.reportFailed(failing, { code, message: 'it cannot be read', remedy: errorCodes[code].remedy })
    const decision = decide(facts())
    assert.ok(decision.type === 'outcome', decision.type)
    assert.deepEqual([decision.outcome.state, decision.outcome.error?.code], ['failed', code])
    const ways = code.startsWith('STATE') ? /--discard-state/ : /--from-snapshot.*--discard-state/
    assert.match(decision.outcome.error!.remedy!, ways)
    world.carryOut(decision)
    const next = decide(facts())
    assert.ok(next.type === 'plan' && next.plan.instances.length === 0, 'nothing of it runs on')
  })
