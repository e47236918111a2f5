import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { VertigoError } from '../../../../src/base/errors.ts'
import { systemRandom } from '../../../../src/base/random.ts'
import { type Deployment, Management } from '../../../../src/cluster/client/index.ts'
import {
  asGeneration,
  asInstanceId,
  asNodeId,
  asTerm,
  asVersion,
  asWorkerNumber,
  outcomeRecord,
  type Plan,
  planRecord,
  versionRecord,
} from '../../../../src/cluster/protocol/index.ts'
import type { FlatNetwork } from '../../../../src/model/flatten.ts'
import { put } from '../../../../src/store/operations.ts'
import type { Store } from '../../../../src/store/store.ts'
import { facts, management, network, rejectsWithCode, sink } from './support.ts'

const by = 'test'

/** Each sink with so many copies. */
function copied({ part, kinds }: Deployment, instances: number): Deployment {
  const components = Object.fromEntries(
    Object.entries(part.components).map(([name, one]) => [
      name,
      name === 'numbers' ? one : { ...one, instances },
    ]),
  )
  return { part: { ...part, components }, kinds }
}

test('MA-1 a deployment makes version 1, which is wanted; the same again changes nothing', async () => {
  const { client } = management()
  assert.equal(await client.deploy(network(['a']), { by }), 1)
  assert.equal(await client.deploy(network(['a']), { by }), 1)
  const desired = await client.desired('net')
  assert.deepEqual([desired.version, desired.goal], [1, 'run'])
  assert.deepEqual(await client.list(), ['net'])
  const status = await client.status('net')
  assert.deepEqual([status.state, status.version, status.generation], ['deploying', 1, 0])
})

test('a deployment is merged into what is there, or replaces it', async () => {
  const { client } = management()
  await client.deploy(network(['a']), { by })
  assert.equal(await client.deploy(network(['b']), { by }), 2)
  assert.deepEqual(Object.keys((await client.version('net', asVersion(2))).flat.components).toSorted(), [
    'a',
    'b',
    'numbers',
  ])
  assert.equal(await client.deploy(network(['b']), { by, mode: 'replace' }), 3)
  const third = await client.version('net', asVersion(3))
  assert.deepEqual(Object.keys(third.flat.components).toSorted(), ['b', 'numbers'])
  assert.deepEqual(Object.keys(third.kinds).toSorted(), ['b', 'numbers'])
})

test('what a network keeps is written down with it, and a part that says nothing leaves it as it is', async () => {
  const { store, keys, client } = management()
  const kept = async (version: number): Promise<string | undefined> =>
    (await client.version('net', asVersion(version))).flat.guarantee
  await client.deploy(network(['a']), { by })
  assert.equal(await kept(1), 'exactly-once')
  await client.deploy(network(['a'], { guarantee: 'at-most-once' }), { by })
  assert.equal(await kept(2), 'at-most-once')
  await client.deploy(network(['b']), { by })
  await client.scale('net', 'b', 2, { by })
  assert.equal(await kept(4), 'at-most-once')
  await client.deploy(network(['b']), { by, mode: 'replace' })
  assert.equal(await kept(5), 'exactly-once')

  // As earlier versions wrote it, in which at-most-once was the default: it goes on as it is, until somebody says something else.
  const { guarantee: _, ...flat } = (await client.version('net', asVersion(5))).flat
  const old = versionRecord.encode({ ...(await client.version('net', asVersion(5))), flat })
  await store.transact({ then: [put(keys.network('net').version(asVersion(5)), old)] })
  assert.equal(await kept(5), 'at-most-once')
  assert.equal(await client.deploy(network(['b']), { by }), 5)
  await client.deploy(network(['c']), { by })
  assert.equal(await kept(6), 'at-most-once')
  await client.deploy(network(['c'], { guarantee: 'exactly-once' }), { by })
  assert.equal(await kept(7), 'exactly-once')
})

