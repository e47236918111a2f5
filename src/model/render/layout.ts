/**
 * Layered drawing of a directed graph, from left to right (Sugiyama, Tagawa, Toda 1981): layers by longest path,
 * order in a layer by barycenters, heights by repeatedly moving boxes towards their neighbours.
 */
export interface LayoutBox {
  readonly id: string
  readonly width: number
  readonly height: number
}

export interface LayoutLine {
  readonly from: string
  readonly to: string
  /** Where the line leaves and arrives, as distances from the middles of the boxes' sides, downwards. */
  readonly fromOffset: number
  readonly toOffset: number
  /** Lines that close a cycle do not count for the layers. */
  readonly back: boolean
}

export interface Layout {
  /** Left upper corner of each box, and its layer. */
  readonly boxes: ReadonlyMap<string, { readonly x: number; readonly y: number; readonly layer: number }>
  /** For each line the points between its ends where it passes through a layer; undefined for lines that lead backwards. */
  readonly lines: readonly (readonly LayoutPoint[] | undefined)[]
  readonly width: number
  readonly height: number
}

/** A line passes a layer level, from `x` to `x + width`. */
export interface LayoutPoint {
  readonly x: number
  readonly y: number
  readonly width: number
}

export interface LayoutGaps {
  readonly layer: number
  readonly box: number
}

/** A box, or the place where a line passes through a layer. */
interface Cell {
  readonly width: number
  readonly height: number
  readonly left: Link[]
  readonly right: Link[]
  order: number
  center: number
  x: number
}

/** A line to a neighbouring layer: where it ends there, and the offsets of its ends. */
interface Link {
  readonly cell: Cell
  readonly here: number
  readonly there: number
}

const sweeps = 12

export function layOut(boxes: readonly LayoutBox[], lines: readonly LayoutLine[], gaps: LayoutGaps): Layout {
  const layerOf = longestPaths(boxes, lines)
  const layers: Cell[][] = []
  const cells = new Map<string, Cell>()
  const put = (layer: number, width: number, height: number): Cell => {
    const list = (layers[layer] ??= [])
    const cell: Cell = { width, height, left: [], right: [], order: list.length, center: 0, x: 0 }
    list.push(cell)
    return cell
  }
  for (const box of boxes) cells.set(box.id, put(layerOf.get(box.id)!, box.width, box.height))
  const passes = lines.map((line) => {
    const first = layerOf.get(line.from)!
    const last = layerOf.get(line.to)!
    if (last <= first) return undefined
    const between = Array.from({ length: last - first - 1 }, (_, i) => put(first + 1 + i, 0, 8))
    const way = [cells.get(line.from)!, ...between, cells.get(line.to)!]
    for (let i = 1; i < way.length; i++) {
      const start = i === 1 ? line.fromOffset : 0
      const end = i === way.length - 1 ? line.toOffset : 0
      way[i - 1]!.right.push({ cell: way[i]!, here: start, there: end })
      way[i]!.left.push({ cell: way[i - 1]!, here: end, there: start })
    }
    return between
  })
  orderLayers(layers)
  placeHeights(layers, gaps.box)
  const width = placeLayers(layers, gaps.layer)
  let top = 0
  let bottom = 0
  for (const cell of layers.flat()) {
    top = Math.min(top, cell.center - cell.height / 2)
    bottom = Math.max(bottom, cell.center + cell.height / 2)
  }
  const widths = layers.map(widest)
  return {
    boxes: new Map(
      boxes.map((box) => {
        const { x, center } = cells.get(box.id)!
        return [box.id, { x, y: center - box.height / 2 - top, layer: layerOf.get(box.id)! }]
      }),
    ),
    lines: passes.map((between, index) => {
      const first = layerOf.get(lines[index]!.from)! + 1
      return between?.map((cell, i) => ({ x: cell.x, y: cell.center - top, width: widths[first + i]! }))
    }),
    width,
    height: bottom - top,
  }
}

