import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nextPlan, type PlanningFacts } from '../../../../src/cluster/plan/index.ts'
import {
  asGeneration,
  asVersion,
  type InstanceId,
  type Plan,
  type SnapshotRecord,
  type WorkerNumber,
} from '../../../../src/cluster/protocol/index.ts'
import { check, slotOf, World } from './random-plans.ts'

/** PN-12: the plans of networks with snapshots. */

function snapshot(id: number, finished: SnapshotRecord['finished'] = []): SnapshotRecord {
  return {
    id,
    incarnation: 3,
    generation: asGeneration(1),
    version: asVersion(1),
    predecessor: null,
    committedAtMs: 0,
    tookMs: 1,
    bytes: 0,
    manifest: { name: `net/3/${id}/manifest`, bytes: 1, checksum: 1 },
    finished,
    hasChannelState: false,
    isLast: false,
    names: [],
  }
}

function worldWith(lines: readonly string[], recovery: PlanningFacts['recovery']): World {
  const world = new World()
  world.apply({ type: 'deploy', lines })
  for (const node of [0, 1]) world.apply({ type: 'join', node, isSpecial: false, workers: 2 })
  world.recovery = recovery
  return world
}

/** Plans, and takes the plan for what runs. */
function plan(world: World): Plan | undefined {
  const made = nextPlan(world.facts())
  if (made === undefined) return undefined
  world.plan = made
  world.failed = new Set()
  world.lost = new Set()
  return made
}

const placesOf = ({ instances, workers }: Plan): string[] =>
  instances
    .map((one) => `${slotOf(one)} ${workers.find(({ worker }) => worker === one.worker)!.node}`)
    .toSorted()

