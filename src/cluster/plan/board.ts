import type { WorkerNumber } from '../protocol/index.ts'
import type { InventoryNode } from './facts.ts'
import type { ComponentShape } from './shape.ts'

/** How many copies of which component something hosts, those that drain left out. */
class Hosting {
  load = 0
  /** By the place of the component in the network: looked at for each instance and node, so no table by name. */
  readonly counts: Uint16Array

  constructor(components: number) {
    this.counts = new Uint16Array(components)
  }

  copies({ at }: ComponentShape): number {
    return this.counts[at]!
  }

  change({ at }: ComponentShape, by: 1 | -1): void {
    this.load += by
    this.counts[at]! += by
  }
}

export class WorkerPlace extends Hosting {
  readonly worker: WorkerNumber

  constructor(worker: WorkerNumber, components: number) {
    super(components)
    this.worker = worker
  }
}

export class NodePlace extends Hosting {
  readonly node: InventoryNode
  /** Its place among the nodes, for tables. */
  readonly at: number
  /** How many workers the network may have there; 0 where it gets nothing new. */
  readonly workersMax: number
  readonly workers: WorkerPlace[] = []
  /** Instances that it takes without having more than its part. */
  share = 0

  constructor(node: InventoryNode, at: number, components: number) {
    super(components)
    this.node = node
    this.at = at
    const isOpen = !node.draining && node.workers > 0
    this.workersMax = isOpen ? Math.max(1, node.workers - node.workersOfOthers) : 0
  }
}

/**
 * Who hosts what while a plan is made, and the choice of the best place. A node's share of the instances is as its part of
 * all workers that the network may have.
 *
 * The first plan of a manager is made by code that nothing has compiled yet, and each instance looks at each node. So what is
 * done for a pair of them is little: what a node exchanges with the instance is counted once for all nodes, from the few that
 * host a neighbour.
 */
export class Board {
  /** In the order of ids. */
  readonly nodes: readonly NodePlace[]
  /** Those of them where the network may have workers. */
  readonly open: readonly NodePlace[]
  readonly #components: number
  /** By component: the nodes that have copies of it. */
  readonly #hosts: NodePlace[][]
  /** By node: the traffic of the instance that is placed; 0 in between. */
  readonly #near: Float64Array
  readonly #empty: WorkerPlace
  readonly #newWorker: () => WorkerNumber

  /** `total`: instances that the network has when all are placed. */
  constructor(
    nodes: readonly InventoryNode[],
    shapes: ReadonlyMap<string, ComponentShape>,
    total: number,
    newWorker: () => WorkerNumber,
  ) {
    this.#components = shapes.size
    this.nodes = nodes
      .toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
      .map((node, at) => new NodePlace(node, at, shapes.size))
    this.open = this.nodes.filter(({ workersMax }) => workersMax > 0)
    this.#hosts = Array.from({ length: shapes.size }, () => [])
    this.#near = new Float64Array(this.nodes.length)
    this.#empty = new WorkerPlace(-1 as WorkerNumber, shapes.size)
    this.#newWorker = newWorker
    const workers = this.nodes.reduce((sum, { workersMax }) => sum + workersMax, 0)
    // In whole numbers until the division, so that a third of three is one and not a little more.
    for (const node of this.nodes)
      if (workers > 0) node.share = Math.ceil((total * node.workersMax) / workers)
  }

  /** Adds a worker of the network to a node. */
  seatOf(worker: WorkerNumber, node: NodePlace): WorkerPlace {
    const place = new WorkerPlace(worker, this.#components)
    node.workers.push(place)
    return place
  }

  add(component: ComponentShape, node: NodePlace, worker: WorkerPlace): void {
    if (node.copies(component) === 0) this.#hosts[component.at]!.push(node)
    node.change(component, 1)
    worker.change(component, 1)
  }

  remove(component: ComponentShape, node: NodePlace, worker: WorkerPlace): void {
    node.change(component, -1)
    worker.change(component, -1)
    if (node.copies(component) > 0) return
    const hosts = this.#hosts[component.at]!
    hosts.splice(hosts.indexOf(node), 1)
  }

  /**
   * The best of the nodes that fit: one with less than its share; the one with the fewest copies of the same component,
   * since copies are there to share work; the one that most messages would come from and go to; the one with the least load.
   */
  bestNode(shape: ComponentShape, fitting: readonly NodePlace[]): NodePlace | undefined {
    this.#look(shape)
    let best = fitting[0]
    // By numbers: an iterator costs more than the comparison, as long as nothing is compiled.
    for (let at = 1; at < fitting.length; at++)
      if (this.#isBetter(shape.at, fitting[at]!, best!)) best = fitting[at]
    this.#lookAway(shape)
    return best
  }

  #isBetter(component: number, a: NodePlace, b: NodePlace): boolean {
    const isOver = a.load >= a.share
    if (isOver !== b.load >= b.share) return !isOver
    const load = (a.load + 1) * b.workersMax - (b.load + 1) * a.workersMax
    // Where rules leave room only on nodes that have enough, these are to share it.
    if (isOver && load !== 0) return load < 0
    const copies = a.counts[component]! * b.workersMax - b.counts[component]! * a.workersMax
    if (copies !== 0) return copies < 0
    const traffic = this.#near[a.at]! - this.#near[b.at]!
    if (traffic !== 0) return traffic > 0
    return load < 0
  }

  /** Counts the traffic of an instance with each node, as `#traffic` does. */
  #look({ neighbours }: ComponentShape): void {
    for (const other of neighbours)
      for (const place of this.#hosts[other.at]!) this.#near[place.at]! += place.copies(other) / other.copies
  }

  #lookAway({ neighbours }: ComponentShape): void {
    for (const { at } of neighbours) for (const place of this.#hosts[at]!) this.#near[place.at] = 0
  }

  /** The worker of the node by the same rules; a new one as long as the network may have more, unless one is better. */
  bestWorker(shape: ComponentShape, node: NodePlace): WorkerPlace {
    const share = Math.ceil(Math.max(node.share, node.load + 1) / node.workersMax)
    let best: WorkerPlace | undefined
    for (const place of node.workers)
      if (best === undefined || this.#isBetterWorker(shape, share, place, best)) best = place
    if (node.workers.length >= node.workersMax && best !== undefined) return best
    if (best !== undefined && !this.#isBetterWorker(shape, share, this.#empty, best)) return best
    return this.seatOf(this.#newWorker(), node)
  }

  #isBetterWorker(shape: ComponentShape, share: number, a: WorkerPlace, b: WorkerPlace): boolean {
    const over = Number(a.load >= share) - Number(b.load >= share)
    if (over !== 0) return over < 0
    const copies = a.copies(shape) - b.copies(shape)
    if (copies !== 0) return copies < 0
    const traffic = this.#traffic(shape, a) - this.#traffic(shape, b)
    if (traffic !== 0) return traffic > 0
    return a.load < b.load
  }

  /**
   * What part of its messages would stay in the place, in the sum over its neighbours. Every selector spreads over all
   * copies of its target, so that with many copies this is little everywhere, and with single ones it is all or nothing.
   */
  #traffic({ neighbours }: ComponentShape, place: Hosting): number {
    let sum = 0
    for (const other of neighbours) sum += place.copies(other) / other.copies
    return sum
  }
}