/** The layer of each box: one more than that of its farthest predecessor. Lines that close a cycle are left out. */
function longestPaths(boxes: readonly LayoutBox[], lines: readonly LayoutLine[]): Map<string, number> {
  const outgoing = new Map<string, string[]>(boxes.map((box) => [box.id, []]))
  for (const line of lines) if (!line.back && line.from !== line.to) outgoing.get(line.from)?.push(line.to)
  const order: string[] = []
  const state = new Map<string, 'open' | 'done'>()
  const kept = new Map<string, string[]>()
  for (const { id } of boxes) {
    const path: { id: string; next: number }[] = state.has(id) ? [] : [{ id, next: 0 }]
    if (path.length > 0) state.set(id, 'open')
    while (path.length > 0) {
      const top = path.at(-1)!
      const target = outgoing.get(top.id)![top.next++]
      if (target === undefined) {
        state.set(top.id, 'done')
        order.push(top.id)
        path.pop()
      } else if (state.get(target) !== 'open') {
        kept.set(top.id, [...(kept.get(top.id) ?? []), target])
        if (!state.has(target)) path.push({ id: target, next: 0 })
        if (!state.has(target)) state.set(target, 'open')
      }
    }
  }
  const layers = new Map<string, number>(boxes.map((box) => [box.id, 0]))
  for (const id of order.toReversed())
    for (const target of kept.get(id) ?? [])
      layers.set(target, Math.max(layers.get(target)!, layers.get(id)! + 1))
  // Boxes without predecessors stand next to what they lead to, not all at the far left.
  const hasInput = new Set([...kept.values()].flat())
  for (const { id } of boxes) {
    const targets = (kept.get(id) ?? []).map((target) => layers.get(target)!)
    if (!hasInput.has(id) && targets.length > 0) layers.set(id, Math.min(...targets) - 1)
  }
  return layers
}

function orderLayers(layers: readonly Cell[][]): void {
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const forward = sweep % 2 === 0
    for (const layer of forward ? layers : layers.toReversed()) {
      const weights = new Map<Cell, number>()
      for (const cell of layer) {
        const links = forward ? cell.left : cell.right
        // Ends on one box count in the order of its ports: less than half a place up or down.
        const places = links.map(({ cell: other, there }) => other.order + (0.9 * there) / other.height)
        weights.set(cell, mean(places) ?? cell.order)
      }
      layer.sort((a, b) => weights.get(a)! - weights.get(b)! || a.order - b.order)
      layer.forEach((cell, index) => (cell.order = index))
    }
  }
}

function placeHeights(layers: readonly Cell[][], gap: number): void {
  for (const layer of layers) spread(layer, gap)
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const forward = sweep % 2 === 0
    for (const layer of forward ? layers : layers.toReversed()) {
      for (const cell of layer) {
        const links = sweep >= sweeps - 2 ? [...cell.left, ...cell.right] : forward ? cell.left : cell.right
        cell.center =
          mean(links.map(({ cell: other, here, there }) => other.center + there - here)) ?? cell.center
      }
      spread(layer, gap)
    }
  }
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Moves cells as little as possible (least squares) so that they keep their order and distance: isotonic regression by pooling. */
function spread(layer: readonly Cell[], gap: number): void {
  const pools: { sum: number; count: number }[] = []
  const offsets: number[] = []
  let offset = 0
  for (const [index, cell] of layer.entries()) {
    const previous = layer[index - 1]
    if (previous !== undefined) offset += (previous.height + cell.height) / 2 + gap
    offsets.push(offset)
    pools.push({ sum: cell.center - offset, count: 1 })
    for (let last = pools.at(-1)!, before = pools.at(-2); before !== undefined; before = pools.at(-2)) {
      if (before.sum / before.count <= last.sum / last.count) break
      before.sum += last.sum
      before.count += last.count
      pools.pop()
      last = before
    }
  }
  let index = 0
  for (const { sum, count } of pools)
    for (let i = 0; i < count; i++, index++) layer[index]!.center = sum / count + offsets[index]!
}

function widest(layer: readonly Cell[]): number {
  return layer.reduce((width, cell) => Math.max(width, cell.width), 0)
}

function placeLayers(layers: readonly Cell[][], gap: number): number {
  let x = 0
  for (const layer of layers) {
    const width = widest(layer)
    for (const cell of layer) cell.x = cell.width === 0 ? x : x + (width - cell.width) / 2
    x += width + gap
  }
  return Math.max(0, x - gap)
}
