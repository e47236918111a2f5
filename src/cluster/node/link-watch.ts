import type { Clock } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import type { Address, ClusterView, LinkRecord, NodeId, WorkerNumber } from '../protocol/index.ts'

/**
 * Which of the other nodes this one does not reach, though they are there: what the planner places around (PN-11).
 *
 * - LW-1 A node counts as unreached when the control connection to it has been silent for `linkLossMs`; or when the link of a
 *   worker to one of its workers has, and that worker's port does not answer. A port that answers says that the worker is busy.
 * - LW-2 It counts as reached again when all of it has worked without a break for the pause; so one that comes and goes is
 *   not planned for each time. The pause doubles with each loss soon after, up to a bound: plans are few however often it flaps.
 * - LW-3 The other side's word is what makes it count; without, this node is sure after `confirmMs`. That is longer than a lease
 *   takes to end: a node that is frozen or gone is found by its lease.
 * - LW-4 All of it is said of a life of the other node. Another life begins as reached.
 *
 * Safety rests on none of this: what it is wrong about costs time.
 */
export interface LinkWatchMeans {
  readonly clock: Clock
  readonly self: NodeId
  readonly incarnation: string
  readonly view: () => ClusterView
  readonly confirmMs: number
  /** Whether anybody takes connections at an address. */
  readonly probe: (address: Address) => Promise<'answers' | 'refused' | 'unknown'>
  /** What is to stand in the store, whenever that changes. */
  readonly publish: (record: LinkRecord) => void
  readonly events: LinkWatchEvents
}

export interface LinkWatchEvents {
  /** It is said in the store from now on. */
  lost(node: NodeId, why: string): void
  /** It is not any more. */
  mended(node: NodeId): void
  troubled(what: string, error: Error): void
}

/** Before a link that works again counts, in milliseconds. */
export const settleMsMin = 5_000
export const settleMsMax = 300_000
/** A loss sooner than that after the last one was over is one of the same trouble, in milliseconds. */
const calmMs = 600_000
/** Between two looks at a port that did not answer. */
const probeEveryMs = 1_000
/** Ports that are looked at. */
const doubtsMax = 256

interface Watched {
  readonly incarnation: string
  state: 'reached' | 'lost' | 'settling'
  /** Of the state, on the monotonic clock. */
  changedMs: number
  /** When it was lost, for people. */
  lostAtMs: number
  why: string
  /** The control connection is silent. */
  isSilent: boolean
  isSure: boolean
  settleMs: number
}

/** The port of a worker on another node, which a link of this node's workers does not reach. */
interface Doubt {
  readonly network: string
  readonly worker: WorkerNumber
  /** Undefined until the port was looked at. */
  answers: boolean | undefined
  nextMs: number
  isLooking: boolean
}

export class LinkWatch {
  private readonly means: LinkWatchMeans
  private readonly watched = new Map<NodeId, Watched>()
  private readonly doubts = new Map<string, Doubt>()
  private readonly looking = new Set<Promise<void>>()
  private published: string
  private isClosed = false

  constructor(means: LinkWatchMeans) {
    this.means = means
    this.published = JSON.stringify(this.record())
  }

  /** The control connection to a node was silent for `linkLossMs`. */
  silent(node: NodeId, why: string): void {
    const watched = this.of(node)
    if (watched === undefined) return
    watched.isSilent = true
    this.lose(node, watched, why)
    this.publish()
  }

  /** The control connection works. */
  heard(node: NodeId): void {
    const watched = this.watched.get(node)
    if (watched === undefined) return
    watched.isSilent = false
    this.look()
  }

  /** The control connection broke; a new one is tried, and may work in a moment. */
  broken(node: NodeId): void {
    const watched = this.watched.get(node)
    if (watched?.state === 'settling') watched.changedMs = this.means.clock.monotonic()
  }

  /** A link from a worker of this node to another one was silent for `linkLossMs`. */
  doubt(network: string, worker: WorkerNumber): void {
    const key = `${worker} ${network}`
    if (this.isClosed || this.doubts.has(key) || this.doubts.size >= doubtsMax) return
    const nextMs = this.means.clock.monotonic()
    this.doubts.set(key, { network, worker, answers: undefined, nextMs, isLooking: false })
    this.look()
  }

  /** To be called again and again. */
  look(): void {
    if (this.isClosed) return
    const { clock, view, events } = this.means
    const { nodes } = view()
    for (const [node, { incarnation, state }] of this.watched) {
      if (nodes.get(node)?.value.incarnation === incarnation) continue
      this.watched.delete(node)
      if (state !== 'reached') events.mended(node)
    }
    const cut = this.lookAtDoubts()
    const nowMs = clock.monotonic()
    for (const [node, watched] of this.watched) this.step(node, watched, cut.has(node), nowMs)
    this.publish()
  }

  /** Fulfilled when it does nothing any more. */
  async close(): Promise<void> {
    this.isClosed = true
    await Promise.all(this.looking)
  }

