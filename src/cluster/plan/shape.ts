import { parsePortRef } from '../../model/network.ts'
import { isWithin } from '../../model/validate.ts'
import type { VersionRecord } from '../protocol/index.ts'

/** What placing needs to know of a component. */
export interface ComponentShape {
  readonly name: string
  /** Its place among the components of the network, for tables. */
  readonly at: number
  readonly copies: number
  readonly group: string | undefined
  readonly labels: readonly (readonly [string, string])[]
  /** At the most one copy on a node. */
  readonly isSpread: boolean
  /** Components of which no copy may be on the same node, whoever of the two says so. */
  readonly apart: readonly ComponentShape[]
  /** Components that it exchanges messages with. */
  readonly neighbours: readonly ComponentShape[]
  /** Its copies exchange messages with each other. */
  readonly isLooped: boolean
  /** Where it comes when one follows the connections from the beginnings: chains are next to each other. */
  readonly rank: number
}

/** By name, in the network's order. */
export function shapesOf({ flat }: VersionRecord): ReadonlyMap<string, ComponentShape> {
  const names = Object.keys(flat.components)
  const edges = flat.connections.map(
    ({ from, to }) => [parsePortRef(from)!.component, parsePortRef(to)!.component] as const,
  )
  const neighbours = setsOf(names)
  const looped = new Set<string>()
  for (const [from, to] of edges) {
    if (from === to) {
      looped.add(from)
      continue
    }
    neighbours.get(from)!.add(to)
    neighbours.get(to)!.add(from)
  }
  const apart = setsOf(names)
  for (const [name, { placement }] of Object.entries(flat.components))
    for (const other of placement?.apart ?? [])
      for (const found of names) {
        if (found === name || !isWithin(found, other)) continue
        apart.get(name)!.add(found)
        apart.get(found)!.add(name)
      }
  const ranks = chainRanks(names, edges)
  const shapes = new Map<string, Draft>()
  for (const [name, { instances = 1, group, placement }] of Object.entries(flat.components))
    shapes.set(name, {
      name,
      at: shapes.size,
      copies: instances,
      group,
      labels: Object.entries(placement?.labels ?? {}),
      isSpread: placement?.spread === 'node',
      apart: [],
      neighbours: [],
      isLooped: looped.has(name),
      rank: ranks.get(name)!,
    })
  for (const { name, ...shape } of shapes.values()) {
    for (const other of apart.get(name)!) shape.apart.push(shapes.get(other)!)
    for (const other of neighbours.get(name)!) shape.neighbours.push(shapes.get(other)!)
  }
  return shapes
}

/** Shapes lead to each other, so that all have to be there before they are whole. */
interface Draft extends ComponentShape {
  readonly apart: ComponentShape[]
  readonly neighbours: ComponentShape[]
}

function setsOf(names: readonly string[]): Map<string, Set<string>> {
  return new Map(names.map((name) => [name, new Set<string>()]))
}

/** Depth first from what nothing leads into, then from what is left (cycles), each in the network's order. */
function chainRanks(
  names: readonly string[],
  edges: readonly (readonly [string, string])[],
): ReadonlyMap<string, number> {
  const next = new Map<string, string[]>(names.map((name) => [name, []]))
  const fed = new Set<string>()
  for (const [from, to] of edges) {
    next.get(from)!.push(to)
    if (from !== to) fed.add(to)
  }
  const ranks = new Map<string, number>()
  const beginnings = [...names.filter((name) => !fed.has(name)), ...names]
  // With a stack of its own: chains may be longer than that of calls.
  const stack = beginnings.toReversed()
  while (stack.length > 0) {
    const name = stack.pop()!
    if (ranks.has(name)) continue
    ranks.set(name, ranks.size)
    stack.push(...next.get(name)!.toReversed())
  }
  return ranks
}
