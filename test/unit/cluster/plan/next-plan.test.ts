import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isConcerned, nextPlan } from '../../../../src/cluster/plan/index.ts'
import {
  asGeneration,
  type InstanceId,
  type Plan,
  type PlannedInstance,
  type WorkerNumber,
} from '../../../../src/cluster/protocol/index.ts'
import { check, slotOf, type Step, World } from './random-plans.ts'

/** A plan around a broken link that is bettered by planning on from it: then other instances give way than at first. */
const betteredTwice: readonly Step[] = [
  { type: 'deploy', lines: ['a x1'] },
  { type: 'join', node: 0, isSpecial: true, workers: 2 },
  { type: 'join', node: 1, isSpecial: false, workers: 2 },
  { type: 'join', node: 4, isSpecial: false, workers: 1 },
  { type: 'deploy', lines: ['d x2', 'a x3 spread', 'b x1', 'd -> a', 'b -> a'] },
  { type: 'cut', ends: [0, 4] },
]

/** What each number of a run has ever meant. */
interface Used {
  readonly instances: Map<number, string>
  readonly workers: Map<number, string>
  readonly connections: Map<number, string>
}

/** What the version says of a component's place, read in the test's own way. */
function allows(world: World, plan: Plan, instance: PlannedInstance): boolean {
  const { components } = world.versions.get(plan.version)!.flat
  const home = world.lives(plan, instance.worker)!
  const { group, placement } = components[instance.component]!
  if (group !== undefined && !home.groups.includes(group)) return false
  if (Object.entries(placement?.labels ?? {}).some(([label, value]) => home.labels[label] !== value))
    return false
  return plan.instances.every((other) => {
    if (other === instance || other.draining || world.lives(plan, other.worker) !== home) return true
    if (other.component === instance.component) return placement?.spread !== 'node'
    const isApart = (one: string, two: string): boolean =>
      components[one]!.placement?.apart?.includes(two) ?? false
    return !isApart(instance.component, other.component) && !isApart(other.component, instance.component)
  })
}
/** As before, where what makes way makes room. */
const roomMadeTwice: readonly Step[] = [
  { type: 'deploy', lines: ['a x4 source keyed config=1 group=g'] },
  { type: 'join', node: 0, isSpecial: true, workers: 2 },
  { type: 'join', node: 1, isSpecial: false, workers: 2 },
  { type: 'cut', ends: [3, 0] },
  {
    type: 'deploy',
    lines: ['d x1', 'c x2', 'e x1', 'b x1', 'a x4 source keyed config=1 spread', 'a -> c'],
  },
  { type: 'join', node: 3, isSpecial: false, workers: 1 },
]

