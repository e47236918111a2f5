import { machineClock, sleep } from '../../../src/base/clock.ts'
import { asError } from '../../../src/base/errors.ts'
import type { Random } from '../../../src/base/random.ts'
import type { FaultyCluster } from '../cluster-faults/cluster.ts'
import type { NodeProcess } from '../cluster-faults/nodes.ts'
import { eventually, Hopeless } from '../../support/eventually.ts'

/** One way in which something fails. It is over when what failed is there again. */
export interface Fault {
  readonly name: string
  /** How often it is picked, beside the others. */
  readonly weight: number
  /** `node`: of one, while others may befall the others. `all`: of all of them, whatever befalls them. `none`: of something else. */
  readonly of: 'node' | 'manager' | 'all' | 'none'
  readonly run: (victims: readonly NodeProcess[], random: Random) => Promise<void>
}

export interface KillerMeans {
  readonly cluster: FaultyCluster
  readonly random: Random
  readonly faults: readonly Fault[]
  /** Fulfilled with true when the network has come further than before. */
  readonly progress: () => Progress
  /** Told of each fault as it begins. */
  readonly say?: (line: string) => void
}

/** Whether, since it was made, a snapshot has been committed. */
export type Progress = () => Promise<boolean>

/** Faults that are under way at the same time. */
const atOnceMax = 2
const calmMsMax = 600
/** A network that does not come to a snapshot within this time, with two thirds of its nodes there, does not survive. */
const progressMsMax = 90_000

/** Lets things fail, at random, one after the other and two at a time. */
export class Killer {
  /** How many there were of each. */
  readonly counts = new Map<string, number>()
  private readonly means: KillerMeans
  private readonly busy = new Set<NodeProcess>()
  private readonly underWay = new Map<Fault, Promise<void>>()
  private readonly startMs = machineClock.monotonic()
  private failure: Error | undefined

  constructor(means: KillerMeans) {
    this.means = means
  }

  /** Errors: what did not come back, or did not go on. */
  async rage(count: number): Promise<void> {
    const { random } = this.means
    for (let number = 1; number <= count; number++) {
      await this.one(number)
      // Sometimes the next one comes before this one is overcome.
      if (random.int(2) === 0) await sleep(machineClock, random.int(calmMsMax))
      else await this.goesOn()
    }
    await this.settle()
    this.check()
  }

  /** Until nothing is failing any more. Never rejects. */
  async settle(): Promise<void> {
    await Promise.all(this.underWay.values())
  }

  /** What lies on the ground gets up; and it was us who killed the nodes, and none of the components. */
  async tend(): Promise<void> {
    this.check()
    const { cluster } = this.means
    cluster.check()
    for (const node of cluster.nodes) if (!node.lives && !this.busy.has(node)) node.start()
    await cluster.release()
  }

  /** With the time since the beginning. */
  say(text: string): void {
    const seconds = ((machineClock.monotonic() - this.startMs) / 1_000).toFixed(1)
    this.means.say?.(`${seconds} s, ${text}`)
  }

  private async one(number: number): Promise<void> {
    const fault = await this.next()
    const victims = await this.victims(fault)
    const { random } = this.means
    this.say(`fault ${number}: ${fault.name}${victims.map(({ id }) => ` ${id}`).join('')}`)
    this.counts.set(fault.name, (this.counts.get(fault.name) ?? 0) + 1)
    for (const victim of victims) this.busy.add(victim)
    const over = fault
      .run(victims, random)
      .catch(
        (error: unknown) =>
          (this.failure ??= new Hopeless(`fault ${number}, ${fault.name}`, { cause: asError(error) })),
      )
      .then(() => {
        this.underWay.delete(fault)
        for (const victim of victims) this.busy.delete(victim)
      })
    this.underWay.set(fault, over)
  }

  /** The next one that may begin now. Each kind of them is under way once. */
  private async next(): Promise<Fault> {
    const fault = this.pick()
    while (!this.mayBegin(fault)) await Promise.race(this.underWay.values())
    this.check()
    return fault
  }

  private mayBegin(fault: Fault): boolean {
    const others = [...this.underWay.keys()]
    if (others.length === 0) return true
    const isOfAll = [fault, ...others].some(({ of }) => of === 'all')
    return !isOfAll && others.length < atOnceMax && !others.includes(fault)
  }

  private pick(): Fault {
    const { faults, random } = this.means
    let left = random.int(faults.reduce((sum, { weight }) => sum + weight, 0))
    for (const fault of faults) {
      left -= fault.weight
      if (left < 0) return fault
    }
    throw new Error('there is a fault')
  }

  private async victims({ of }: Fault): Promise<readonly NodeProcess[]> {
    const { cluster, random } = this.means
    if (of === 'none') return []
    if (of === 'all') return cluster.nodes
    const free = cluster.nodes.filter((node) => !this.busy.has(node))
    const any = free[random.int(free.length)]!
    if (of === 'node') return [any]
    // Nobody may manage at this moment.
    const manager = await cluster.managing().catch(() => undefined)
    return [manager === undefined || this.busy.has(manager) ? any : manager]
  }

  private async goesOn(): Promise<void> {
    const hasProgressed = this.means.progress()
    await eventually(
      'the network goes on: another snapshot is committed',
      async () => {
        await this.tend()
        return hasProgressed()
      },
      progressMsMax,
    )
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure
  }
}
