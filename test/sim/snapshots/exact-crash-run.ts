import { asError } from '../../../src/base/errors.ts'
import { seededRandom } from '../../../src/base/random.ts'
import type { Management } from '../../../src/cluster/client/index.ts'
import type { FlatNetwork } from '../../../src/model/flatten.ts'
import type { SimulatedClient } from '../../../src/testkit/cluster/simulated-cluster.ts'
import type { Step } from '../../../src/testkit/cluster/steps.ts'
import type { Crash, CrashPoint, CrashRun } from '../crash-run.ts'
import { compareEnd, deploymentOf, stateOf } from './exact-seed.ts'
import { ExactWorld } from './exact-world.ts'
import { kindsWith } from './kinds.ts'
import { Target } from './target.ts'

const wellMsMax = 20_000
const downMs = 200

/**
 * A cluster with a network that takes snapshots, is scaled, loses a node, and comes to its end; at one of its steps somebody ends, and
 * comes again a moment later. What it has at the end is that of a plain loop, wherever that was. Without `crash`, all its steps.
 */
export async function exactCrashRun(crash?: Crash): Promise<CrashRun> {
  const run = new Run(crash)
  try {
    await run.all()
  } catch (error) {
    run.world.violate(asError(error).stack ?? String(error))
  }
  return { points: run.points, violations: run.world.violations }
}

const network: FlatNetwork = {
  name: 'net',
  components: {
    source: { kind: 'source', base: 'sim:net', config: { count: 24 } },
    round: { kind: 'round', base: 'sim:net' },
    outlet: { kind: 'outlet', base: 'sim:net', instances: 2 },
    later: { kind: 'later', base: 'sim:net', instances: 2 },
    sum: { kind: 'sum', base: 'sim:net', instances: 2 },
  },
  connections: [
    { from: 'source.out', to: 'round.in', base: 'sim:net', selector: 'round-robin' },
    { from: 'round.again', to: 'round.back', back: true, base: 'sim:net', selector: 'round-robin' },
    { from: 'round.out', to: 'outlet.in', base: 'sim:net', selector: 'round-robin' },
    { from: 'outlet.out', to: 'later.in', base: 'sim:net', selector: { type: 'hash', key: 'key' } },
    { from: 'later.out', to: 'sum.in', base: 'sim:net', selector: { type: 'hash', key: 'key' } },
  ],
}

const times = { pauseMsMax: 120, pausePart: 1, slowMsMax: 20 }

class Run {
  readonly points: CrashPoint[] = []
  private readonly target = new Target()
  private readonly kinds = kindsWith(seededRandom(3), this.target, times)
  readonly world = new ExactWorld({
    seed: 1,
    nodes: ['a', 'b', 'c'].map((id) => ({ id, workers: 1 })),
    kinds: this.kinds,
    target: this.target,
    ttlMs: 1_000,
    isOneMachine: true,
    restarts: { delayMs: 20, delayMsMax: 200, restartsMax: 1_000 },
  })
  private readonly crash: Crash | undefined
  private act = ''
  private client: SimulatedClient | undefined
  private clientEnded = Promise.withResolvers<'ended'>()

  constructor(crash: Crash | undefined) {
    this.crash = crash
  }

  async all(): Promise<void> {
    const { world } = this
    const { cluster } = world
    const stop = cluster.steps.watch((step) => this.reached(step))
    for (const node of cluster.nodes.values()) node.start()
    const deployment = deploymentOf(network, this.kinds, { intervalMs: 100, keep: 2 })
    await this.change('deploy', (management) =>
      management.deploy(deployment, { by: 'test', mode: 'replace' }),
    )
    await this.untilCommitted(1)
    await this.change('scale', (management) => management.scale('net', 'sum', 3, { by: 'test' }))
    await this.untilCommitted(1)
    this.act = 'loss'
    cluster.nodes.get('c')!.kill()
    await this.untilCommitted(1)
    cluster.nodes.get('c')!.start()
    this.act = 'end'
    await this.until(() => this.isOver, 'it has finished')
    stop()
    await compareEnd(world, network)
  }

  private get isOver(): boolean {
    return stateOf(this.world) === 'finished' || stateOf(this.world) === 'failed'
  }

  /** What a user asks for, again where the client ended. */
  private async change(act: string, ask: (management: Management) => Promise<unknown>): Promise<void> {
    this.act = act
    const asked = async (): Promise<void> => {
      for (;;) {
        this.client = this.world.cluster.client()
        this.clientEnded = Promise.withResolvers()
        const end = await Promise.race([ask(this.client.management), this.clientEnded.promise])
        this.client = undefined
        if (end !== 'ended') return
      }
    }
    await this.world.cluster.settle(asked())
  }

  /** Snapshots of the version that is wanted. */
  private async untilCommitted(more: number): Promise<void> {
    const { world } = this
    const wanted = world.checks.view.networks.get('net')!.desired!.value.version
    const before = world.snapshots.committedCount
    const isThere = (): boolean =>
      world.snapshots.committedCount >= before + more && world.snapshots.last.get('net')!.version === wanted
    await this.until(() => this.isOver || isThere(), 'a snapshot is committed')
  }

  private async until(condition: () => boolean, what: string): Promise<void> {
    await this.world.cluster.until(condition, {
      msMax: wellMsMax,
      what: () => `${this.act}: ${what}`,
      everyMs: 10,
    })
  }

  private reached({ who, name, moment, endWorker }: Step): void {
    if (name === 'read' || name === 'renew') return
    const at = this.points.length
    this.points.push({ act: this.act, who, name, moment, at, isOfWorker: endWorker !== undefined })
    if (this.crash?.point.at !== at) return
    this.world.note('**', `${this.crash.what} of ${who} ends ${moment} "${name}"`)
    if (this.crash.what === 'worker') endWorker?.()
    else if (who === 'client') {
      this.client?.kill()
      this.clientEnded.resolve('ended')
    } else this.killNode(who)
  }

  private killNode(id: string): void {
    const { cluster } = this.world
    const node = cluster.nodes.get(id)!
    node.kill()
    cluster.time.at(cluster.time.nowMs + downMs, 0, () => node.start())
  }
}
