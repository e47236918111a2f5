import type { NodeId } from '../protocol/index.ts'
import type { BrokenLink, PlanningFacts } from './facts.ts'
import type { ComponentShape } from './shape.ts'

/**
 * Which instances stand at the ends of broken links while a plan is made (PN-11). Copies of two components that are
 * connected are all connected with each other: every selector may choose any copy.
 */
export class LinkTable {
  readonly #peers = new Map<NodeId, Set<NodeId>>()
  /** Of nodes that have a broken link: copies of components, by the place of the component in the network. */
  readonly #copies = new Map<NodeId, Uint16Array>()

  static of(facts: PlanningFacts, shapes: ReadonlyMap<string, ComponentShape>): LinkTable {
    return new LinkTable(facts.brokenLinks ?? [], new Set(facts.nodes.map(({ id }) => id)), shapes.size)
  }

  private constructor(broken: readonly BrokenLink[], nodes: ReadonlySet<NodeId>, components: number) {
    for (const [a, b] of broken) {
      if (a === b || !nodes.has(a) || !nodes.has(b)) continue
      this.#join(a, b, components)
      this.#join(b, a, components)
    }
  }

  #join(a: NodeId, b: NodeId, components: number): void {
    this.#peers.set(a, (this.#peers.get(a) ?? new Set()).add(b))
    if (!this.#copies.has(a)) this.#copies.set(a, new Uint16Array(components))
  }

  get isWhole(): boolean {
    return this.#peers.size === 0
  }

  /** Each once, the lower id first, in the order of ids. */
  get pairs(): BrokenLink[] {
    const pairs = [...this.#peers].flatMap(([a, peers]) =>
      [...peers].filter((b) => a < b).map((b): BrokenLink => [a, b]),
    )
    return pairs.toSorted(([a, b], [c, d]) => compare(a, c) || compare(b, d))
  }

  add({ at }: ComponentShape, node: NodeId): void {
    const copies = this.#copies.get(node)
    if (copies !== undefined) copies[at]!++
  }

  remove({ at }: ComponentShape, node: NodeId): void {
    const copies = this.#copies.get(node)
    if (copies !== undefined) copies[at]!--
  }

  /** A node that a copy on `node` could not exchange messages with, and would have to; undefined where there is none. */
  cutOff(shape: ComponentShape, node: NodeId): NodeId | undefined {
    const peers = this.#peers.get(node)
    if (peers === undefined) return undefined
    const cut = [...peers].filter((peer) => this.#hasPartner(shape, peer))
    return cut.toSorted(compare)[0]
  }

  #hasPartner({ neighbours, at, isLooped }: ComponentShape, node: NodeId): boolean {
    const copies = this.#copies.get(node)!
    return neighbours.some((other) => copies[other.at]! > 0) || (isLooped && copies[at]! > 0)
  }
}

/** Which nodes give way, and what they give up. */
export interface Yielding {
  /** They get something new only where no other node fits. */
  readonly nodes: ReadonlySet<NodeId>
  /** `nothing`; what is `cut` off from what it exchanges messages with; `all` that they have of the network. */
  readonly gives: 'nothing' | 'cut' | 'all'
}

/** How many choices of nodes that give way are looked at. */
export const choicesMax = 6
/** With more broken links than that, the nodes with the most of them give way, and no other choice is looked at. */
const pairsMax = 8

/**
 * Sets of nodes of which each broken link has one end in: the best first. That is the one that costs the least, of the
 * nodes that have to move instances; then that of the fewest nodes; then that of the last ids.
 */
export function yieldingChoices(
  pairs: readonly BrokenLink[],
  cost: (node: NodeId) => number,
): readonly ReadonlySet<NodeId>[] {
  if (pairs.length === 0) return [new Set()]
  if (pairs.length > pairsMax) return [byDegree(pairs, cost)]
  const found = new Map<string, NodeId[]>()
  cover(pairs, [], (nodes) => found.set(JSON.stringify(nodes), nodes))
  const sum = (nodes: readonly NodeId[]): number => nodes.reduce((total, node) => total + cost(node), 0)
  return [...found.values()]
    .toSorted((a, b) => sum(a) - sum(b) || a.length - b.length || compare(b.join(), a.join()))
    .slice(0, choicesMax)
    .map((nodes) => new Set(nodes))
}

function cover(pairs: readonly BrokenLink[], nodes: NodeId[], found: (nodes: NodeId[]) => void): void {
  const open = pairs.find(([a, b]) => !nodes.includes(a) && !nodes.includes(b))
  if (open === undefined) found(nodes.toSorted(compare))
  else for (const node of open) cover(pairs, [...nodes, node], found)
}

function byDegree(pairs: readonly BrokenLink[], cost: (node: NodeId) => number): ReadonlySet<NodeId> {
  const chosen = new Set<NodeId>()
  for (let left = pairs; left.length > 0;) {
    const degrees = new Map<NodeId, number>()
    for (const node of left.flat()) degrees.set(node, (degrees.get(node) ?? 0) + 1)
    const [best] = [...degrees].toSorted(([a, i], [b, j]) => j - i || cost(a) - cost(b) || compare(b, a))[0]!
    chosen.add(best)
    left = left.filter(([a, b]) => a !== best && b !== best)
  }
  return chosen
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
