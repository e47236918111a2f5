import assert from 'node:assert/strict'
import { drainRecord, asNodeId } from '../../src/cluster/protocol/index.ts'
import type { Deployment, Management } from '../../src/cluster/client/index.ts'
import { put, remove } from '../../src/store/operations.ts'
import { missing } from '../../src/testkit/cluster/goal.ts'
import { type Crash, Crasher, type CrashRun, runToItsEnd } from './crashes.ts'
import { deployment } from './networks.ts'
import { World } from './world.ts'

const wellMsMax = 20_000
const downMs = 400
const restMs = 300
/** Deploying, changing and scaling make a version each; to repeat them makes none. */
const versions = 3

/**
 * A cluster that is deployed to, changed, scaled, drained, loses a node, and is emptied; at one of its steps somebody ends, and
 * comes again a moment later. Without `crash`, all its steps.
 */
export function crashRun(crash?: Crash): Promise<CrashRun> {
  return runToItsEnd(new Run(crash))
}

class Run {
  readonly world = new World({
    seed: 1,
    nodes: ['a', 'b', 'c'].map((id) => ({ id, workers: 1 })),
    ttlMs: 1_000,
    isOneMachine: true,
    restarts: { delayMs: 100, delayMsMax: 1_000 },
  })
  readonly crasher: Crasher

  constructor(crash: Crash | undefined) {
    this.crasher = new Crasher(this.world, crash, downMs)
  }

  get violations(): readonly string[] {
    return this.world.ledger.violations
  }

  async all(): Promise<void> {
    const { world } = this
    const { cluster, ledger } = world
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
    assert.ok(ledger.handled > 0, 'something is handled')
  }

  /** What a user asks for, again where the client ended. */
  private change(act: string, ask: (management: Management) => Promise<unknown>): Promise<void> {
    return this.then(act, () => this.crasher.ask(ask))
  }

  private async then(act: string, begin: () => Promise<unknown>): Promise<void> {
    const { world } = this
    this.crasher.act = act
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
