import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { nextPlan } from '../../../../src/cluster/plan/index.ts'
import type { Plan, PlannedInstance } from '../../../../src/cluster/protocol/index.ts'
import { check, network, node, slotOf, type Step, World } from './random-plans.ts'

/** Whether an instance is connected with another one that it has no link to, read in the test's own way. */
function isCutOff(world: World, plan: Plan, instance: PlannedInstance): boolean {
  const { connections } = world.versions.get(plan.version)!.flat
  const nameOf = (end: string): string => end.split('.')[0]!
  const isWith = (other: PlannedInstance): boolean =>
    connections.some(({ from, to }) => {
      const ends = [nameOf(from), nameOf(to)]
      return (
        ends.includes(instance.component) && ends[ends[0] === instance.component ? 1 : 0] === other.component
      )
    })
  const home = world.lives(plan, instance.worker)!.id
  return plan.instances.some((other) => {
    if (other.draining || world.finished.has(other.id) || !isWith(other)) return false
    const there = world.lives(plan, other.worker)!.id
    return [...world.broken.values()].some(
      (pair) => pair.includes(home) && pair.includes(there) && home !== there,
    )
  })
}

/** A copy of `b` has to be on a node that is cut off from the only one that `a` may be on. */
const tied: readonly Step[] = [
  { type: 'deploy', lines: ['a x1 label=zone:x', 'b x2 spread', 'a -> b'] },
  { type: 'join', node: 0, isSpecial: true, workers: 2 },
  { type: 'join', node: 1, isSpecial: false, workers: 2 },
  { type: 'cut', ends: [0, 1] },
]

describe('nextPlan around broken links', () => {
  it('PN-11 says of what is cut off for which link it waits, and of nothing else', () => {
    let seen = 0
    check(
      (plan, world) => {
        const reasons = new Map(plan.waiting.map((copy) => [slotOf(copy), copy.reason]))
        for (const instance of plan.instances) {
          if (instance.draining || world.finished.has(instance.id)) continue
          const reason = reasons.get(slotOf(instance)) ?? ''
          if (!isCutOff(world, plan, instance)) {
            assert.doesNotMatch(
              reason,
              /^unreachable/,
              `${slotOf(instance)} is linked with all that it needs`,
            )
            continue
          }
          seen++
          assert.match(reason, /unreachable: the nodes n\d and n\d|It stays on/, slotOf(instance))
        }
      },
      [tied],
    )
    assert.ok(seen > 0, 'something was cut off')
  })

  it('PN-11 leaves nothing waiting for a link where nothing ties it to a node', () => {
    const plain = network.map((lines) =>
      lines.map((line) => line.replace(/group=g|label=\S+|spread|local|apart=\S+/g, '')),
    )
    const links = fc.array(fc.tuple(node, node), { maxLength: 12 })
    let moved = 0
    fc.assert(
      fc.property(plain, fc.array(links, { minLength: 1, maxLength: 4 }), (lines, rounds) => {
        const world = new World()
        world.apply({ type: 'deploy', lines })
        for (let at = 0; at < 5; at++) world.apply({ type: 'join', node: at, isSpecial: false, workers: 2 })
        for (const cuts of [[], ...rounds]) {
          world.broken.clear()
          for (const ends of cuts) world.apply({ type: 'cut', ends })
          const plan = nextPlan(world.facts())
          if (plan === undefined) continue
          if (world.plan !== undefined) moved++
          assert.deepEqual(plan.waiting, [])
          for (const one of plan.instances)
            assert.ok(one.draining || !isCutOff(world, plan, one), slotOf(one))
          world.plan = plan
          world.open = plan.generation
        }
      }),
      { numRuns: 200 },
    )
    assert.ok(moved > 0, 'something moved')
  })
})
