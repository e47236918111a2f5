import { asError, VertigoError } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { didYouMean } from '../../base/suggest.ts'
import type { Deployment } from '../../cluster/client/index.ts'
import type { Load } from '../../worker/worker.ts'
import { Faults } from './faults.ts'
import { missing } from './goal.ts'
import { ObservedCluster } from './observed-cluster.ts'
import type {
  ClusterFault,
  ClusterSimulationOptions,
  ObservedMessage,
  SimulatedNodeOptions,
  SimulatedRun,
  SimulatedRunSummary,
} from './simulation-options.ts'

export interface SeedMeans {
  readonly deployment: Deployment
  readonly load: Load
  readonly nodes: readonly SimulatedNodeOptions[]
  readonly faults: readonly ClusterFault[]
  readonly options: Pick<ClusterSimulationOptions, 'faultsForMs' | 'until' | 'untilMsMax' | 'check' | 'trace'>
}

/** Component that takes what the network exports. */
export const exported = 'simulation-exports'

const ttlMs = 1_000
/** So long everything may take to be as it should be, without faults. */
const wellMsMax = 40_000
const stopMsMax = 120_000
const restMs = 1_000
const askMs = 50
const faultsForMsDefault = 5_000
const untilMsMaxDefault = 60_000
/** Failures on purpose are not to be the end of a network, however many there are. */
const restarts = { delayMs: 100, delayMsMax: 1_000, restartsMax: 1_000 }
const violationsShown = 5

/** Runs one seed. Errors: SIMULATION_FAILED. */
export async function simulateSeed(seed: number, means: SeedMeans): Promise<SimulatedRunSummary> {
  const run = new SeedRun(seed, means)
  await run.all()
  return run.summary
}

class SeedRun implements SimulatedRun {
  readonly seed: number
  private readonly means: SeedMeans
  private readonly world: ObservedCluster
  private readonly disturbing: Faults

  constructor(seed: number, means: SeedMeans) {
    const { deployment, load, nodes, options, faults } = means
    const random = seededRandom(seed ^ 0x9107)
    this.seed = seed
    this.means = means
    this.world = new ObservedCluster({
      seed,
      nodes,
      ttlMs,
      restarts,
      isOneMachine: random.next() < 0.5,
      deployment,
      load,
      ...(options.trace && { trace: options.trace }),
    })
    this.disturbing = new Faults(this.world, random, faults)
  }

  get faults(): number {
    return this.disturbing.count
  }

  get hash(): number {
    return this.world.traceHash
  }

  get lost(): readonly string[] {
    return [...this.world.allLives()].flatMap(({ state, component, index }) =>
      state === 'lost' && component !== exported ? [`${component}[${index}]`] : [],
    )
  }

  get summary(): SimulatedRunSummary {
    const { seed, lost, faults, hash, world } = this
    return { seed, lost, faults, hash, handled: world.handledCount }
  }

  received(port: string): readonly ObservedMessage[] {
    this.checkPort(port, 'inputs')
    return this.world.received.get(port) ?? []
  }

  sent(port: string): readonly ObservedMessage[] {
    this.checkPort(port, 'outputs')
    return this.world.emitted.get(port) ?? []
  }

  async all(): Promise<void> {
    const { world } = this
    let cause: unknown
    try {
      await this.act()
      world.flows.settle()
      if (world.violations.length === 0) this.means.options.check?.(this)
    } catch (error) {
      cause = error
      if (error !== world.failure) world.violations.push(asError(error).message)
    }
    if (world.violations.length > 0) throw this.failure(cause ?? world.failure)
  }

  private async act(): Promise<void> {
    const { world, means, disturbing } = this
    const { cluster } = world
    const { faultsForMs = faultsForMsDefault } = means.options
    for (const node of cluster.nodes.values()) node.start()
    const { management } = cluster.client()
    await cluster.settle(management.deploy(means.deployment, { by: 'simulation', mode: 'replace' }))
    await this.untilWell()
    disturbing.begin()
    await cluster.pass(faultsForMs)
    disturbing.end()
    world.note('--', 'faults have ended')
    await this.untilWell()
    await this.untilWanted()
    if (this.state === 'finished') return
    await cluster.settle(management.undeploy(world.network))
    const isOver = (): boolean =>
      (this.state === 'stopped' || this.state === 'finished') && this.missing === undefined
    await cluster.until(isOver, {
      msMax: stopMsMax,
      what: () => `the network did not come to its end: ${this.missing ?? this.state}`,
      everyMs: askMs,
    })
  }

  private get state(): string | undefined {
    return this.world.checks.view.networks.get(this.world.network)?.outcome?.value.state
  }

  private get missing(): string | undefined {
    return missing(this.world, this.world.network, { mayFinish: true })
  }

  /** A network that has failed or was refused has nothing more to come, but is not what anybody wants. */
  private async untilWell(): Promise<void> {
    const { cluster, checks, network } = this.world
    await cluster.until(
      () => {
        this.stopAtFailure()
        const outcome = checks.view.networks.get(network)?.outcome?.value
        if (outcome?.state === 'failed' || outcome?.state === 'refused')
          throw new Error(
            `the network is ${outcome.state}: ${outcome.error?.message ?? 'for no known reason'}`,
          )
        return outcome !== undefined && this.missing === undefined
      },
      {
        msMax: wellMsMax,
        what: () => `the network did not run as wanted: ${this.missing ?? 'nothing is known of it'}`,
        everyMs: askMs,
      },
    )
    this.world.note('--', 'all is as it should be')
  }

  private async untilWanted(): Promise<void> {
    const { until, untilMsMax = untilMsMaxDefault } = this.means.options
    if (until === undefined) return this.world.cluster.pass(restMs)
    const isOver = (): boolean => {
      this.stopAtFailure()
      return this.state === 'finished' || until(this)
    }
    await this.world.cluster.until(isOver, {
      msMax: untilMsMax,
      what: () => '`until` did not become true',
      everyMs: askMs,
    })
  }

  /** A component that fails by itself goes on to do so. */
  private stopAtFailure(): void {
    if (this.world.failure !== undefined) throw this.world.failure
  }

  private failure(cause: unknown): VertigoError {
    const { world, seed } = this
    const [...all] = world.violations
    const more = all.length > violationsShown ? `\n  and ${all.length - violationsShown} more` : ''
    const shown = all.slice(0, violationsShown).map((what) => `\n  ${what}`)
    return new VertigoError(
      'SIMULATION_FAILED',
      `Seed ${seed} of the simulation of "${world.network}" failed:${shown.join('')}${more}`,
      {
        cause,
        remedy: `Run it alone with \`seed: ${seed}\`; \`trace: console.log\` shows all that happens in it.`,
      },
    )
  }

  private checkPort(port: string, direction: 'inputs' | 'outputs'): void {
    const { kinds } = this.means.deployment
    const all = Object.entries(kinds).flatMap(([name, kind]) =>
      kind[direction].map((one) => `${name}.${one}`),
    )
    if (!all.includes(port))
      throw new VertigoError(
        'PORT_UNKNOWN',
        `The network "${this.world.network}" has no port "${port}" among its ${direction}.${didYouMean(port, all)}`,
      )
  }
}
