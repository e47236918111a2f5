import type { PlannedInstance, PlannedWorker, WaitingInstance, WorkerNumber } from '../protocol/index.ts'
import { Board, type NodePlace, type WorkerPlace } from './board.ts'
import type { PlanningFacts } from './facts.ts'
import { allowsBeside, allowsNode, hasRules, whyNot } from './fit.ts'
import { Homes } from './homes.ts'
import { LinkTable, type Yielding } from './links.ts'
import type { Numbers } from './numbers.ts'
import type { ComponentShape } from './shape.ts'
import { drained, type LivingWorkers, type Slot, type Survey } from './survey.ts'

export interface Placed {
  /** All of the next plan, in the order of ids. */
  readonly instances: readonly PlannedInstance[]
  readonly workers: readonly PlannedWorker[]
  /** In the network's order. */
  readonly waiting: readonly WaitingInstance[]
  /** How many of those that wait do so for a link. */
  readonly unreachable: number
}

interface Seat {
  readonly node: NodePlace
  readonly worker: WorkerPlace
}

type Copy = Survey['kept'][number]

/** Finds places for what a survey left without, and for what may not stay where it is (PN-3, PN-4, PN-5, PN-11). */
export class Placing {
  readonly #facts: PlanningFacts
  readonly #shapes: ReadonlyMap<string, ComponentShape>
  readonly #numbers: Numbers
  readonly #board: Board
  readonly #homes: Homes
  readonly #links: LinkTable
  readonly #yielding: Yielding
  readonly #seats = new Map<WorkerNumber, Seat>()
  readonly #fits = new Map<ComponentShape, readonly NodePlace[]>()
  readonly #instances: PlannedInstance[] = []

  constructor(
    facts: PlanningFacts,
    shapes: ReadonlyMap<string, ComponentShape>,
    found: Survey,
    living: LivingWorkers,
    numbers: Numbers,
    yielding: Yielding,
  ) {
    this.#facts = facts
    this.#shapes = shapes
    this.#numbers = numbers
    this.#yielding = yielding
    this.#homes = new Homes(facts)
    this.#links = LinkTable.of(facts, shapes)
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
    let { displaced, leaving } = this.#keep(kept)
    let waiting = this.#inOrder(missing)
    const left = (): number => waiting.length + displaced.length + leaving.length
    // What moves may make room for another: until a round finds no more places.
    for (let before = -1; before !== left();) {
      before = left()
      leaving = leaving.filter(({ slot, instance }) => !this.#leave(slot, instance))
      waiting = waiting.filter(({ slot, before }) => !this.#fill(slot, before))
      displaced = displaced.filter(({ slot, instance }) => !this.#move(slot, instance))
    }
    for (const { slot, instance } of leaving)
      this.#links.add(slot.shape, this.#seats.get(instance.worker)!.node.node.id)
    this.#instances.push(...[...displaced, ...leaving].map(({ instance }) => instance))
    const waits = this.#waits(waiting, displaced)
    return {
      instances: this.#instances.toSorted((a, b) => a.id - b.id),
      workers: this.#workers(),
      waiting: waits.toSorted((a, b) => this.#rankOf(a) - this.#rankOf(b) || a.index - b.index),
      unreachable: waits.filter(({ reason }) => isForLink(reason)).length,
    }
  }

  #rankOf({ component }: WaitingInstance): number {
    return this.#shapes.get(component)!.at
  }

  /** Puts on the board what goes on; gives what has to move, and what is to for a link. */
  #keep(kept: Survey['kept']): { displaced: readonly Copy[]; leaving: readonly Copy[] } {
    const displaced: Copy[] = []
    const staying: Copy[] = []
    for (const copy of kept) {
      const { shape } = copy.slot
      const { node, worker } = this.#seats.get(copy.instance.worker)!
      const isFinished = this.#facts.finished.has(copy.instance.id)
      const fits =
        allowsNode(shape, node.node) &&
        allowsBeside(shape, node) &&
        !node.node.draining &&
        this.#homes.isAt(shape, copy.slot.index, node.node)
      if (isFinished) {
        // Nothing comes to it or goes from it any more, by whatever link.
        this.#board.add(shape, node, worker)
        this.#instances.push(copy.instance)
      } else if (fits) {
        this.#seat(shape, { node, worker })
        staying.push(copy)
      } else displaced.push(copy)
    }
    // After all: those that may stay are not to be in the way of one another.
    for (const { slot, instance } of displaced) this.#seat(slot.shape, this.#seats.get(instance.worker)!)
    const leaving = staying.filter((copy) => this.#givesUp(copy))
    const isLeaving = new Set(leaving)
    for (const copy of staying) if (!isLeaving.has(copy)) this.#instances.push(copy.instance)
    // All of them go, so none is in another's way.
    for (const { slot, instance } of leaving)
      this.#links.remove(slot.shape, this.#seats.get(instance.worker)!.node.node.id)
    return { displaced, leaving }
  }

  #givesUp({ slot: { shape }, instance }: Copy): boolean {
    const { nodes, gives } = this.#yielding
    const { id } = this.#seats.get(instance.worker)!.node.node
    if (gives === 'nothing' || !nodes.has(id)) return false
    return gives === 'all' || this.#links.cutOff(shape, id) !== undefined
  }

  #seat(shape: ComponentShape, { node, worker }: Seat): void {
    this.#board.add(shape, node, worker)
    this.#links.add(shape, node.node.id)
  }

  #unseat(shape: ComponentShape, { node, worker }: Seat): void {
    this.#board.remove(shape, node, worker)
    this.#links.remove(shape, node.node.id)
  }

