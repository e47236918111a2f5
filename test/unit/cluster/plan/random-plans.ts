import fc from 'fast-check'
import {
  type BrokenLink,
  type InventoryNode,
  nextPlan,
  type PlanningFacts,
} from '../../../../src/cluster/plan/index.ts'
import {
  asNodeId,
  asTerm,
  asVersion,
  type InstanceId,
  type Plan,
  type PlannedInstance,
  type VersionRecord,
  type WorkerNumber,
} from '../../../../src/cluster/protocol/index.ts'
import { versionOf } from '../../../scenario/support/networks.ts'

/** Random networks on random nodes, through losses, joins, drains, failures and changes: what holds of every plan. */

const names = ['a', 'b', 'c', 'd', 'e']

const component = fc.record({
  copies: fc.integer({ min: 1, max: 5 }),
  words: fc.subarray(['source', 'keyed', 'config=1', 'group=g', 'label=zone:x', 'spread']),
  isLocal: fc.option(fc.constant('local'), { freq: 4 }),
  apart: fc.option(fc.constantFrom(...names), { freq: 4 }),
})
export const network = fc
  .tuple(
    fc.dictionary(fc.constantFrom(...names), component, { minKeys: 1, noNullPrototype: true }),
    fc.array(fc.tuple(fc.nat(9), fc.nat(9), fc.constantFrom('', 'hash', 'all')), { maxLength: 6 }),
  )
  .map(([components, edges]) => {
    const known = Object.keys(components)
    const lines = Object.entries(components).map(([name, { copies, words, apart, isLocal }]) => {
      const other = apart !== null && apart !== name && known.includes(apart) ? `apart=${apart}` : ''
      return [name, `x${copies}`, ...words, isLocal ?? '', other].join(' ')
    })
    const pick = (at: number): string => known[at % known.length]!
    return [...lines, ...edges.map(([from, to, selector]) => `${pick(from)} -> ${pick(to)} ${selector}`)]
  })

export type Step =
  | { readonly type: 'deploy'; readonly lines: readonly string[] }
  | { readonly type: 'join'; readonly node: number; readonly isSpecial: boolean; readonly workers: number }
  | { readonly type: 'lose' | 'drain' | 'undrain'; readonly node: number }
  | { readonly type: 'fail' | 'finish' | 'lose-worker'; readonly nth: number }
  | { readonly type: 'open' | 'stop' }
  | { readonly type: 'cut' | 'mend'; readonly ends: readonly [number, number] }

export const node = fc.nat(4)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('deploy' as const), lines: network }),
  fc.record({ type: fc.constant('join' as const), node, isSpecial: fc.boolean(), workers: fc.nat(3) }),
  fc.record({ type: fc.constantFrom('lose' as const, 'drain' as const, 'undrain' as const), node }),
  fc.record({
    type: fc.constantFrom('fail' as const, 'finish' as const, 'lose-worker' as const),
    nth: fc.nat(30),
  }),
  fc.record({ type: fc.constant('open' as const) }),
  fc.record({ type: fc.constant('open' as const) }),
  fc.record({ type: fc.constant('stop' as const) }),
  fc.record({
    type: fc.constantFrom('cut' as const, 'cut' as const, 'mend' as const),
    ends: fc.tuple(node, node),
  }),
)

export class World {
  readonly versions = new Map<VersionRecord['version'], VersionRecord>()
  readonly nodes = new Map<number, InventoryNode>()
  plan: Plan | undefined
  goal: PlanningFacts['goal'] = 'run'
  open: Plan['generation'] | undefined
  failed = new Set<InstanceId>()
  lost = new Set<WorkerNumber>()
  readonly finished = new Set<InstanceId>()
  readonly broken = new Map<string, BrokenLink>()
  /** Of a network with snapshots: what it goes back to. */
  recovery: PlanningFacts['recovery']
  #lives = 0

