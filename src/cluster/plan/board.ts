import type { WorkerNumber } from '../protocol/index.ts'
import type { InventoryNode } from './facts.ts'
import type { ComponentShape } from './shape.ts'

/** How many copies of which component something hosts, those that drain left out. */
class Hosting {
  load = 0
  readonly #copies = new Map<string, number>()

  copies(component: string): number {
    return this.#copies.get(component) ?? 0
  }

  change(component: string, by: 1 | -1): void {
    this.load += by
    this.#copies.set(component, this.copies(component) + by)
  }
}

export class WorkerPlace extends Hosting {
  readonly worker: WorkerNumber

  constructor(worker: WorkerNumber) {
    super()
    this.worker = worker
  }
}

export class NodePlace extends Hosting {
  readonly node: InventoryNode
  /** How many workers the network may have there; 0 where it gets nothing new. */
  readonly workersMax: number
  readonly workers: WorkerPlace[] = []

  constructor(node: InventoryNode) {
    super()
    this.node = node
    const isOpen = !node.draining && node.workers > 0
    this.workersMax = isOpen ? Math.max(1, node.workers - node.workersOfOthers) : 0
  }
}

/**
 * Who hosts what while a plan is made, and the choice of the best place. A node's share of the instances is as its part of
 * all workers that the network may have.
 */
export class Board {
  /** In the order of ids. */
  readonly nodes: readonly NodePlace[]
  readonly #shapes: ReadonlyMap<string, ComponentShape>
  readonly #perWorker: number
  readonly #newWorker: () => WorkerNumber

  /** `total`: instances that the network has when all are placed. */
  constructor(
    nodes: readonly InventoryNode[],
    shapes: ReadonlyMap<string, ComponentShape>,
    total: number,
    newWorker: () => WorkerNumber,
  ) {
    this.nodes = nodes
      .toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
      .map((node) => new NodePlace(node))
    this.#shapes = shapes
    const workers = this.nodes.reduce((sum, { workersMax }) => sum + workersMax, 0)
    this.#perWorker = workers === 0 ? 0 : total / workers
    this.#newWorker = newWorker
  }

  /** Instances that the node takes without having more than its part. */
  #share({ workersMax }: NodePlace): number {
    // Rounded, so that a third of three is one and not a little more.
    return Math.ceil(Number((this.#perWorker * workersMax).toFixed(6)))
  }

  add(component: string, node: NodePlace, worker: WorkerPlace): void {
    node.change(component, 1)
    worker.change(component, 1)
  }

  remove(component: string, node: NodePlace, worker: WorkerPlace): void {
    node.change(component, -1)
    worker.change(component, -1)
  }

  /**
   * The best of the nodes that fit: one with less than its share; the one with the fewest copies of the same component,
   * since copies are there to share work; the one that most messages would come from and go to; the one with the least load.
   */
  bestNode(shape: ComponentShape, fitting: readonly NodePlace[]): NodePlace | undefined {
    let best: NodePlace | undefined
    for (const place of fitting) if (best === undefined || this.#isBetter(shape, place, best)) best = place
    return best
  }

  #isBetter(shape: ComponentShape, a: NodePlace, b: NodePlace): boolean {
    const isOver = a.load >= this.#share(a)
    if (isOver !== b.load >= this.#share(b)) return !isOver
    const load = (a.load + 1) * b.workersMax - (b.load + 1) * a.workersMax
    // Where rules leave room only on nodes that have enough, these are to share it.
    if (isOver && load !== 0) return load < 0
    const copies = a.copies(shape.name) * b.workersMax - b.copies(shape.name) * a.workersMax
    if (copies !== 0) return copies < 0
    const traffic = this.#traffic(shape, a) - this.#traffic(shape, b)
    if (traffic !== 0) return traffic > 0
    return load < 0
  }

  /** The worker of the node by the same rules; a new one as long as the network may have more, unless one is better. */
  bestWorker(shape: ComponentShape, node: NodePlace): WorkerPlace {
    const share = Math.ceil(Math.max(this.#share(node), node.load + 1) / node.workersMax)
    let best: WorkerPlace | undefined
    for (const place of node.workers)
      if (best === undefined || this.#isBetterWorker(shape, share, place, best)) best = place
    if (node.workers.length >= node.workersMax && best !== undefined) return best
    const empty = new WorkerPlace(-1 as WorkerNumber)
    if (best !== undefined && !this.#isBetterWorker(shape, share, empty, best)) return best
    const made = new WorkerPlace(this.#newWorker())
    node.workers.push(made)
    return made
  }

  #isBetterWorker(shape: ComponentShape, share: number, a: WorkerPlace, b: WorkerPlace): boolean {
    const over = Number(a.load >= share) - Number(b.load >= share)
    if (over !== 0) return over < 0
    const copies = a.copies(shape.name) - b.copies(shape.name)
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
    for (const name of neighbours) {
      const copies = place.copies(name)
      if (copies > 0) sum += copies / this.#shapes.get(name)!.copies
    }
    return sum
  }
}
