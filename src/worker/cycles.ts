import type { Cancel, Clock } from '../base/clock.ts'
import type { CycleFrame } from '../wire/frame.ts'
import type { CycleAssignment, WorkerAssignment } from './assignment.ts'
import { busy, type CycleRest, open, resting, restOf, sumOf } from './cycle-rest.ts'
import type { HostedInstance } from './hosted.ts'
import type { PeerSet } from './peer-set.ts'

/**
 * Ends cycles whose network may change: in a cycle each waits for the other's end, so somebody has to find out that nothing
 * goes round any more. One worker of each cycle asks all that have a part in it, over the links that their messages take.
 *
 * The four-counter method (Mattern, Algorithms for distributed termination detection, 1987): two rounds, the second begun
 * when the first was over, in both of which everybody is at rest, and all four sums, sent and received, are the same. Then
 * nothing was under way between the two, and nothing will be.
 *
 * - CY-1 Nothing is kept but the round before: what counts is what goes round. So it does no harm when anybody ends in
 *   between, and nobody has to be told of it. To be told twice to end changes nothing.
 * - CY-2 An instance takes part only when whatever else it is connected to has ended, and when that end has been handled:
 *   nothing comes from outside any more.
 * - CY-3 Both rounds and the end are of one generation. Who has switched to another one, or has not switched to it with all
 *   ports, is not at rest.
 * - CY-4 A cycle that nothing has ever been connected to, and that is not drained, goes on: it may get an input, as a
 *   component without one may.
 *
 * Neighbours: `cycle-rest.ts` says what is at rest; `cluster/agent/cycles.ts` finds the cycles of a plan.
 */
export interface CycleMeans {
  readonly clock: Clock
  readonly peers: PeerSet
  /** Of those that run. */
  readonly hosted: (id: number) => HostedInstance | undefined
  /** The worker is not held, and all of its ports have followed the last switch. */
  readonly mayEnd: () => boolean
}

/** Between two looks, in milliseconds: while all that is missing may come at any moment, and while something else runs. */
const nextLookMs = 20
const idleLookMs = 100
/** An answer that has not come by then is asked for again: whoever owes it may have begun anew. */
const answerMsMax = 5_000

interface Round {
  readonly number: number
  readonly askedAtMs: number
  readonly own: CycleRest
  readonly answers: Map<number, CycleRest>
}

interface Watched {
  readonly assigned: CycleAssignment
  readonly isMine: boolean
  round: Round | undefined
  /** What all had sent in the round before, where all were at rest in it. */
  before: number | undefined
}

export class CycleWatch {
  private readonly means: CycleMeans
  private worker = 0
  private generation = 0
  private cycles = new Map<number, Watched>()
  private rounds = 0
  private cancel: Cancel = () => undefined

  constructor(means: CycleMeans) {
    this.means = means
  }

  /** The assignment is in force. */
  begin({ worker, generation, cycles = [] }: WorkerAssignment): void {
    this.stop()
    this.worker = worker
    this.generation = generation
    this.cycles = new Map(
      cycles.map((assigned) => [
        assigned.cycle,
        { assigned, isMine: assigned.workers[0] === worker, round: undefined, before: undefined },
      ]),
    )
    this.lookAfter(nextLookMs)
  }

  stop(): void {
    this.cancel()
    this.cycles = new Map()
  }

  /** From another worker of the plan, or of another plan. */
  received(from: number, frame: CycleFrame): void {
    const { generation, cycle } = frame
    const watched = generation === this.generation ? this.cycles.get(cycle) : undefined
    if (frame.type === 'cycle-probe') {
      const rest = watched === undefined ? busy : this.rest(watched)
      this.means.peers.get(from).sendCycle({ ...frame, ...rest, type: 'cycle-probed' })
      return
    }
    if (watched === undefined) return
    if (frame.type === 'cycle-end') this.end(watched)
    else if (watched.round?.number === frame.round) {
      watched.round.answers.set(from, frame)
      this.judge(watched, watched.round)
    }
  }

  private lookAfter(ms: number): void {
    const mine = [...this.cycles.values()].filter((watched) => watched.isMine && !this.isOver(watched))
    if (mine.length === 0) return
    this.cancel = this.means.clock.after(
      ms,
      () => {
        const isNear = mine.map((watched) => this.look(watched))
        this.lookAfter(isNear.includes(true) ? nextLookMs : idleLookMs)
      },
      { background: true },
    )
  }

  /** Whether it may come to its end at any moment. */
  private look(watched: Watched): boolean {
    const { clock, peers } = this.means
    const { round, assigned } = watched
    const now = clock.monotonic()
    if (round !== undefined && now - round.askedAtMs < answerMsMax) return true
    const own = this.rest(watched)
    const others = assigned.workers.filter((worker) => worker !== this.worker)
    const isLinked = others.every((worker) => peers.known(worker)?.isLinked === true)
    if (own.state !== resting || !isLinked) {
      watched.before = undefined
      return own.state === busy.state
    }
    const number = ++this.rounds
    const begun = { number, askedAtMs: now, own, answers: new Map<number, CycleRest>() }
    watched.round = begun
    const { generation } = this
    for (const worker of others)
      peers.get(worker).sendCycle({ type: 'cycle-probe', generation, cycle: assigned.cycle, round: number })
    return this.judge(watched, begun)
  }

  private judge(watched: Watched, { own, answers }: Round): boolean {
    const { workers, cycle } = watched.assigned
    if (answers.size < workers.length - 1) return true
    watched.round = undefined
    const { state, ends, sent, received } = sumOf([own, ...answers.values()])
    const { before } = watched
    watched.before = state === resting && ends > 0 && sent === received ? sent : undefined
    if (watched.before !== undefined && watched.before === before) {
      const { generation } = this
      for (const worker of answers.keys())
        this.means.peers.get(worker).sendCycle({ type: 'cycle-end', generation, cycle })
      this.end(watched)
    }
    return state !== open
  }

  private end({ assigned }: Watched): void {
    const inside = new Set(assigned.outputs)
    for (const id of assigned.instances)
      for (const { channel, isBack } of this.means.hosted(id)?.outputs.values() ?? [])
        if (isBack && inside.has(channel.id)) channel.endEarly()
  }

  /** All that this worker has of it has come to its end, which it does after all the others only. */
  private isOver({ assigned }: Watched): boolean {
    return assigned.instances.every((id) => this.means.hosted(id)?.hasFinished === true)
  }

  private rest({ assigned }: Watched): CycleRest {
    const { mayEnd, hosted } = this.means
    if (!mayEnd()) return busy
    const inputs = new Set(assigned.inputs)
    const outputs = new Set(assigned.outputs)
    return sumOf(
      assigned.instances.map((id) => {
        const one = hosted(id)
        return one === undefined ? busy : restOf(one, inputs, outputs)
      }),
    )
  }
}