  apply(step: Step): void {
    if (step.type === 'deploy') {
      const version = asVersion(this.versions.size + 1)
      this.versions.set(version, versionOf(version, step.lines))
      this.goal = 'run'
    } else if (step.type === 'join') this.#join(step)
    else if (step.type === 'open') this.open = this.plan?.generation
    else if (step.type === 'stop') this.goal = 'stop'
    else if ('ends' in step) {
      const [a, b] = step.ends.toSorted()
      if (step.type === 'mend') this.broken.delete(`${a} ${b}`)
      else if (a !== b) this.broken.set(`${a} ${b}`, [asNodeId(`n${a}`), asNodeId(`n${b}`)])
    } else if ('node' in step) {
      if (step.type === 'lose') this.nodes.delete(step.node)
      const known = this.nodes.get(step.node)
      if (known !== undefined) this.nodes.set(step.node, { ...known, draining: step.type === 'drain' })
    } else if ('nth' in step) {
      const instances = this.plan?.instances ?? []
      const instance = instances[step.nth % Math.max(1, instances.length)]
      if (instance === undefined) return
      if (step.type === 'fail') this.failed.add(instance.id)
      else if (step.type === 'finish') this.finished.add(instance.id)
      else this.lost.add(instance.worker)
    }
  }

  #join({ node: number, isSpecial, workers }: Extract<Step, { type: 'join' }>): void {
    this.nodes.set(number, {
      id: asNodeId(`n${number}`),
      incarnation: String(++this.#lives),
      groups: isSpecial ? ['g'] : [],
      labels: isSpecial ? { zone: 'x' } : {},
      files: number < 3 ? 'one' : 'two',
      workers,
      draining: false,
      workersOfOthers: 1,
    })
  }

  facts(): PlanningFacts {
    return {
      network: 'net',
      goal: this.goal,
      version: asVersion(this.versions.size),
      fallback: undefined,
      versions: this.versions,
      nodes: [...this.nodes.values()],
      brokenLinks: [...this.broken.values()],
      quorum: 2,
      current: this.plan,
      lastOpen: this.open,
      term: asTerm(1),
      finished: this.finished,
      failed: this.failed,
      lostWorkers: this.lost,
      paused: new Set(),
      failures: [],
      ...(this.recovery && { recovery: this.recovery }),
    }
  }

  /** Whether the worker of an instance lives on. */
  lives(plan: Plan, worker: WorkerNumber): InventoryNode | undefined {
    if (this.lost.has(worker)) return undefined
    const planned = plan.workers.find((one) => one.worker === worker)
    return [...this.nodes.values()].find(
      ({ id, incarnation }) => id === planned?.node && incarnation === planned.incarnation,
    )
  }
}

const steps = fc
  .tuple(network, fc.array(step, { maxLength: 25 }))
  .map(([lines, rest]): readonly Step[] => [
    { type: 'deploy', lines },
    { type: 'join', node: 0, isSpecial: true, workers: 2 },
    { type: 'join', node: 1, isSpecial: false, workers: 2 },
    ...rest,
  ])

/** Runs the steps and looks at each plan that comes out, with the world in which it was made. */
function eachPlan(
  script: readonly Step[],
  look: (plan: Plan, world: World) => void,
  before: (world: World) => void,
): void {
  const world = new World()
  for (const one of script) {
    world.apply(one)
    before(world)
    const plan = nextPlan(world.facts())
    if (plan === undefined) continue
    look(plan, world)
    world.plan = plan
    world.failed = new Set()
    world.lost = new Set()
  }
}

/** `also`: scripts that are looked at in any case. */
export const check = (
  look: (plan: Plan, world: World) => void,
  also: readonly (readonly Step[])[] = [],
  /** Changes what is known, before each plan. */
  before: (world: World) => void = () => undefined,
): void =>
  fc.assert(
    fc.property(steps, (script) => eachPlan(script, look, before)),
    { numRuns: 200, examples: also.map((script): [readonly Step[]] => [script]) },
  )

export const slotOf = ({ component: name, index }: Pick<PlannedInstance, 'component' | 'index'>): string =>
  `${name}[${index}]`
