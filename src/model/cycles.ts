/** An edge of a directed graph; `index` is whatever the caller finds it again by. */
export interface Edge {
  readonly from: string
  readonly to: string
  readonly index: number
}

/**
 * One cycle for each edge that closes one in a depth-first walk, as the edges from the closing edge's target around to
 * the closing edge, which is last. Removing the closing edges leaves no cycle.
 */
export function findCycles(nodes: Iterable<string>, edges: readonly Edge[]): Edge[][] {
  const outgoing = edgesBySource(edges)
  const cycles: Edge[][] = []
  const state = new Map<string, 'open' | 'done'>()
  for (const start of nodes) {
    if (state.has(start)) continue
    state.set(start, 'open')
    // Not recursive: a network may be a chain of many thousand components.
    const path: { readonly node: string; readonly entered: Edge | undefined; next: number }[] = [
      { node: start, entered: undefined, next: 0 },
    ]
    while (path.length > 0) {
      const top = path.at(-1)!
      const edge = outgoing.get(top.node)?.[top.next++]
      if (edge === undefined) {
        state.set(top.node, 'done')
        path.pop()
      } else if (state.get(edge.to) === 'open') {
        const begin = path.findIndex((step) => step.node === edge.to)
        cycles.push([...path.slice(begin + 1).map((step) => step.entered!), edge])
      } else if (!state.has(edge.to)) {
        state.set(edge.to, 'open')
        path.push({ node: edge.to, entered: edge, next: 0 })
      }
    }
  }
  return cycles
}

/**
 * Numbers for the nodes such that two nodes have the same number if and only if each can be reached from the other:
 * strongly connected components (Tarjan 1972, in its iterative form).
 */
export function cyclicParts(nodes: Iterable<string>, edges: readonly Edge[]): Map<string, number> {
  const outgoing = edgesBySource(edges)
  const part = new Map<string, number>()
  const order = new Map<string, number>()
  const low = new Map<string, number>()
  const open: string[] = []
  for (const start of nodes) {
    if (order.has(start)) continue
    const path: { readonly node: string; next: number }[] = []
    const enter = (node: string): void => {
      low.set(node, order.size)
      order.set(node, order.size)
      open.push(node)
      path.push({ node, next: 0 })
    }
    enter(start)
    while (path.length > 0) {
      const top = path.at(-1)!
      const edge = outgoing.get(top.node)?.[top.next++]
      if (edge !== undefined) {
        if (!order.has(edge.to)) enter(edge.to)
        else if (!part.has(edge.to)) low.set(top.node, Math.min(low.get(top.node)!, order.get(edge.to)!))
        continue
      }
      path.pop()
      const parent = path.at(-1)
      if (parent !== undefined) low.set(parent.node, Math.min(low.get(parent.node)!, low.get(top.node)!))
      if (low.get(top.node) !== order.get(top.node)) continue
      let node: string
      do {
        node = open.pop()!
        part.set(node, order.get(top.node)!)
      } while (node !== top.node)
    }
  }
  return part
}

function edgesBySource(edges: readonly Edge[]): Map<string, Edge[]> {
  const outgoing = new Map<string, Edge[]>()
  for (const edge of edges) {
    const list = outgoing.get(edge.from)
    if (list === undefined) outgoing.set(edge.from, [edge])
    else list.push(edge)
  }
  return outgoing
}