  private step(node: NodeId, watched: Watched, isCut: boolean, nowMs: number): void {
    const { confirmMs, events } = this.means
    const isWell = !watched.isSilent && !isCut
    const sinceMs = nowMs - watched.changedMs
    if (watched.state === 'lost' && isWell) this.enter(watched, 'settling', nowMs)
    else if (watched.state === 'lost' && sinceMs >= confirmMs) watched.isSure = true
    else if (watched.state === 'settling' && isWell && sinceMs >= watched.settleMs) {
      this.enter(watched, 'reached', nowMs)
      watched.isSure = false
      events.mended(node)
    } else if (watched.state === 'settling' && !isWell) this.lose(node, watched, watched.why)
  }

  private enter(watched: Watched, state: Watched['state'], nowMs: number): void {
    watched.state = state
    watched.changedMs = nowMs
  }

  private lose(node: NodeId, watched: Watched, why: string): void {
    const { clock, events } = this.means
    if (watched.state === 'lost') return
    const nowMs = clock.monotonic()
    const isSameTrouble =
      watched.settleMs > 0 && (watched.state === 'settling' || nowMs - watched.changedMs < calmMs)
    watched.settleMs = isSameTrouble ? Math.min(settleMsMax, watched.settleMs * 2) : settleMsMin
    const isNews = watched.state === 'reached'
    this.enter(watched, 'lost', nowMs)
    if (!isNews) return
    watched.lostAtMs = clock.now()
    watched.why = why
    events.lost(node, why)
  }

  private of(node: NodeId): Watched | undefined {
    const { clock, self, view } = this.means
    const incarnation = view().nodes.get(node)?.value.incarnation
    if (this.isClosed || incarnation === undefined || node === self) return undefined
    let watched = this.watched.get(node)
    if (watched?.incarnation !== incarnation) {
      watched = {
        incarnation,
        state: 'reached',
        changedMs: clock.monotonic(),
        lostAtMs: 0,
        why: '',
        isSilent: false,
        isSure: false,
        settleMs: 0,
      }
      this.watched.set(node, watched)
    }
    return watched
  }

  /** Nodes with workers whose ports do not answer. */
  private lookAtDoubts(): ReadonlySet<NodeId> {
    const nowMs = this.means.clock.monotonic()
    const cut = new Set<NodeId>()
    for (const [key, doubt] of this.doubts) {
      const place = this.placeOf(doubt)
      if (place === undefined || doubt.answers === true) {
        this.doubts.delete(key)
        continue
      }
      if (doubt.answers === false) {
        cut.add(place.node)
        const watched = this.of(place.node)
        if (watched !== undefined)
          this.lose(
            place.node,
            watched,
            `nothing is heard from its worker ${doubt.worker} of "${doubt.network}", and its port does not answer`,
          )
      }
      if (!doubt.isLooking && nowMs >= doubt.nextMs) this.lookAt(doubt, place.address)
    }
    return cut
  }

  /** Undefined where the plan does not have it any more, or nobody knows where it listens. */
  private placeOf({
    network,
    worker,
  }: Doubt): { readonly node: NodeId; readonly address: Address } | undefined {
    const { self, view } = this.means
    const { nodes, networks } = view()
    const known = networks.get(network)
    const planned = known?.plan?.value.workers.find((one) => one.worker === worker)
    if (planned === undefined || planned.node === self) return undefined
    if (nodes.get(planned.node)?.value.incarnation !== planned.incarnation) return undefined
    for (const { value } of known?.readyRecords.values() ?? [])
      for (const one of value.workers)
        if (one.worker === worker) return { node: planned.node, address: one.address }
    return undefined
  }

  private lookAt(doubt: Doubt, address: Address): void {
    const { clock, probe, events } = this.means
    doubt.isLooking = true
    const looked = probe(address)
      .then((verdict) => {
        doubt.answers = verdict === 'answers'
      })
      .catch((error: unknown) => events.troubled(`looking at a port of "${doubt.network}"`, asError(error)))
      .finally(() => {
        this.looking.delete(looked)
        doubt.isLooking = false
        doubt.nextMs = clock.monotonic() + probeEveryMs
        this.look()
      })
    this.looking.add(looked)
  }

  private publish(): void {
    const record = this.record()
    const text = JSON.stringify(record)
    if (text === this.published) return
    this.published = text
    this.means.publish(record)
  }

  private record(): LinkRecord {
    const unreached = [...this.watched]
      .filter(([, { state }]) => state !== 'reached')
      .map(([node, { incarnation, lostAtMs, isSure, why }]) => ({
        node,
        incarnation,
        sinceMs: lostAtMs,
        sure: isSure,
        why,
      }))
      .toSorted((a, b) => (a.node < b.node ? -1 : 1))
    return { incarnation: this.means.incarnation, unreached }
  }
}
