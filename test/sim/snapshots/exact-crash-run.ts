import { seededRandom } from '../../../src/base/random.ts'
import type { Management } from '../../../src/cluster/client/index.ts'
import type { FlatNetwork } from '../../../src/model/flatten.ts'
import { type Crash, Crasher, type CrashRun, runToItsEnd } from '../crashes.ts'
import { compareEnd, deploymentOf, stateOf } from './exact-seed.ts'
import { ExactWorld } from './exact-world.ts'
import { Outside } from './intake.ts'
import { kindsWith } from './kinds.ts'
import { Target } from './target.ts'
import { Trees } from './trees.ts'

const wellMsMax = 20_000
const downMs = 200

/**
 * A cluster with a network that takes snapshots, is scaled, loses a node, and comes to its end; at one of its steps somebody ends, and
 * comes again a moment later. What it has at the end is that of a plain loop, wherever that was. Without `crash`, all its steps.
 */
export function exactCrashRun(crash?: Crash): Promise<CrashRun> {
  return runToItsEnd(new Run(crash))
}

const network: FlatNetwork = {
  name: 'net',
  journal: { folder: '/shared' },
  components: {
    source: { kind: 'tracked', base: 'sim:net', config: { count: 16 } },
    intake: { kind: 'intake', base: 'sim:net', config: { count: 8, keys: 'even' } },
    round: { kind: 'round', base: 'sim:net' },
    outlet: { kind: 'outlet', base: 'sim:net', instances: 2 },
    later: { kind: 'later', base: 'sim:net', instances: 2 },
    sum: { kind: 'sum', base: 'sim:net', instances: 2 },
  },
  connections: [
    { from: 'intake.out', to: 'round.in', base: 'sim:net', selector: 'round-robin' },
    { from: 'source.out', to: 'round.in', base: 'sim:net', selector: 'round-robin' },
    { from: 'round.again', to: 'round.back', back: true, base: 'sim:net', selector: 'round-robin' },
    { from: 'round.out', to: 'outlet.in', base: 'sim:net', selector: 'round-robin' },
    { from: 'outlet.out', to: 'later.in', base: 'sim:net', selector: { type: 'hash', key: 'key' } },
    { from: 'later.out', to: 'sum.in', base: 'sim:net', selector: { type: 'hash', key: 'key' } },
  ],
}

const times = { pauseMsMax: 120, pausePart: 1, slowMsMax: 20 }

class Run {
  private readonly target = new Target()
  private readonly trees = new Trees()
  private readonly outside = new Outside(seededRandom(4))
  private readonly kinds = new Map([
    ...kindsWith(seededRandom(3), this.target, times, this.trees),
    ['intake', this.outside.kind(times.pauseMsMax)] as const,
  ])
  readonly world = new ExactWorld({
    seed: 1,
    nodes: ['a', 'b', 'c'].map((id) => ({ id, workers: 1 })),
    kinds: this.kinds,
    target: this.target,
    outside: this.outside,
    trees: this.trees,
    ttlMs: 1_000,
    isOneMachine: true,
    restarts: { delayMs: 20, delayMsMax: 200, restartsMax: 1_000 },
  })
  readonly crasher: Crasher

  constructor(crash: Crash | undefined) {
    this.crasher = new Crasher(this.world, crash, downMs)
  }

  get violations(): readonly string[] {
    return this.world.violations
  }

  async all(): Promise<void> {
    const { world } = this
    const { cluster } = world
    for (const node of cluster.nodes.values()) node.start()
    const deployment = deploymentOf(network, this.kinds, {
      intervalMs: 100,
      keep: 2,
      // Some files are in manifests, others stored.
      inlineBytesMax: 250,
    })
    await this.change('deploy', (management) =>
      management.deploy(deployment, { by: 'test', mode: 'replace' }),
    )
    await this.untilCommitted(1)
    await this.change('scale', (management) => management.scale('net', 'sum', 3, { by: 'test' }))
    await this.untilCommitted(1)
    this.crasher.act = 'loss'
    cluster.nodes.get('c')!.kill()
    await this.untilCommitted(1)
    cluster.nodes.get('c')!.start()
    this.crasher.act = 'end'
    await this.until(() => this.isOver, 'it has finished')
    await compareEnd(world, network)
  }

  private get isOver(): boolean {
    return stateOf(this.world) === 'finished' || stateOf(this.world) === 'failed'
  }

  private async change(act: string, ask: (management: Management) => Promise<unknown>): Promise<void> {
    this.crasher.act = act
    await this.world.cluster.settle(this.crasher.ask(ask))
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
      what: () => `${this.crasher.act}: ${what}`,
      everyMs: 10,
    })
  }
}
