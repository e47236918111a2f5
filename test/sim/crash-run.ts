import assert from 'node:assert/strict'
import { drainRecord, asNodeId } from '../../src/cluster/protocol/index.ts'
import type { Deployment, Management } from '../../src/cluster/client/index.ts'
import { put, remove } from '../../src/store/operations.ts'
import { missing } from '../../src/testkit/cluster/goal.ts'
import type { SimulatedClient } from '../../src/testkit/cluster/simulated-cluster.ts'
import type { Step } from '../../src/testkit/cluster/steps.ts'
import { deployment } from './networks.ts'
import { World } from './world.ts'

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

/** Of each act, step and moment: the first, and of whole crowds of them one more. */
export function firstOfEach(points: readonly CrashPoint[]): readonly CrashPoint[] {
  const like = Map.groupBy(points, ({ act, name, moment }) => `${act}/${name}/${moment}`)
  return [...like.values()].flatMap((some) =>
    some.length > crowd ? [some[0]!, some.at(-1)!] : some.slice(0, 1),
  )
}

const crowd = 6

export function crashText({ point: { at, who, name, moment, act }, what }: Crash): string {
  return `the ${what} of ${who} ended ${moment} "${name}" (${act}), step ${at}`
}

export interface CrashRun {
  readonly points: readonly CrashPoint[]
  readonly violations: readonly string[]
}

const wellMsMax = 20_000
const downMs = 400
const restMs = 300
/** Deploying, changing and scaling make a version each; to repeat them makes none. */
const versions = 3

/**
 * A cluster that is deployed to, changed, scaled, drained, loses a node, and is emptied; at one of its steps somebody ends, and
 * comes again a moment later. Without `crash`, all its steps.
 */
export async function crashRun(crash?: Crash): Promise<CrashRun> {
  const run = new Run(crash)
  try {
    await run.all()
  } catch (error) {
    run.world.violate(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  return { points: run.points, violations: run.world.ledger.violations }
}

class Run {
  readonly world = new World({
    seed: 1,
    nodes: ['a', 'b', 'c'].map((id) => ({ id, workers: 1 })),
    ttlMs: 1_000,
    isOneMachine: true,
    restarts: { delayMs: 100, delayMsMax: 1_000 },
  })
  readonly points: CrashPoint[] = []
  private readonly crash: Crash | undefined
  private act = ''
  private client: SimulatedClient | undefined
  private clientEnded = Promise.withResolvers<'ended'>()

  constructor(crash: Crash | undefined) {
    this.crash = crash
  }

  async all(): Promise<void> {
    const { world } = this
    const { cluster, ledger } = world
    const stop = cluster.steps.watch((step) => this.reached(step))
    for (const node of cluster.nodes.values()) node.start()
    await this.change('deploy', (management) =>
      management.deploy(network(1), { by: 'test', mode: 'replace' }),
    )
    await this.change('reconfigure', (management) =>
      management.deploy(network(2), { by: 'test', mode: 'replace' }),
    )
    await this.change('scale', (management) => management.scale('net', 'pass', 3, { by: 'test' }))
    const drain = cluster.keys.drain(asNodeId('b'))
    const value = drainRecord.encode({ by: 'test', atMs: 0 })
    await this.then('drain', () => cluster.store.transact({ then: [put(drain, value)] }))
    await this.then('undrain', () => cluster.store.transact({ then: [remove(drain)] }))
    await this.then('loss', async () => cluster.nodes.get('c')!.kill())
    await this.then('return', async () => cluster.nodes.get('c')!.start())
    assert.equal(world.checks.view.networks.get('net')?.desired?.value.version, versions)
    await this.settle()
    await this.change('undeploy', (management) => management.undeploy('net'))
    stop()
    assert.ok(ledger.handled > 0, 'something is handled')
  }

  /** What a user asks for, again where the client ended. */
  private change(act: string, ask: (management: Management) => Promise<unknown>): Promise<void> {
    return this.then(act, async () => {
      for (;;) {
        this.client = this.world.cluster.client()
        this.clientEnded = Promise.withResolvers()
        const end = await Promise.race([ask(this.client.management), this.clientEnded.promise])
        this.client = undefined
        if (end !== 'ended') return
      }
    })
  }

  private async then(act: string, begin: () => Promise<unknown>): Promise<void> {
    const { world } = this
    this.act = act
    world.note('user', act)
    await world.cluster.settle(begin())
    const what = () => missing(world, 'net')
    await world.cluster.until(() => what() === undefined, {
      msMax: wellMsMax,
      what: () => `${act}: ${what()}`,
    })
    await world.cluster.pass(restMs)
  }

  /** Nobody is left out, as long as everybody is there. */
  private async settle(): Promise<void> {
    const { world } = this
    world.isQuiet = true
    await world.cluster.pass(2 * restMs)
    world.ledger.settle(() => true)
    world.isQuiet = false
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

function network(step: number): Deployment {
  return deployment(
    'net',
    {
      source: { kind: 'source' },
      pass: { kind: 'pass', instances: 2, config: { step } },
      keyed: { kind: 'keyed', instances: 2 },
    },
    [
      { from: 'source.out', to: 'pass.in' },
      { from: 'pass.out', to: 'keyed.in', selector: { type: 'hash', key: 'key' } },
    ],
  )
}