describe('nextPlan', () => {
  it('PN-1 has nothing to do after its own plan, whatever the order of the facts', () => {
    check(
      (plan, world) => {
        const facts = {
          ...world.facts(),
          failed: new Set<InstanceId>(),
          lostWorkers: new Set<WorkerNumber>(),
        }
        assert.equal(nextPlan({ ...facts, current: plan }), undefined)
        const again = { ...world.facts(), nodes: [...world.nodes.values()].toReversed() }
        assert.deepEqual(nextPlan(again), plan)
      },
      [betteredTwice, roomMadeTwice],
    )
  })

  it('PN-2 keeps what may stay, where it is, under its id', () => {
    check((plan, world) => {
      const { plan: before } = world
      if (before === undefined || world.goal !== 'run') return
      for (const instance of before.instances) {
        const home = world.lives(before, instance.worker)
        const mayStay =
          home !== undefined &&
          !home.draining &&
          !instance.draining &&
          !world.failed.has(instance.id) &&
          world.versions.get(plan.version)!.flat.components[instance.component] !== undefined &&
          instance.index <
            (world.versions.get(plan.version)!.flat.components[instance.component]!.instances ?? 1) &&
          !isConcerned(
            instance.component,
            world.versions.get(instance.version)!,
            world.versions.get(plan.version)!,
          )
        if (!mayStay) continue
        const now = plan.instances.find(({ id }) => id === instance.id)
        assert.ok(now, `${slotOf(instance)}#${instance.id} is still in the plan`)
        assert.equal(now.worker, instance.worker)
        if (now.draining && !isLocal(world, plan, instance.component))
          assert.ok(
            !allows(
              world,
              { ...plan, instances: [...plan.instances.filter(({ draining }) => !draining), now] },
              now,
            ) ||
              before.version !== plan.version ||
              [...world.broken.values()].some((pair) => pair.includes(home.id)),
          )
      }
    })
  })

  it('PN-3 and PN-4 place only where rules allow; what may not stay says why it does', () => {
    check((plan, world) => {
      const reasons = new Map(plan.waiting.map((copy) => [slotOf(copy), copy.reason]))
      for (const instance of plan.instances) {
        const home = world.lives(plan, instance.worker)
        assert.ok(home, `${slotOf(instance)} is on a node that is there`)
        if (instance.draining || world.finished.has(instance.id)) continue
        const isNew = instance.since === plan.generation
        if (isNew)
          assert.ok(!home.draining && home.workers > 0, `${slotOf(instance)} is where new ones may be`)
        const isFine = allows(world, plan, instance) && !home.draining
        const isExcused = !isNew && isBesideDisplaced(world, plan, instance, reasons)
        assert.ok(isFine || isExcused, `${slotOf(instance)} may be there`)
      }
    })
  })

  it('PN-5 has each copy once: placed, waiting or done', () => {
    check((plan, world) => {
      if (world.goal !== 'run') return
      const { components } = world.versions.get(plan.version)!.flat
      const wanted = Object.entries(components).flatMap(([name, { instances = 1 }]) =>
        Array.from({ length: instances }, (_, index) => slotOf({ component: name, index })),
      )
      const working = plan.instances.filter(({ draining }) => !draining).map(slotOf)
      const placed = new Set(working)
      assert.equal(placed.size, working.length)
      const waiting = plan.waiting.filter((copy) => !placed.has(slotOf(copy))).map(slotOf)
      assert.deepEqual([...working, ...waiting, ...plan.done.map(slotOf)].toSorted(), wanted.toSorted())
      if (world.nodes.size < 2) assert.ok(plan.instances.every(({ since }) => since < plan.generation))
    })
  })

  it('PN-13 has copies that use files of their machine on one machine, which stays', () => {
    check((plan, world) => {
      const { goal } = world
      const local = plan.instances.filter(
        ({ component, since, draining }) =>
          goal === 'run' && !draining && since === plan.generation && isLocal(world, plan, component),
      )
      for (const instance of local) {
        const { files } = world.lives(plan, instance.worker)!
        const homes = plan.homes!.filter(({ component }) => component === instance.component)
        assert.ok(homes.some((home) => home.index === instance.index && home.files === files))
        const others = local.filter(({ component }) => component === instance.component)
        assert.ok(others.every(({ worker }) => world.lives(plan, worker)!.files === files))
        const before = world.plan?.version === plan.version ? (world.plan.homes ?? []) : []
        const known = before.filter(({ component }) => component === instance.component)
        assert.ok(known.length === 0 || known.some((home) => home.files === files))
      }
    })
  })

  it('PL-1 to PL-3 numbers mean the same as before, or are new', () => {
    const everUsed = new Map<World, Used>()
    check((plan, world) => {
      assert.equal(plan.parent, world.plan?.generation ?? 0)
      assert.equal(plan.generation, plan.parent + 1)
      const used: Used = everUsed.get(world) ?? {
        instances: new Map(),
        workers: new Map(),
        connections: new Map(),
      }
      everUsed.set(world, used)
      const means = (known: Map<number, string>, number: number, what: string): void => {
        assert.equal(known.get(number) ?? what, what)
        known.set(number, what)
      }
      for (const one of plan.instances) means(used.instances, one.id, `${slotOf(one)} in ${one.worker}`)
      for (const one of plan.workers) means(used.workers, one.worker, `${one.node} ${one.incarnation}`)
      for (const [key, number] of Object.entries(plan.connections)) means(used.connections, number, key)
      assert.equal(new Set(Object.values(plan.connections)).size, Object.keys(plan.connections).length)
      assert.ok(plan.workers.every(({ worker }) => worker < plan.nextWorker))
      const workers = new Set(plan.instances.map(({ worker }) => worker))
      assert.deepEqual(workers, new Set(plan.workers.map(({ worker }) => worker)))
    })
  })

  it('PN-10 gives a network no more workers of a node than it may have', () => {
    check((plan, world) => {
      for (const { id, workers, workersOfOthers } of world.nodes.values()) {
        const own = plan.workers.filter((one) => one.node === id)
        assert.ok(own.length <= Math.max(1, workers - workersOfOthers))
      }
    })
  })

  it('spreads a first deployment: no node has more than its share, rounded up, and one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 12 }),
        (copies, nodeCount, edges) => {
          const world = new World()
          const lines = copies.map((count, at) => `c${at} x${count}`)
          for (const [from, to] of edges) lines.push(`c${from % copies.length} -> c${to % copies.length}`)
          world.apply({ type: 'deploy', lines })
          for (let at = 0; at < nodeCount; at++)
            world.apply({ type: 'join', node: at, isSpecial: false, workers: 3 })
          const plan = nextPlan({ ...world.facts(), quorum: 1 })!
          const total = copies.reduce((sum, count) => sum + count, 0)
          const loads = new Map<string, number>()
          for (const { worker } of plan.instances) {
            const home = plan.workers.find((one) => one.worker === worker)!.node
            loads.set(home, (loads.get(home) ?? 0) + 1)
          }
          assert.ok(Math.max(...loads.values()) <= Math.ceil(total / nodeCount) + 1)
          assert.equal(plan.instances.length, total)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('uses ids of instances again only after all the others', () => {
    const world = new World()
    world.apply({ type: 'deploy', lines: ['a x2'] })
    world.apply({ type: 'join', node: 0, isSpecial: false, workers: 3 })
    const first = nextPlan({ ...world.facts(), quorum: 1 })!
    const nextInstance = (2 ** 18 - 1) as InstanceId
    world.plan = { ...first, nextInstance, generation: asGeneration(7) }
    world.failed.add(first.instances[1]!.id)
    const second = nextPlan({ ...world.facts(), quorum: 1 })!
    assert.deepEqual([second.instances.map(({ id }) => id), second.nextInstance], [[0, nextInstance], 0])
    world.plan = second
    world.failed = new Set([nextInstance])
    const third = nextPlan({ ...world.facts(), quorum: 1 })!
    // 0 is in use, 1 is free again.
    assert.deepEqual([third.instances.map(({ id }) => id), third.nextInstance], [[0, 1], 2])
  })
})

function isLocal(world: World, plan: Plan, component: string): boolean {
  return world.versions.get(plan.version)!.kinds[component]?.files === 'local'
}

/** A rule between two is broken for both of them, and only one of the two has to go. */
function isBesideDisplaced(
  world: World,
  plan: Plan,
  instance: PlannedInstance,
  reasons: ReadonlyMap<string, string>,
): boolean {
  const home = world.lives(plan, instance.worker)
  return plan.instances.some(
    (other) =>
      world.lives(plan, other.worker) === home &&
      (reasons.has(slotOf(other)) || world.finished.has(other.id)),
  )
}