  /** Those first for which few nodes fit, then what is spread widely: what is left evens out the load. Chains together. */
  #inOrder(missing: Survey['missing']): Survey['missing'] {
    const isBound = ({ isSpread, apart }: ComponentShape): boolean => isSpread || apart.length > 0
    const shapes = [...new Set(missing.map(({ slot }) => slot.shape))].toSorted(
      (a, b) =>
        this.#fitting(a).length - this.#fitting(b).length ||
        Number(isBound(b)) - Number(isBound(a)) ||
        b.copies - a.copies ||
        a.rank - b.rank,
    )
    const turns = new Uint32Array(this.#shapes.size)
    shapes.forEach(({ at }, turn) => (turns[at] = turn))
    return missing.toSorted(
      ({ slot: a }, { slot: b }) => turns[a.shape.at]! - turns[b.shape.at]! || a.index - b.index,
    )
  }

  #fitting(shape: ComponentShape): readonly NodePlace[] {
    let nodes = this.#fits.get(shape)
    if (nodes === undefined) {
      const { open } = this.#board
      nodes = hasRules(shape) ? open.filter(({ node }) => allowsNode(shape, node)) : open
      this.#fits.set(shape, nodes)
    }
    return nodes
  }

  #fill(slot: Slot, before: WorkerNumber | undefined): boolean {
    if (this.#holdsBack(slot) !== undefined) return false
    const seat = this.#seatFor(slot, before)
    if (seat === undefined) return false
    this.#start(slot, seat)
    return true
  }

  #holdsBack({ shape }: Slot): string | undefined {
    const { nodes, quorum, paused, held, failures } = this.#facts
    if (nodes.length > 0 && nodes.length < quorum)
      return `Nodes that are there: ${nodes.length}, quorum: ${quorum}. Nothing is placed until more join.`
    const why = held?.get(shape.name)
    if (why !== undefined) return why
    if (!paused.has(shape.name)) return undefined
    const failure = failures.find(({ component }) => component === shape.name)
    return `It failed (${shortened(failure?.error.message ?? 'unknown')}) and is tried again after a pause.`
  }

  /** In the worker of the one before where that is right still: what is together stays together. */
  #seatFor(slot: Slot, before: WorkerNumber | undefined): Seat | undefined {
    const { shape } = slot
    const fitting = this.#fitting(shape).filter(({ node }) => this.#homes.isAt(shape, slot.index, node))
    const old = before === undefined ? undefined : this.#seats.get(before)
    const isBound = shape.isSpread || shape.apart.length > 0
    const free = isBound ? fitting.filter((place) => allowsBeside(shape, place)) : fitting
    const reached = this.#reached(shape, free)
    if (old !== undefined && reached.includes(old.node)) return old
    const node = this.#board.bestNode(shape, reached)
    if (node === undefined) return undefined
    const worker = this.#board.bestWorker(shape, node)
    const seat = this.#seats.get(worker.worker) ?? { node, worker }
    this.#seats.set(worker.worker, seat)
    return seat
  }

  /** Those with links to all that it is connected with; and of them, those that do not give way, where there are any. */
  #reached(shape: ComponentShape, places: readonly NodePlace[]): readonly NodePlace[] {
    if (this.#links.isWhole) return places
    const linked = places.filter(({ node }) => this.#links.cutOff(shape, node.id) === undefined)
    const firm = linked.filter(({ node }) => !this.#yielding.nodes.has(node.id))
    return firm.length > 0 ? firm : linked
  }

  #start({ shape, index }: Slot, { node, worker }: Seat): void {
    this.#seat(shape, { node, worker })
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
    this.#unseat(shape, { node, worker })
    const canStay =
      this.#fitting(shape).includes(node) &&
      allowsBeside(shape, node) &&
      this.#homes.isAt(shape, slot.index, node.node)
    const seat = canStay ? { node, worker } : this.#seatFor(slot, undefined)
    if (seat === undefined || canStay) this.#seat(shape, { node, worker })
    if (seat === undefined) return false
    if (canStay) this.#instances.push(instance)
    else {
      this.#start(slot, seat)
      this.#instances.push(drained(instance, this.#facts))
    }
    return true
  }

  /** As `#move`, for a link: it stays where the others that leave have made that right. */
  #leave(slot: Slot, instance: PlannedInstance): boolean {
    const own = this.#seats.get(instance.worker)!
    const { shape } = slot
    if (this.#holdsBack(slot) !== undefined) return false
    const canStay =
      this.#yielding.gives === 'cut' && this.#links.cutOff(shape, own.node.node.id) === undefined
    this.#board.remove(shape, own.node, own.worker)
    const seat = canStay ? own : this.#seatFor(slot, undefined)
    if (seat === undefined) this.#board.add(shape, own.node, own.worker)
    else if (seat.node === own.node) {
      this.#seat(shape, own)
      this.#instances.push(instance)
    } else {
      this.#start(slot, seat)
      this.#instances.push(drained(instance, this.#facts))
    }
    return seat !== undefined
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

  #waits(missing: readonly { readonly slot: Slot }[], displaced: readonly Copy[]): WaitingInstance[] {
    const { nodes } = this.#board
    const waiting = missing.map(({ slot }) =>
      waits(
        slot,
        this.#holdsBack(slot) ??
          this.#homes.whyNot(slot.shape, slot.index) ??
          this.#missesLink(slot.shape) ??
          whyNot(slot.shape, nodes),
      ),
    )
    const isDisplaced = new Set(displaced.map(({ instance }) => instance.id))
    for (const { slot, instance } of displaced) {
      const { node } = this.#seats.get(instance.worker)!
      const others = nodes.filter((place) => place !== node)
      const noOther = others.length === 0 ? 'There is no other node: start one.' : undefined
      const why =
        this.#holdsBack(slot) ??
        this.#homes.whyNot(slot.shape, slot.index) ??
        noOther ??
        this.#missesLink(slot.shape, node) ??
        whyNot(slot.shape, others)
      waiting.push(waits(slot, `It stays on ${node.node.id} for now. ${why}`))
    }
    if (this.#links.isWhole) return waiting
    for (const { id, component, index, worker, draining } of this.#instances) {
      if (draining || isDisplaced.has(id) || this.#facts.finished.has(id)) continue
      const { node } = this.#seats.get(worker)!
      const shape = this.#shapes.get(component)!
      const cut = this.#links.cutOff(shape, node.node.id)
      if (cut !== undefined) waiting.push(waits({ shape, index }, this.#whyCutOff(shape, node, cut)))
    }
    return waiting
  }

  /** Whether only links keep it from being placed, on another node than `own`. */
  #missesLink(shape: ComponentShape, own?: NodePlace): string | undefined {
    if (this.#links.isWhole) return undefined
    for (const place of this.#fitting(shape)) {
      if (place === own || !allowsBeside(shape, place)) continue
      const { id } = place.node
      const cut = this.#links.cutOff(shape, id)
      if (cut !== undefined)
        return `${noLink(id, cut)} It would need a link between them: mend it, or add a node that reaches all.`
    }
    return undefined
  }

  #whyCutOff(shape: ComponentShape, own: NodePlace, cut: string): string {
    const others = this.#board.nodes.filter(
      (place) => place !== own && this.#links.cutOff(shape, place.node.id) === undefined,
    )
    const fitting = this.#fitting(shape)
    const fits = others.some((place) => fitting.includes(place) && allowsBeside(shape, place))
    const why = fits
      ? 'To move it alone would not help.'
      : others.length === 0
        ? 'No other node reaches all that it is connected with.'
        : whyNot(shape, others)
    return `${noLink(own.node.id, cut)} It stays on ${own.node.id} for now. ${why}`
  }
}

/** How a reason begins that is a broken link. */
const unreachable = 'unreachable: '

function isForLink(reason: string): boolean {
  return reason.includes(unreachable)
}

function noLink(one: string, other: string): string {
  const [a, b] = [one, other].toSorted()
  return `${unreachable}the nodes ${a} and ${b} do not reach each other.`
}

function waits({ shape, index }: Slot, reason: string): WaitingInstance {
  return { component: shape.name, index, reason }
}

/** Characters of an error that a reason quotes: a plan holds many reasons, and is one value in the store. */
const quotedMax = 120

function shortened(text: string): string {
  return text.length <= quotedMax ? text : `${text.slice(0, quotedMax)} ...`
}
