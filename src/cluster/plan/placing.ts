import type { PlannedInstance, PlannedWorker, WaitingInstance, WorkerNumber } from '../protocol/index.ts'
import { Board, type NodePlace, type WorkerPlace } from './board.ts'
import type { PlanningFacts } from './facts.ts'
import { allowsBeside, allowsNode, whyNot } from './fit.ts'
import type { Numbers } from './numbers.ts'
import type { ComponentShape } from './shape.ts'
import { drained, type LivingWorkers, type Slot, type Survey } from './survey.ts'

export interface Placed {
  /** All of the next plan, in the order of ids. */
  readonly instances: readonly PlannedInstance[]
  readonly workers: readonly PlannedWorker[]
  /** In the network's order. */
  readonly waiting: readonly WaitingInstance[]
}

interface Seat {
  readonly node: NodePlace
  readonly worker: WorkerPlace
}

/** Finds places for what a survey left without, and for what may not stay where it is (PN-3, PN-4, PN-5). */
export class Placing {
  readonly #facts: PlanningFacts
  readonly #shapes: ReadonlyMap<string, ComponentShape>
  readonly #numbers: Numbers
  readonly #board: Board
  readonly #seats = new Map<WorkerNumber, Seat>()
  readonly #fits = new Map<ComponentShape, readonly NodePlace[]>()
  readonly #instances: PlannedInstance[] = []

  constructor(
    facts: PlanningFacts,
    shapes: ReadonlyMap<string, ComponentShape>,
    found: Survey,
    living: LivingWorkers,
    numbers: Numbers,
  ) {
    this.#facts = facts
    this.#shapes = shapes
    this.#numbers = numbers
    const total = found.kept.length + found.missing.length
    this.#board = new Board(facts.nodes, shapes, total, () => numbers.worker())
    this.#seatWorkers(living)
  }

  #seatWorkers(living: LivingWorkers): void {
    const places = new Map(this.#board.nodes.map((place) => [place.node.id, place]))
    for (const { worker, node } of this.#facts.current?.workers ?? []) {
      const place = places.get(node)
      if (place === undefined || living.get(worker) === undefined) continue
      this.#seats.set(worker, { node: place, worker: this.#board.seatOf(worker, place) })
    }
  }

  place({ kept, draining, missing }: Survey): Placed {
    this.#instances.push(...draining)
    let displaced = this.#keep(kept)
    let waiting = this.#inOrder(missing)
    // What moves may make room for another: until a round finds no more places.
    for (let left = -1; left !== waiting.length + displaced.length;) {
      left = waiting.length + displaced.length
      waiting = waiting.filter(({ slot, before }) => !this.#fill(slot, before))
      displaced = displaced.filter(({ slot, instance }) => !this.#move(slot, instance))
    }
    this.#instances.push(...displaced.map(({ instance }) => instance))
    return {
      instances: this.#instances.toSorted((a, b) => a.id - b.id),
      workers: this.#workers(),
      waiting: this.#waits(waiting, displaced),
    }
  }

  /** Puts on the board what goes on; gives what has to move. */
  #keep(kept: Survey['kept']): Survey['kept'] {
    const displaced: Survey['kept'][number][] = []
    for (const copy of kept) {
      const { shape } = copy.slot
      const { node, worker } = this.#seats.get(copy.instance.worker)!
      const isFinished = this.#facts.finished.has(copy.instance.id)
      const fits = allowsNode(shape, node.node) && allowsBeside(shape, node) && !node.node.draining
      if (!fits && !isFinished) displaced.push(copy)
      else {
        this.#board.add(shape, node, worker)
        this.#instances.push(copy.instance)
      }
    }
    // After all: those that may stay are not to be in the way of one another.
    for (const { slot, instance } of displaced) {
      const { node, worker } = this.#seats.get(instance.worker)!
      this.#board.add(slot.shape, node, worker)
    }
    return displaced
  }

  /** Those first for which few nodes fit, then what is spread widely: what is left evens out the load. Chains together. */
  #inOrder(missing: Survey['missing']): Survey['missing'] {
    const isBound = ({ isSpread, apart }: ComponentShape): boolean => isSpread || apart.length > 0
    return missing.toSorted(
      ({ slot: { shape: a, index: i } }, { slot: { shape: b, index: j } }) =>
        this.#fitting(a).length - this.#fitting(b).length ||
        Number(isBound(b)) - Number(isBound(a)) ||
        b.copies - a.copies ||
        a.rank - b.rank ||
        i - j,
    )
  }

