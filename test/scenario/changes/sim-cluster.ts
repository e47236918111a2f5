import { type Random, seededRandom } from '../../../src/base/random.ts'
import { assignmentsOf } from '../../../src/cluster/agent/assignments.ts'
import type { Plan } from '../../../src/cluster/protocol/plan.ts'
import { eventLoopTurn, TestClock } from '../../../src/testkit/test-clock.ts'
import { decodeFrame } from '../../../src/wire/frame.ts'
import type { WorkerAssignment } from '../../../src/worker/assignment.ts'
import { Worker } from '../../../src/worker/worker.ts'
import { relayKind, sourceKind, type Stand, Trace } from './kinds.ts'
import { SimLinks } from './sim-links.ts'

interface Host {
  readonly worker: Worker
  readonly number: number
  mayRun: boolean
  isDead: boolean
  /** Generation that is prepared, or in force. */
  ready: number
  inForce: number
  links: Set<number>
}

/** Several real workers in one thread, and agents that do what plans say, each in its own time. */
export class SimCluster {
  readonly clock = new TestClock()
  readonly trace = new Trace()
  readonly finished = new Set<number>()
  readonly hosts = new Map<number, Host>()
  readonly warnings: string[] = []
  readonly #chance: Random
  readonly #links: SimLinks
  readonly #kindsOf: (stand: Stand) => Readonly<Record<string, unknown>>
  #failure: Error | undefined

  /** `kindsOf`: by address, for one worker. */
  constructor(
    seed: number,
    kindsOf: (stand: Stand) => Readonly<Record<string, unknown>> = (stand) => ({
      './source.ts': sourceKind(stand),
      './relay.ts': relayKind(stand),
    }),
  ) {
    this.#kindsOf = kindsOf
    this.#chance = seededRandom(seed * 7919 + 1)
    this.#links = new SimLinks(this.clock, this.#chance)
  }

  /** Prepares a plan at all its workers; fulfilled when all are ready. */
  async prepare(plan: Plan, versions: Parameters<typeof assignmentsOf>[1]): Promise<boolean> {
    const limits = { limits: { queueMessagesMax: 8, parcelMessagesMax: 4 } }
    const assignments = assignmentsOf(plan, versions, limits)
    const ready = await Promise.all(
      assignments.map(async (assignment) => {
        const host = this.#host(assignment)
        const isReady = await host.worker.prepareNext(assignment)
        if (isReady) host.ready = assignment.generation
        return isReady
      }),
    )
    return ready.every(Boolean)
  }

  /** Each worker hears of it after a while, if it does not have a later plan by then. */
  open(plan: Plan): void {
    for (const host of this.hosts.values()) {
      this.clock.after(this.#chance.int(15), () => {
        if (host.isDead || host.worker.assignment.generation !== plan.generation) return
        if (host.ready === plan.generation) this.#switchOver(host)
      })
    }
  }

  hold(): void {
    for (const host of this.hosts.values()) {
      const { inForce } = host
      this.clock.after(this.#chance.int(5), () => {
        if (host.isDead || host.inForce !== inForce) return
        host.worker.hold()
        host.mayRun = false
      })
    }
  }

  /** What is in force goes on. */
  release(): void {
    for (const host of this.hosts.values()) {
      if (host.inForce === 0) continue
      host.mayRun = true
      host.worker.release()
    }
  }

  kill(number: number): void {
    const host = this.hosts.get(number)!
    host.isDead = true
    host.mayRun = false
    this.#links.cut(number)
    this.hosts.delete(number)
    host.worker.close().catch((error: unknown) => this.#fail(error))
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.clock.now() + ms
    do {
      await this.#settle()
    } while (this.clock.advanceToNext(untilMs))
    await this.#settle()
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    for (let i = 0; i < 600; i++) {
      if (condition()) return
      await this.advance(10)
    }
    throw new Error(`did not happen within 6 s of the simulation: ${what}`)
  }

  async close(): Promise<void> {
    const closed = Promise.all([...this.hosts.values()].map(({ worker }) => worker.close()))
    await this.advance(10_000)
    await closed
  }

  async #settle(): Promise<void> {
    do {
      this.clock.runSoon(100_000)
      await eventLoopTurn()
    } while (this.clock.hasSoon)
    if (this.#failure !== undefined) throw this.#failure
  }

  #fail(error: unknown): void {
    this.#failure ??= error as Error
  }

  #switchOver(host: Host): void {
    const links = new Map(
      [...this.hosts.values()]
        .filter(({ number }) => number !== host.number && !host.links.has(number))
        .map(({ number }) => {
          host.links.add(number)
          return [number, this.#links.end(host.number, number, (frame) => this.#onSend(host, frame))]
        }),
    )
    host.mayRun = true
    host.inForce = host.ready
    host.worker.switchOver(links)
  }

  /** Nothing is emitted before the generation is open, and while the worker is held. */
  #onSend(host: Host, frame: Uint8Array): void {
    if (host.mayRun || host.isDead) return
    // Credit, and that a mark was seen, are answers: nothing is emitted by them.
    const { type } = decodeFrame(frame)
    if (type !== 'credit' && type !== 'mark-seen') {
      this.#fail(new Error(`worker ${host.number} has sent messages while it was held`))
    }
  }

  #host(assignment: WorkerAssignment): Host {
    const number = assignment.worker
    const known = this.hosts.get(number)
    if (known !== undefined) return known
    const stand: Stand = {
      worker: number,
      trace: this.trace,
      chance: this.#chance,
      called: () => {
        const own = this.hosts.get(number)
        if (own !== undefined && !own.mayRun)
          throw new Error(`worker ${number} has called a handler while it was held`)
      },
    }
    const kinds = this.#kindsOf(stand)
    const worker = new Worker(assignment, {
      clock: this.clock,
      random: seededRandom(number),
      load: ({ address }) => Promise.resolve(kinds[address]),
      check: 'none',
      counters: { write: () => undefined, running: () => undefined, ready: () => undefined },
      events: {
        finished: () => undefined,
        instanceFinished: (id) => this.finished.add(id),
        failed: (error) => this.#fail(error),
        linkFailed: (_peer, error) => this.#fail(error),
        rejected: (record) => this.#fail(new Error(record.error.message)),
        logged: (record, taken) => {
          this.warnings.push(record.message)
          taken()
        },
        metric: () => undefined,
      },
    })
    const host: Host = {
      worker,
      number,
      mayRun: false,
      isDead: false,
      ready: 0,
      inForce: 0,
      links: new Set(),
    }
    this.hosts.set(number, host)
    return host
  }
}
