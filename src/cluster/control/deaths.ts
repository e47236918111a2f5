import {
  type ComponentDeaths,
  deathsMax,
  freshMs,
  type Generation,
  type NetworkVersion,
  type NodeId,
  noGeneration,
  type PlannedAt,
  type PlannedInstance,
  processesOf,
} from '../protocol/index.ts'
import type { NetworkFacts } from './facts.ts'
import { delayMs } from './restarts.ts'

/**
 * Components that take the processes of nodes with them, one after the other, as each gets them from the one before.
 *
 * - DT-1 The end of a node counts against the components that its record suspects (`protocol/death-record.ts`), once: in the
 *   plan that is made without the node. One alone is no reason to wait.
 * - DT-2 Two in a row that are still away, and the component gets no third node: it waits until one of them is back, another
 *   has come, or somebody deploys it anew. Who has run since then waits for none of them any more. So it does not matter how many nodes there are, as long as there are three.
 * - DT-3 Nodes that are started again each time are given it after growing pauses.
 * - DT-4 A change that makes a component what it is, and has not run, is refused after two.
 */

/** Those of nodes that came back before it waits. People, and tests, end nodes on purpose, too. */
const deathsWithoutPause = 3
/** Generations whose times a plan carries: more than that within moments are old soon. */
const recentMax = 64

/** As they are to stand in the next plan, of `version`. `stays`: no change concerns the component. */
export function deathsSoFar(
  facts: NetworkFacts,
  version: NetworkVersion,
  stays: (component: string) => boolean,
): ComponentDeaths[] {
  const { plan, desired, nowMs } = facts
  if (plan === undefined) return []
  // A version that was refused stays the one that is wanted: what is planned beside it forgets nothing.
  const isAnew = desired.anew === true && version === desired.version && plan.version !== version
  const known = isAnew ? [] : (plan.deaths ?? []).filter(({ component }) => stays(component))
  const waits = new Set(plan.waiting.map(({ component }) => component))
  const begins = beginning(facts)
  const counts = new Map<string, ComponentDeaths>()
  for (const one of known) {
    // What has run since then has shown that it can: a plan may be weeks old, and the nodes away for other reasons.
    const isHeld = (waits.has(one.component) || begins.has(one.component)) && isAway(one, facts)
    if (isRecent(one, facts) || isHeld) counts.set(one.component, one)
    // It has waited for long, and is tried again now: what comes of that belongs to what was before.
    else if (waits.has(one.component))
      counts.set(one.component, { ...one, lastAtMs: nowMs, lastRevision: newest(one, facts) })
  }
  for (const { node, atMs, revision, isFresh, components } of deathsOfPlan(facts))
    for (const component of components) {
      if (!stays(component)) continue
      const { count, nodes, lastRevision = 0 } = counts.get(component) ?? { count: 0, nodes: [] }
      counts.set(component, {
        component,
        count: isFresh ? count + 1 : Math.max(1, count),
        lastAtMs: Math.min(atMs, nowMs),
        lastRevision: Math.max(revision, lastRevision),
        nodes: [...nodes.filter((one) => one !== node), node].slice(-deathsMax),
      })
    }
  return [...counts.values()]
}

/** Those that get no node for now, with the reason. */
export function heldBack(deaths: readonly ComponentDeaths[], facts: NetworkFacts): Map<string, string> {
  const held = new Map<string, string>()
  for (const one of deaths) {
    const ended = `${processesOf(one.nodes)} ended soon after getting it`
    if (isAway(one, facts))
      held.set(
        one.component,
        `It is held back: ${ended}. Mend it, and deploy the network again; or start one of the nodes.`,
      )
    else if (facts.nowMs < untilMs(one, facts))
      held.set(one.component, `${ended[0]!.toUpperCase()}${ended.slice(1)}. It is tried again after a pause.`)
  }
  return held
}

/** When the first of these is tried again, of those that time alone lets go on. */
export function releaseMs(components: ReadonlySet<string>, facts: NetworkFacts): number | undefined {
  const times = (facts.plan?.deaths ?? [])
    .filter((one) => components.has(one.component) && !isAway(one, facts))
    .map((one) => untilMs(one, facts))
    .filter((atMs) => atMs > facts.nowMs)
  return times.length === 0 ? undefined : Math.min(...times)
}

/** With the times of the generations of the last moments, and of the one that is planned now. */
export function recentWith({ plan, nowMs }: NetworkFacts, generation: Generation): PlannedAt[] {
  const before = (plan?.recent ?? []).filter(({ atMs }) => atMs <= nowMs && nowMs - atMs < freshMs)
  return [...before, { generation, atMs: nowMs }].slice(-recentMax)
}

interface DeathOfPlan {
  readonly node: NodeId
  readonly atMs: number
  readonly revision: number
  readonly isFresh: boolean
  readonly components: readonly string[]
}

/** Lives of nodes that the plan still has workers on, and that have ended. */
function deathsOfPlan({ network, plan, deaths = [], nodes }: NetworkFacts): DeathOfPlan[] {
  const living = new Map(nodes.map(({ id, incarnation }) => [id, incarnation]))
  return deaths.flatMap(({ node, revision, record: { incarnation, atMs, isFresh, suspects } }) => {
    const isOfPlan = plan?.workers.some((one) => one.node === node && one.incarnation === incarnation)
    if (isOfPlan !== true || living.get(node) === incarnation) return []
    const components = suspects.filter((one) => one.network === network).map(({ component }) => component)
    return [{ node, atMs, revision, isFresh, components }]
  })
}

/** What has a place again and has not run there yet, however long that takes. */
function beginning({ plan, lastOpen = noGeneration }: NetworkFacts): ReadonlySet<string> {
  const isNew = ({ since, hereSince = since }: PlannedInstance): boolean => hereSince > lastOpen
  return new Set(plan?.instances.filter(isNew).map(({ component }) => component))
}

function isAway(one: ComponentDeaths, facts: NetworkFacts): boolean {
  return one.count >= deathsMax && awayOf(one, facts) >= deathsMax
}

/** Nodes that it was lost with, less those that are back or have come in their places: by the store, since clocks differ. */
function awayOf({ nodes, lastRevision = Infinity }: ComponentDeaths, facts: NetworkFacts): number {
  const there = new Set(facts.nodes.map(({ id }) => id))
  const away = nodes.filter((node) => !there.has(node)).length
  const came = facts.nodes.filter(({ id, revision = 0 }) => revision > lastRevision && !nodes.includes(id))
  return away - came.length
}

/** Who is there now has not come after it. */
function newest({ lastRevision = 0 }: ComponentDeaths, { nodes }: NetworkFacts): number {
  return nodes.reduce((max, { revision = 0 }) => Math.max(max, revision), lastRevision)
}

function isRecent({ lastAtMs }: ComponentDeaths, { restarts, nowMs }: NetworkFacts): boolean {
  return nowMs - lastAtMs < restarts.windowMs
}

/** A time ahead of the clock is another machine's, and no reason to wait (DE-7). */
function untilMs({ count, lastAtMs }: ComponentDeaths, { restarts, nowMs }: NetworkFacts): number {
  return lastAtMs > nowMs ? nowMs : lastAtMs + delayMs(count - deathsWithoutPause, restarts)
}
