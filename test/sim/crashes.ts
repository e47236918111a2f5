import type { Cancel } from '../../src/base/clock.ts'
import { asError } from '../../src/base/errors.ts'
import type { Management } from '../../src/cluster/client/index.ts'
import type { CheckedCluster } from '../../src/testkit/cluster/checked-cluster.ts'
import type { SimulatedClient } from '../../src/testkit/cluster/simulated-cluster.ts'
import type { Step } from '../../src/testkit/cluster/steps.ts'

/** A step of the run, and the act of it in which it is done. */
export interface CrashPoint extends Pick<Step, 'who' | 'name' | 'moment'> {
  readonly act: string
  /** As the how manieth step of the run, from 0. */
  readonly at: number
  readonly isOfWorker: boolean
}

/** `node`: the process of who does the step, a client's as well. */
export interface Crash {
  readonly point: CrashPoint
  readonly what: 'node' | 'worker'
}

/** All that can end at these steps. */
export function crashesOf(points: readonly CrashPoint[]): readonly Crash[] {
  return points.flatMap((point): Crash[] =>
    point.isOfWorker
      ? [
          { point, what: 'node' },
          { point, what: 'worker' },
        ]
      : [{ point, what: 'node' }],
  )
}

const crowd = 6

/** Of each act, step and moment: the first, and of whole crowds of them one more. */
export function firstOfEach(points: readonly CrashPoint[]): readonly CrashPoint[] {
  const like = Map.groupBy(points, ({ act, name, moment }) => `${act}/${name}/${moment}`)
  return [...like.values()].flatMap((some) =>
    some.length > crowd ? [some[0]!, some.at(-1)!] : some.slice(0, 1),
  )
}

export function crashText({ point: { at, who, name, moment, act }, what }: Crash): string {
  return `the ${what} of ${who} ended ${moment} "${name}" (${act}), step ${at}`
}

export interface CrashRun {
  readonly points: readonly CrashPoint[]
  readonly violations: readonly string[]
}

/** A run that somebody crashes in. */
export interface Crashable {
  readonly world: CheckedCluster
  readonly crasher: Crasher
  readonly violations: readonly string[]
  all(): Promise<void>
}

export async function runToItsEnd(run: Crashable): Promise<CrashRun> {
  const { world, crasher } = run
  const stop = crasher.watch()
  try {
    await run.all()
  } catch (error) {
    world.violate(asError(error).stack ?? String(error))
  } finally {
    stop()
  }
  return { points: crasher.points, violations: run.violations }
}

/** Notes all steps of a run; at one of them somebody ends, and comes again a moment later. */
export class Crasher {
  readonly points: CrashPoint[] = []
  /** What is going on. */
  act = ''
  private readonly world: CheckedCluster
  private readonly crash: Crash | undefined
  private readonly downMs: number
  private client: SimulatedClient | undefined
  private clientEnded = Promise.withResolvers<'ended'>()

  constructor(world: CheckedCluster, crash: Crash | undefined, downMs: number) {
    this.world = world
    this.crash = crash
    this.downMs = downMs
  }

  watch(): Cancel {
    return this.world.cluster.steps.watch((step) => this.reached(step))
  }

  /** What a user asks for, again where the client ended. */
  async ask(what: (management: Management) => Promise<unknown>): Promise<void> {
    for (;;) {
      this.client = this.world.cluster.client()
      this.clientEnded = Promise.withResolvers()
      const end = await Promise.race([what(this.client.management), this.clientEnded.promise])
      this.client = undefined
      if (end !== 'ended') return
    }
  }

  private reached({ who, name, moment, endWorker }: Step): void {
    if (name === 'read' || name === 'renew') return
    const { crash, act } = this
    const at = this.points.length
    this.points.push({ act, who, name, moment, at, isOfWorker: endWorker !== undefined })
    if (crash?.point.at !== at) return
    this.world.note('**', `${crash.what} of ${who} ends ${moment} "${name}"`)
    if (crash.what === 'worker') endWorker?.()
    else if (who === 'client') {
      this.client?.kill()
      this.clientEnded.resolve('ended')
    } else this.killNode(who)
  }

  private killNode(id: string): void {
    const { cluster } = this.world
    const node = cluster.nodes.get(id)!
    node.kill()
    cluster.time.at(cluster.time.nowMs + this.downMs, 0, () => node.start())
  }
}