  #fitting(shape: ComponentShape): readonly NodePlace[] {
    let nodes = this.#fits.get(shape)
    if (nodes === undefined) {
      nodes = this.#board.nodes.filter((place) => place.workersMax > 0 && allowsNode(shape, place.node))
      this.#fits.set(shape, nodes)
    }
    return nodes
  }

  #fill(slot: Slot, before: WorkerNumber | undefined): boolean {
    if (this.#holdsBack(slot) !== undefined) return false
    const seat = this.#seatFor(slot.shape, before)
    if (seat === undefined) return false
    this.#start(slot, seat)
    return true
  }

  #holdsBack({ shape }: Slot): string | undefined {
    const { nodes, quorum, paused, failures } = this.#facts
    if (nodes.length > 0 && nodes.length < quorum)
      return `Nodes that are there: ${nodes.length}, quorum: ${quorum}. Nothing is placed until more join.`
    if (!paused.has(shape.name)) return undefined
    const failure = failures.find(({ component }) => component === shape.name)
    return `It failed (${shortened(failure?.error.message ?? 'unknown')}) and is tried again after a pause.`
  }

  /** In the worker of the one before where that is right still: what is together stays together. */
  #seatFor(shape: ComponentShape, before: WorkerNumber | undefined): Seat | undefined {
    const fitting = this.#fitting(shape)
    const old = before === undefined ? undefined : this.#seats.get(before)
    if (old !== undefined && fitting.includes(old.node) && allowsBeside(shape, old.node)) return old
    const isBound = shape.isSpread || shape.apart.length > 0
    const free = isBound ? fitting.filter((place) => allowsBeside(shape, place)) : fitting
    const node = this.#board.bestNode(shape, free)
    if (node === undefined) return undefined
    const worker = this.#board.bestWorker(shape, node)
    const seat = this.#seats.get(worker.worker) ?? { node, worker }
    this.#seats.set(worker.worker, seat)
    return seat
  }

  #start({ shape, index }: Slot, { node, worker }: Seat): void {
    this.#board.add(shape, node, worker)
    this.#instances.push({
      id: this.#numbers.instance(),
      component: shape.name,
      index,
      worker: worker.worker,
      version: this.#facts.version,
      since: ((this.#facts.current?.generation ?? 0) + 1) as PlannedInstance['since'],
      draining: false,
    })
  }

  /** A successor elsewhere, if there is a place, or its own place where what was in its way has moved. */
  #move(slot: Slot, instance: PlannedInstance): boolean {
    const { node, worker } = this.#seats.get(instance.worker)!
    const { shape } = slot
    if (this.#holdsBack(slot) !== undefined) return false
    this.#board.remove(shape, node, worker)
    const canStay = this.#fitting(shape).includes(node) && allowsBeside(shape, node)
    const seat = canStay ? { node, worker } : this.#seatFor(shape, undefined)
    if (seat === undefined || canStay) this.#board.add(shape, node, worker)
    if (seat === undefined) return false
    if (canStay) this.#instances.push(instance)
    else {
      this.#start(slot, seat)
      this.#instances.push(drained(instance, this.#facts))
    }
    return true
  }

  #workers(): PlannedWorker[] {
    const used = new Set(this.#instances.map(({ worker }) => worker))
    return [...this.#seats.values()]
      .filter(({ worker }) => used.has(worker.worker))
      .map(({ node: { node }, worker: { worker } }) => ({
        worker,
        node: node.id,
        incarnation: node.incarnation,
      }))
      .toSorted((a, b) => a.worker - b.worker)
  }

  #waits(missing: Survey['missing'], displaced: Survey['kept']): WaitingInstance[] {
    const { nodes } = this.#board
    const waiting = missing.map(({ slot }) => waits(slot, this.#holdsBack(slot) ?? whyNot(slot.shape, nodes)))
    for (const { slot, instance } of displaced) {
      const { node } = this.#seats.get(instance.worker)!
      const others = nodes.filter((place) => place !== node)
      const noOther = others.length === 0 ? 'There is no other node: start one.' : undefined
      const why = this.#holdsBack(slot) ?? noOther ?? whyNot(slot.shape, others)
      waiting.push(waits(slot, `It stays on ${node.node.id} for now. ${why}`))
    }
    const order = new Map([...this.#shapes.keys()].map((name, at) => [name, at]))
    return waiting.toSorted((a, b) => order.get(a.component)! - order.get(b.component)! || a.index - b.index)
  }
}

function waits({ shape, index }: Slot, reason: string): WaitingInstance {
  return { component: shape.name, index, reason }
}

/** Characters of an error that a reason quotes: a plan holds many reasons, and is one value in the store. */
const quotedMax = 120

function shortened(text: string): string {
  return text.length <= quotedMax ? text : `${text.slice(0, quotedMax)} ...`
}
