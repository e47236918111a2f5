import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Deployment } from '../../src/cluster/client/index.ts'
import { deployment } from './networks.ts'
import { runSeed } from './run-seed.ts'
import { remove } from '../../src/store/operations.ts'
import { missing } from '../../src/testkit/cluster/goal.ts'
import { World } from './world.ts'

function worldOf(groups: Readonly<Record<string, string>>): World {
  const nodes = Object.entries(groups).map(([id, group]) => ({ id, groups: [group], workers: 1 }))
  return new World({ seed: 1, nodes, ttlMs: 1_000, isOneMachine: true })
}

/** A cluster that carries one network, at a moment when all is well. */
async function running(wanted: Deployment, groups: Readonly<Record<string, string>>) {
  const world = worldOf(groups)
  const { cluster } = world
  for (const node of cluster.nodes.values()) node.start()
  const { management } = cluster.client()
  const deploy = (next: Deployment) =>
    cluster.settle(management.deploy(next, { by: 'test', mode: 'replace' }))
  const whenWell = () =>
    cluster.until(() => missing(world, 'net') === undefined, {
      msMax: 10_000,
      what: () => missing(world, 'net') ?? 'nothing',
    })
  await deploy(wanted)
  await whenWell()
  await cluster.until(() => world.ledger.handled > 20, { msMax: 10_000, what: () => 'messages flow' })
  return { world, cluster, deploy, whenWell }
}

/** `expected`: what the scenario does on purpose. */
async function settled(world: World, expected?: RegExp): Promise<void> {
  world.isQuiet = true
  await world.cluster.pass(2_000)
  world.ledger.settle(() => true)
  assert.deepEqual(
    world.ledger.violations.filter((one) => expected?.test(one) !== true),
    [],
  )
}

/** A source on node a, a sink on node b. */
function pair(step: number): Deployment {
  return deployment(
    'net',
    {
      source: { kind: 'source', group: 'left', config: { step } },
      sink: { kind: 'sink', group: 'right' },
    },
    [{ from: 'source.out', to: 'sink.in' }],
  )
}

const sides = { a: 'left', b: 'right' } as const

/** The same, and beside the sink what cannot be set up. */
function withBad(step: number): Deployment {
  return deployment(
    'net',
    {
      source: { kind: 'source', group: 'left' },
      sink: { kind: 'sink', group: 'right', config: { step } },
      bad: { kind: 'sink', group: 'right' },
    },
    [
      { from: 'source.out', to: 'sink.in' },
      { from: 'source.out', to: 'bad.in' },
    ],
  )
}

test('a seed reproduces a run to the last step', async () => {
  const [first, second, other] = [await runSeed(7), await runSeed(7), await runSeed(8)]
  assert.deepEqual(second, first)
  assert.notEqual(other.hash, first.hash)
})

test('what a source has sent over a line that is cut arrives, although the source has made way meanwhile', async () => {
  const { world, cluster, deploy, whenWell } = await running(pair(1), sides)
  cluster.lines.cut('a', 'b')
  await cluster.pass(300)
  const before = world.ledger.handled
  await deploy(pair(2))
  await cluster.pass(1_000)
  cluster.lines.heal('a', 'b')
  await whenWell()
  await settled(world)
  assert.ok(world.ledger.handled > before)
})

test('a killed node is replaced, and nothing else is touched', async () => {
  const wanted = deployment(
    'net',
    { source: { kind: 'source', group: 'left' }, sink: { kind: 'sink', group: 'right' } },
    [{ from: 'source.out', to: 'sink.in' }],
  )
  const { world, cluster, whenWell } = await running(wanted, { a: 'left', b: 'right', c: 'right' })
  const sink = [...world.ledger.lives.values()].find(({ component }) => component === 'sink')!
  const home = [...cluster.allWorkers].find(({ inForce }) =>
    inForce?.instances.some(({ component }) => component === 'sink'),
  )!.end.node
  cluster.nodes.get(home)!.kill()
  await cluster.until(() => sink.state === 'lost' && missing(world, 'net') === undefined, {
    msMax: 5_000,
    what: () => missing(world, 'net') ?? `the sink ${sink.state}`,
  })
  cluster.nodes.get(home)!.start()
  await whenWell()
  await settled(world)
  const lives = [...world.ledger.lives.values()]
  assert.deepEqual(lives.map(({ component, state }) => `${component} ${state}`).toSorted(), [
    'sink lives',
    'sink lost',
    'source lives',
  ])
})

test('what a frozen node sends on waking is not accepted', async () => {
  const { world, cluster, whenWell } = await running(pair(1), { a: 'left', b: 'right', c: 'left' })
  const worker = [...cluster.allWorkers].find(({ inForce }) =>
    inForce?.instances.some(({ component }) => component === 'source'),
  )!
  const node = cluster.nodes.get(worker.end.node)!
  node.pause()
  await cluster.until(() => world.checks.plans.length > 1, { msMax: 5_000, what: () => 'another plan' })
  await whenWell().catch(() => undefined)
  node.resume()
  await whenWell()
  await settled(world)
  const [before] = world.ledger.lives.values()
  assert.equal([...world.ledger.lives.values()].filter(({ component }) => component === 'source').length, 2)
  assert.ok(before !== undefined)
})