test('MA-3 what would come of a change has to have a place for its snapshots, before anything is written', async () => {
  const { store, client } = management()
  const asked: (string | undefined)[] = []
  const place = async ({ guarantee }: FlatNetwork): Promise<void> => {
    asked.push(guarantee)
    if (guarantee === 'exactly-once') throw new VertigoError('SNAPSHOT_STORAGE_UNSET', 'no place')
  }
  await rejectsWithCode(client.deploy(network(['a']), { by, place }), 'SNAPSHOT_STORAGE_UNSET', /no place/)
  assert.deepEqual((await store.range('')).entries, [])
  await client.deploy(network(['a']), { by })
  await client.deploy(network(['a'], { guarantee: 'at-most-once' }), { by, place })
  await client.deploy(network(['b']), { by, place })
  assert.deepEqual(asked, ['exactly-once', 'at-most-once', 'at-most-once'])
  const before = await store.range('')
  await rejectsWithCode(
    client.rollback('net', asVersion(1), { by, place }),
    'SNAPSHOT_STORAGE_UNSET',
    /no place/,
  )
  assert.deepEqual(await store.range(''), before)
})

test('what a file names is added or replaced, also by another kind: that is merging, and no clash', async () => {
  const { client } = management()
  await client.deploy(network(['a', 'b']), { by })
  const base = 'file:///other.yaml'
  const swapped: Deployment = {
    part: { name: 'net', components: { a: { kind: 'file:///other.ts', base } }, connections: [] },
    kinds: { a: sink },
  }
  assert.equal(await client.deploy(swapped, { by }), 2)
  const { flat } = await client.version('net', asVersion(2))
  assert.equal(flat.components['a']!.kind, 'file:///other.ts')
  assert.equal(flat.connections.length, 2)
  // What takes a port away that the rest needs does not fit, and changes nothing.
  const unfit = { ...swapped, kinds: { a: facts('component', ['other'], []) } }
  const renamed = { ...unfit.part, components: { a: { kind: 'file:///third.ts', base } } }
  await rejectsWithCode(client.deploy({ ...unfit, part: renamed }, { by }), 'NETWORK_INVALID', /net/)
  assert.equal((await client.desired('net')).version, 2)
})

/** A single component by this kind, as a network of its own. */
function single(kind: string, name = 'net'): Deployment {
  const part: FlatNetwork = {
    name,
    components: { [name]: { kind, base: 'file:///' } },
    connections: [],
    exports: { inputs: { in: `${name}.in` } },
  }
  return { part, kinds: { [name]: sink }, alone: true }
}

