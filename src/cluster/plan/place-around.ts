import type { NodeId } from '../protocol/index.ts'
import type { PlanningFacts } from './facts.ts'
import { LinkTable, type Yielding, yieldingChoices } from './links.ts'
import { allowsNode } from './fit.ts'
import { Numbers } from './numbers.ts'
import { type Placed, Placing } from './placing.ts'
import type { ComponentShape } from './shape.ts'
import type { LivingWorkers, Survey } from './survey.ts'

interface Attempt {
  readonly placed: Placed
  readonly numbers: Numbers
}

/**
 * Places around broken links (PN-11). As little as that is to move, as certain it is that what moves helps: each way is tried, and
 * one is taken only where fewer instances wait for a link than without it. So what was planned stays as it is when it is planned again.
 */
export function placeAround(
  facts: PlanningFacts,
  shapes: ReadonlyMap<string, ComponentShape>,
  found: Survey,
  living: LivingWorkers,
): Attempt {
  const attempt = (yielding: Yielding): Attempt => {
    const numbers = new Numbers(facts.current, facts.used)
    return { numbers, placed: new Placing(facts, shapes, found, living, numbers, yielding).place(found) }
  }
  const links = LinkTable.of(facts, shapes)
  const choices = yieldingChoices(links.pairs, costOf(facts, links, found, living))
  let best = attempt({ nodes: choices[0]!, gives: 'nothing' })
  for (const nodes of choices)
    for (const gives of ['cut', 'all'] as const) {
      if (best.placed.unreachable === 0) return best
      const other = attempt({ nodes, gives })
      if (other.placed.unreachable < best.placed.unreachable) best = other
    }
  return best
}

/** What it costs that a node gives way: first what would move, then what could not, then what it could host. */
function costOf(
  { nodes, finished }: PlanningFacts,
  links: LinkTable,
  { kept, missing }: Survey,
  living: LivingWorkers,
): (node: NodeId) => number {
  const working = kept.flatMap(({ slot: { shape }, instance }) => {
    const node = living.nodeOf(instance.worker)
    return node === undefined || finished.has(instance.id) ? [] : [{ shape, node: node.id }]
  })
  for (const { shape, node } of working) links.add(shape, node)
  const moves = new Map<NodeId, number>()
  const load = new Map<NodeId, number>()
  const count = (counts: Map<NodeId, number>, node: NodeId): void => {
    counts.set(node, (counts.get(node) ?? 0) + 1)
  }
  for (const { shape, node } of working) {
    count(load, node)
    if (links.cutOff(shape, node) !== undefined) count(moves, node)
  }
  if (!links.isWhole)
    for (const { slot } of missing) {
      const fitting = nodes.filter((node) => allowsNode(slot.shape, node))
      if (fitting.length === 1) count(moves, fitting[0]!.id)
    }
  const capacities = new Map(nodes.map(({ id, workers, draining }) => [id, draining ? 0 : workers]))
  const weight = working.length + 1
  return (node) =>
    ((moves.get(node) ?? 0) * weight + (load.get(node) ?? 0)) * capacityMax +
    Math.min(capacities.get(node) ?? 0, capacityMax - 1)
}

const capacityMax = 1_000