test('PL-6: a network whose plan was deleted goes on under numbers of its own, also while a node of before is frozen', async () => {
  const { world, cluster, whenWell } = await running(pair(1), { a: 'left', b: 'right', c: 'left' })
  const frozen = [...cluster.allWorkers].find(({ inForce }) =>
    inForce?.instances.some(({ component }) => component === 'source'),
  )!.end.node
  cluster.nodes.get(frozen)!.pause()
  const { plans } = world.checks
  const planned = plans.length
  const { line } = cluster.client()
  await cluster.settle(line.transact({ then: [remove(cluster.keys.network('net').plan)] }))
  await cluster.until(() => plans.length > planned, { msMax: 5_000, what: () => 'another plan' })
  await cluster.pass(2_000)
  cluster.nodes.get(frozen)!.resume()
  await whenWell()
  const before = world.ledger.handled
  await cluster.until(() => world.ledger.handled > before + 20, {
    msMax: 5_000,
    what: () => 'messages flow again',
  })
  // Without a plan nothing is to run, so what did is ended; nothing else is out of order.
  await settled(world, /^at \S+ WD-4 \S+ \(cut off: its worker was closed\) was cut off$/)
  const generations = plans.map(({ generation }) => generation)
  assert.deepEqual(
    generations,
    generations.map((_, at) => at + 1),
  )
})

test('a change that cannot be set up leaves what runs as it was', async () => {
  const { world, cluster, deploy, whenWell } = await running(pair(1), sides)
  world.unsetupable.add('net/source')
  await deploy(pair(2))
  await cluster.until(() => world.checks.view.networks.get('net')?.outcome?.value.state === 'refused', {
    msMax: 5_000,
    what: () => 'the change is refused',
  })
  await whenWell()
  world.unsetupable.clear()
  await settled(world)
  const worked = [...world.ledger.lives.values()].filter(
    ({ handled, emissions }) => handled + emissions.length > 0,
  )
  assert.deepEqual(worked.map(({ component, state }) => `${component} ${state}`).toSorted(), [
    'sink lives',
    'source lives',
  ])
})

test('a node that is late sets up again what an older plan has, and closes it for the newest', async () => {
  const world = worldOf(sides)
  const { cluster } = world
  const { management } = cluster.client()
  const [left, late] = [cluster.nodes.get('a')!, cluster.nodes.get('b')!]
  const deploy = (step: number) =>
    cluster.settle(management.deploy(withBad(step), { by: 'test', mode: 'replace' }))
  const until = (what: string, condition: () => boolean) =>
    cluster.until(condition, { msMax: 5_000, what: () => what, everyMs: 1 })
  left.start()
  await until('a manages', () => left.process?.isManager === true)
  late.start()
  await until('b is there', () => late.process?.agent !== undefined)
  world.unsetupable.add('net/bad')
  // It has told that it could not prepare the first plan, and closed what it had set up; of the second one it hears later.
  const stop = cluster.steps.watch(({ who, name, moment }) => {
    if (who !== 'b' || name !== 'ready' || moment !== 'done') return
    stop()
    late.pause()
  })
  const { plans } = world.checks
  const sinkOf = (at: number) => plans[at]?.instances.find(({ component }) => component === 'sink')?.id
  await deploy(1)
  await until('a second plan', () => plans.length > 1)
  await deploy(2)
  await until('a plan with another sink', () => sinkOf(plans.length - 1) !== sinkOf(0))
  assert.equal(sinkOf(1), sinkOf(0))
  late.resume()
  await cluster.pass(100)
  world.unsetupable.clear()
  await until('all is well', () => missing(world, 'net') === undefined)
  await settled(world)
})

test('a node whose clock has jumped tells that it is ready as soon as its lease is out of doubt', async () => {
  const { world, cluster, deploy, whenWell } = await running(pair(1), sides)
  const { machine } = cluster.nodes.get('b')!
  for (const step of [2, 3, 4]) {
    machine.wallOffsetMs += 3_600_000
    await deploy(pair(step))
    await whenWell()
  }
  await settled(world)
  assert.ok([...world.ledger.lives.values()].every(({ state }) => state !== 'lost'))
})

test('whose clock jumps loses no lease', async () => {
  const { world, cluster, whenWell } = await running(pair(1), sides)
  const incarnations = () =>
    [...cluster.nodes.values()].map(({ process }) => process?.membership?.record.incarnation)
  const before = incarnations()
  for (let i = 0; i < 100; i++) {
    for (const { machine } of cluster.nodes.values())
      machine.wallOffsetMs = world.random.int(7_200_000) - 3_600_000
    await cluster.pass(1 + world.random.int(100))
  }
  await whenWell()
  assert.deepEqual(incarnations(), before)
  await settled(world)
})