test('NC-1 a single component is a network of its own, and goes into no other one', async () => {
  const { store, client } = management()
  await client.deploy(network(['a', 'b']), { by })
  const before = await store.range('')
  await rejectsWithCode(
    client.deploy(single('file:///math.ts#add'), { by }),
    'NAME_TAKEN',
    /"net", which is a network with the components numbers, a, b\./,
  )
  assert.deepEqual(await store.range(''), before)
  assert.equal(await client.deploy(single('file:///math.ts#add'), { by, mode: 'replace' }), 2)
  assert.deepEqual(Object.keys((await client.version('net', asVersion(2))).flat.components).toSorted(), [
    'client-input:in',
    'net',
  ])
  // Another state of it is a change; another component is not.
  assert.equal(await client.deploy(single('bundle:1/main.js#add'), { by }), 3)
  assert.equal(await client.deploy(single('bundle:2/main.js#add'), { by }), 4)
  assert.equal(await client.deploy(single('file:///math.ts#add'), { by }), 5)
  for (const kind of ['bundle:3/main.js#sum', 'file:///other/math.ts#add', 'log'])
    await rejectsWithCode(client.deploy(single(kind), { by }), 'NAME_TAKEN', /component file:.*math\.ts#add/)
  // Of one that has ended the name is free.
  await client.undeploy('net')
  assert.equal(await client.deploy(single('log'), { by }), 6)
})

test('NC-2 a part does not take over an export of what it does not name', async () => {
  const { store, client } = management()
  await client.deploy(network(['a', 'b'], { exports: { inputs: { in: 'a.in' } } }), { by })
  const before = await store.range('')
  const other = network(['c'], { exports: { inputs: { in: 'c.in' } } })
  await rejectsWithCode(
    client.deploy(other, { by }),
    'NAME_TAKEN',
    /exports c\.in as input "in"; .*that is a\.in/,
  )
  assert.deepEqual(await store.range(''), before)
  // Who names both knows what is there.
  assert.equal(await client.deploy(network(['a', 'c'], { exports: { inputs: { in: 'c.in' } } }), { by }), 2)
  assert.equal(
    await client.deploy(network(['d'], { exports: { inputs: { in: 'd.in' } } }), { by, mode: 'replace' }),
    3,
  )
})

test('a part is taken out with its connections', async () => {
  const { client } = management()
  await client.deploy(network(['a', 'b']), { by })
  const { part } = network(['b'])
  const { numbers: _, ...components } = part.components
  assert.equal(await client.undeployPart({ ...part, components, connections: [] }, { by }), 2)
  const { flat } = await client.version('net', asVersion(2))
  assert.deepEqual(Object.keys(flat.components).toSorted(), ['a', 'numbers'])
  assert.deepEqual(
    flat.connections.map(({ to }) => to),
    ['a.in'],
  )
})

test('MA-3 what does not fit is refused, and nothing is written', async () => {
  const { client } = management()
  await client.deploy(network(['a']), { by })
  const broken = network(['b'])
  const wrong = {
    ...broken,
    part: { ...broken.part, connections: [{ from: 'numbers.out', to: 'b.nowhere', base: 'file:///n' }] },
  }
  await rejectsWithCode(client.deploy(wrong, { by }), 'NETWORK_INVALID', /network "net" has one fault/)
  await rejectsWithCode(client.scale('net', 'a', 0, { by }), 'USAGE', /0 instances/)
  const many = Array.from({ length: 5 }, (_, at) => `many-${at}`)
  await rejectsWithCode(
    client.deploy(copied(network(many), 1_000), { by }),
    'NETWORK_TOO_LARGE',
    /5002 instances/,
  )
  await rejectsWithCode(client.scale('net', 'aa', 2, { by }), 'COMPONENT_UNKNOWN', /Did you mean "?a/)
  await rejectsWithCode(client.status('nett'), 'NETWORK_UNKNOWN', /Did you mean "?net/)
  await rejectsWithCode(client.rollback('net', asVersion(7), { by }), 'VERSION_UNKNOWN', /its newest is 1/)
  await rejectsWithCode(client.undeploy('other'), 'NETWORK_UNKNOWN', /other/)
  await rejectsWithCode(client.forget('net'), 'NETWORK_RUNS', /deploying/)
  assert.equal((await client.desired('net')).version, 1)
  assert.equal((await client.versions('net')).length, 1)
})

test('MA-2 changes of many at once are all made, one after the other', async () => {
  const { store, keys } = management()
  const clients = Array.from(
    { length: 8 },
    () => new Management(store, keys, { clock: systemClock, random: systemRandom }),
  )
  const names = clients.map((_, i) => `sink-${i}`)
  await Promise.all(clients.map((client, i) => client.deploy(network([names[i]!]), { by: names[i]! })))
  const versions = await clients[0]!.versions('net')
  assert.deepEqual(
    versions.map(({ version }) => Number(version)),
    [8, 7, 6, 5, 4, 3, 2, 1],
  )
  assert.deepEqual(Object.keys(versions[0]!.flat.components).toSorted(), ['numbers', ...names].toSorted())
  assert.deepEqual(versions.map(({ by }) => by).toSorted(), names)
})

test('a change for a version that is not the current one is refused', async () => {
  const { client } = management()
  await client.deploy(network(['a']), { by, expected: 0 })
  const again = client.deploy(network(['b']), { by, expected: 0 })
  await rejectsWithCode(again, 'CLUSTER_CHANGE_CONFLICT', /it is 1/)
  assert.equal(await client.deploy(network(['b']), { by, expected: 1 }), 2)
})

test('scaling and rolling back make new versions', async () => {
  const { client } = management()
  await client.deploy(network(['a']), { by })
  assert.equal(await client.scale('net', 'a', 3, { by }), 2)
  assert.equal(await client.scale('net', 'a', 3, { by }), 2)
  assert.equal((await client.version('net', asVersion(2))).flat.components.a?.instances, 3)
  assert.equal(await client.rollback('net', asVersion(1), { by }), 3)
  assert.equal((await client.version('net', asVersion(3))).flat.components.a?.instances, undefined)
  assert.match((await client.version('net', asVersion(3))).change, /version 1/)
})

test('an undeployed network is stopping, and can be deployed again', async () => {
  const { client } = management()
  await client.deploy(network(['a']), { by })
  await client.undeploy('net')
  await client.undeploy('net')
  assert.equal((await client.status('net')).state, 'stopping')
  // What is deployed then is the whole: nothing is left to merge into.
  assert.equal(await client.deploy(network(['b']), { by }), 2)
  const { flat } = await client.version('net', asVersion(2))
  assert.deepEqual(Object.keys(flat.components).toSorted(), ['b', 'numbers'])
  // Whatever has come of the stop by then, version 2 begins afresh; that stays so.
  const { goal, begunWith } = await client.desired('net')
  assert.deepEqual([goal, begunWith], ['run', 2])
  await client.deploy(network(['c']), { by })
  assert.equal((await client.desired('net')).begunWith, 2)
  await client.undeploy('net')
  assert.equal((await client.desired('net')).begunWith, 2)
  await client.deploy(network(['c']), { by })
  assert.equal((await client.desired('net')).begunWith, 4)
})

test('a network that is deployed again while it is forgotten is not touched', async () => {
  for (let reads = 1; reads <= 4; reads++) {
    const { store, keys, client } = management()
    const version = await client.deploy(network(['a']), { by })
    const net = keys.network('net')
    const outcome = { version, generation: asGeneration(0), state: 'failed', atMs: 0 } as const
    await store.transact({ then: [put(net.outcome, outcomeRecord.encode(outcome))] })
    let left = reads
    const before = async (): Promise<void> => {
      if (--left === 0) assert.equal(await client.deploy(network(['b']), { by }), 2)
    }
    const late = Object.assign(Object.create(store) as Store, {
      get: async (...given: Parameters<Store['get']>) => {
        await before()
        return store.get(...given)
      },
      transact: async (...given: Parameters<Store['transact']>) => {
        await before()
        return store.transact(...given)
      },
    })
    const forgetful = new Management(late, keys, { clock: systemClock, random: systemRandom })
    if (reads <= 3) await rejectsWithCode(forgetful.forget('net'), 'NETWORK_RUNS', /net/)
    else await forgetful.forget('net')
    assert.deepEqual(await client.list(), reads <= 3 ? ['net'] : [], `a change before access ${reads}`)
  }
})

test('the same again tries what is held back; another change does not', async () => {
  const { store, keys, client } = management()
  await client.deploy(network(['a']), { by })
  const plan: Plan = {
    network: 'net',
    generation: asGeneration(3),
    parent: asGeneration(2),
    term: asTerm(1),
    version: asVersion(1),
    workers: [],
    instances: [],
    connections: {},
    waiting: [{ component: 'a', index: 0, reason: 'It is held back.' }],
    done: [],
    failures: [],
    deaths: [{ component: 'a', count: 2, lastAtMs: 0, nodes: [asNodeId('n1'), asNodeId('n2')] }],
    nextWorker: asWorkerNumber(1),
    nextInstance: asInstanceId(1),
    nextConnection: 1,
  }
  await store.transact({ then: [put(keys.network('net').plan, planRecord.encode(plan))] })
  const { failures } = await client.status('net')
  assert.deepEqual(
    failures.map(({ component, count, error }) => [component, count, error.code]),
    [['a', 2, 'NODES_DIED']],
  )
  assert.equal(await client.deploy(network(['a', 'b']), { by }), 2)
  assert.equal((await client.desired('net')).anew, undefined)
  assert.equal(await client.deploy(network(['a']), { by }), 3)
  assert.equal((await client.desired('net')).anew, true)
  assert.equal(await client.rollback('net', asVersion(3), { by }), 4)
  assert.equal((await client.desired('net')).anew, true)
})