describe('plans of networks with snapshots', () => {
  it('PN-12 renew all instances in their places when one failed, and name the snapshot', () => {
    const world = worldWith(['a source', 'b x3', 'a -> b'], { from: undefined })
    const first = plan(world)!
    assert.equal(first.restores, undefined)
    world.failed.add(first.instances[1]!.id)
    world.recovery = { from: snapshot(7) }
    const next = plan(world)!
    const before = new Set(first.instances.map(({ id }) => id))
    assert.deepEqual(
      next.instances.filter(({ id }) => before.has(id)),
      [],
    )
    assert.deepEqual(next.restores, {
      id: 7,
      incarnation: 3,
      manifest: { name: 'net/3/7/manifest', bytes: 1, checksum: 1 },
      version: 1,
    })
    assert.deepEqual(placesOf(next), placesOf(first))
    assert.deepEqual(next.workers, first.workers)
    assert.equal(plan(world), undefined)
    world.recovery = { from: snapshot(8) }
    assert.equal(plan(world), undefined, 'a newer snapshot alone is no reason')
  })

  it('PN-12 say since when the copies are in their places, over several recoveries', () => {
    const world = worldWith(['a source', 'b x3', 'a -> b'], { from: undefined })
    const first = plan(world)!
    const sinceOf = ({ instances, generation }: Plan): string[] =>
      instances.map((one) => `${slotOf(one)} ${one.since === generation} ${one.hereSince}`).toSorted()
    assert.deepEqual(sinceOf(first).slice(0, 2), ['a[0] true undefined', 'b[0] true undefined'])
    for (let recoveries = 0; recoveries < 2; recoveries++) {
      // A copy that failed is a new one.
      world.failed.add(world.plan!.instances.find((one) => slotOf(one) === 'b[2]')!.id)
      assert.deepEqual(sinceOf(plan(world)!), [
        `a[0] true ${first.generation}`,
        `b[0] true ${first.generation}`,
        `b[1] true ${first.generation}`,
        'b[2] true undefined',
      ])
    }
  })

  it('PN-12 begin again what finished since the snapshot, and not what had finished by then', () => {
    const world = worldWith(['a source', 'c source', 'b', 'a -> b', 'c -> b'], { from: undefined })
    const first = plan(world)!
    const idOf = (component: string): InstanceId =>
      first.instances.find((one) => one.component === component)!.id
    world.finished.add(idOf('a'))
    world.finished.add(idOf('c'))
    world.recovery = { from: snapshot(7, [{ component: 'a', index: 0 }]) }
    assert.equal(plan(world), undefined, 'that something finishes is no reason either')
    world.failed.add(idOf('b'))
    const next = plan(world)!
    assert.deepEqual(next.instances.map(slotOf).toSorted(), ['b[0]', 'c[0]'])
    assert.deepEqual(next.done.map(slotOf), ['a[0]'])
    assert.equal(plan(world), undefined)
  })

  it('PN-12 take nobody for finished who has another share now', () => {
    const world = worldWith(['a source x2', 'b', 'a -> b'], { from: undefined })
    plan(world)
    world.recovery = { from: snapshot(7, [{ component: 'a', index: 0 }]) }
    world.apply({ type: 'deploy', lines: ['a source', 'b', 'a -> b'] })
    assert.deepEqual(plan(world)!.instances.map(slotOf).toSorted(), ['a[0]', 'b[0]'])
    // It is restored from what both had, whatever fails before there is a snapshot of it.
    world.failed.add(world.plan!.instances.find(({ component }) => component === 'b')!.id)
    const next = plan(world)!
    assert.deepEqual(next.instances.map(slotOf).toSorted(), ['a[0]', 'b[0]'])
    assert.deepEqual(next.done, [])
    world.apply({ type: 'deploy', lines: ['a source x2', 'b', 'a -> b'] })
    assert.deepEqual(plan(world)!.instances.map(slotOf).toSorted(), ['a[0]', 'a[1]', 'b[0]'])
  })

  it('PN-12 drain nothing when a node is to be left, or the network changes', () => {
    const world = worldWith(['a source', 'b x2', 'a -> b'], { from: undefined })
    plan(world)
    world.recovery = { from: snapshot(7) }
    world.apply({ type: 'drain', node: 0 })
    const moved = plan(world)!
    assert.ok(placesOf(moved).every((place) => place.endsWith('n1')))
    assert.ok(moved.instances.every(({ draining }) => !draining))
    world.apply({ type: 'deploy', lines: ['a source', 'b x4', 'a -> b'] })
    const changed = plan(world)!
    assert.equal(changed.instances.length, 5)
    assert.ok(changed.instances.every(({ draining, since }) => !draining && since === changed.generation))
  })

  it('PN-13 give a source whose state is discarded other journals, and keep these while the choice stands', () => {
    const lines = ['@exactly-once', 'a source', 'other source', 'b', 'a -> b', 'other -> b']
    const world = worldWith(lines, { from: undefined })
    const lives = ({ homes = [] }: Plan): string[] =>
      homes.map(({ component, life }) => `${component} ${life}`).toSorted()
    const first = plan(world)!
    assert.deepEqual(lives(first), ['a 1000', 'other 1000'])
    world.apply({ type: 'deploy', lines })
    const chosen = { ...snapshot(7), chosenFor: asVersion(2), discards: ['a'] }
    world.recovery = { from: chosen }
    assert.deepEqual(lives(plan(world)!), ['a 2000', 'other 1000'])
    // A failure before the first snapshot: what was acknowledged since is in the journal of now.
    world.failed.add(world.plan!.instances[0]!.id)
    assert.deepEqual(lives(plan(world)!), ['a 2000', 'other 1000'])
    world.apply({ type: 'deploy', lines })
    assert.deepEqual(lives(plan(world)!), ['a 2000', 'other 1000'])
    world.recovery = { from: snapshot(8) }
    world.failed.add(world.plan!.instances[0]!.id)
    assert.deepEqual(lives(plan(world)!), ['a 2000', 'other 1000'])
  })

  it('PN-13 let a source whose state is discarded go to another node than that of its journal', () => {
    const lines = ['@exactly-once', 'a source', 'b', 'a -> b']
    const world = worldWith(lines, { from: undefined })
    const home = plan(world)!.homes![0]!.node!
    world.apply({ type: 'join', node: 2, isSpecial: false, workers: 2 })
    world.apply({ type: 'lose', node: Number(home.slice(1)) })
    assert.equal(plan(world)!.waiting.length, 1, 'it waits for its node')
    world.apply({ type: 'deploy', lines })
    world.recovery = { from: { ...snapshot(7), chosenFor: asVersion(2), discards: ['a'] } }
    const next = plan(world)!
    assert.deepEqual([next.waiting, next.homes!.length], [[], 1])
    assert.notEqual(next.homes![0]!.node, home)
  })

  it('PN-12 holds on random nodes through losses and changes, and so does PN-1', () => {
    let id = 0
    check(
      (made, world) => {
        if (world.goal !== 'run') return
        const before = new Set(world.plan?.instances.map((one) => one.id))
        assert.deepEqual(
          made.instances.filter((one) => before.has(one.id) || one.draining || one.finished === true),
          [],
        )
        assert.equal(new Set(made.instances.map((one) => one.id)).size, made.instances.length)
        assert.ok(made.instances.every(({ since }) => since === made.generation))
        assert.equal(made.restores?.id, world.recovery?.from?.id)
        const used = new Set(made.instances.map(({ worker }) => worker))
        assert.deepEqual(new Set(made.workers.map(({ worker }) => worker)), used)
        const facts = {
          ...world.facts(),
          failed: new Set<InstanceId>(),
          lostWorkers: new Set<WorkerNumber>(),
        }
        assert.equal(nextPlan({ ...facts, current: made }), undefined, 'PN-1')
      },
      [],
      (world) => {
        const finished = world.plan?.instances.filter((one) => world.finished.has(one.id)) ?? []
        world.recovery = { from: snapshot(++id, [...finished, ...(world.plan?.done ?? [])]) }
      },
    )
  })
})
