import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machineClock } from '../../../src/base/clock.ts'
import { asError } from '../../../src/base/errors.ts'
import { systemRandom } from '../../../src/base/random.ts'
import * as builtInKinds from '../../../src/cli/run/built-in-kinds.ts'
import { loadDeployment } from '../../../src/cluster/client/load-deployment.ts'
import { Management } from '../../../src/cluster/client/management.ts'
import { Operation } from '../../../src/cluster/client/operation.ts'
import type { NetworkStatus } from '../../../src/cluster/client/status.ts'
import {
  type Address,
  ClusterKeys,
  type OpenRecord,
  openRecord,
  type Plan,
  planRecord,
} from '../../../src/cluster/protocol/index.ts'
import { Election, follow, type Following } from '../../../src/store/recipes/index.ts'
import type { Json, Network, Selector } from '../../../src/model/network.ts'
import type { Store } from '../../../src/store/store.ts'
import { openStore } from '../../../src/stores.ts'
import { createLoader } from '../../../src/worker/load-module.ts'
import { eventually } from '../../support/eventually.ts'
import type { EtcdHost } from '../../support/etcd-cluster.ts'
import { Journal } from './journal.ts'
import { NodeProcess } from './nodes.ts'

export interface ClusterOptions {
  readonly storeUrl: string
  readonly nodes?: number
  readonly ttlMs?: number
  readonly stallMs?: number
  readonly workers?: number
  /** Whether they serve the API. Default false. */
  readonly api?: boolean
  /** One for each node, where they do not share the loopback address. */
  readonly hosts?: readonly EtcdHost[]
  /** Where snapshots are of networks that do not say it. Default: as of a node. */
  readonly snapshots?: string
}

export interface ComponentText {
  readonly kind: string
  readonly instances?: number
  readonly config?: { readonly [field: string]: Json }
}

/** Components of a network, and what they are connected by. */
export interface NetworkText {
  readonly name: string
  readonly guarantee?: Network['guarantee']
  readonly snapshot?: Network['snapshot']
  readonly state?: Network['state']
  readonly journal?: Network['journal']
  readonly components: { readonly [name: string]: ComponentText }
  readonly connections: readonly {
    readonly from: string
    readonly to: string
    readonly selector?: Selector
    readonly back?: true
  }[]
}

const kindsUrl = new URL('kinds.ts', import.meta.url).href
/** Generous: the machine may be busy with other tests. */
export const settleMsMax = 60_000

/** Nodes in processes of their own, over a real store; and the test's own eyes and hands. */
export class FaultyCluster {
  readonly nodes: readonly NodeProcess[]
  readonly management: Management
  readonly operation: Operation
  readonly journal: Journal
  /** All that were written, in their order. */
  readonly plans: Plan[] = []
  private readonly folder: string
  private readonly store: Store
  private readonly keys: ClusterKeys
  private following: Following | undefined
  private watching: Promise<void> = Promise.resolve()
  private failure: Error | undefined
  /** Last. */
  private deployed: NetworkText | undefined

  private constructor(options: ClusterOptions, store: Store, folder: string) {
    const { storeUrl, nodes = 3, ttlMs = 2_000, stallMs = 10_000, workers = 2, api = false } = options
    const { hosts, snapshots } = options
    const cluster = 'faults'
    this.store = store
    this.folder = folder
    this.keys = new ClusterKeys(cluster)
    this.management = new Management(store, this.keys, { clock: machineClock, random: systemRandom })
    this.operation = new Operation(store, this.keys, { clock: machineClock })
    this.journal = new Journal(join(folder, 'journal'))
    this.nodes = Array.from({ length: nodes }, (_, at) => {
      const host = hosts?.[at]?.address ?? '127.0.0.1'
      const own = { id: `n${at}`, cluster, storeUrl, host, ttlMs, stallMs, workers, api }
      const order = { ...own, ...(snapshots !== undefined && { snapshots }) }
      return new NodeProcess(order, hosts?.[at]?.command)
    })
  }

  /** Fulfilled when all have joined and one manages. */
  static async start(options: ClusterOptions): Promise<FaultyCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'vertigo-cluster-'))
    const store = await openStore(options.storeUrl, machineClock)
    const cluster = new FaultyCluster(options, store, folder)
    try {
      cluster.following = await follow(store, cluster.keys.prefix)
      cluster.watching = cluster.watch(cluster.following)
      for (const node of cluster.nodes) node.start()
      await Promise.all(cluster.nodes.map((node) => node.joined()))
      await cluster.manager()
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()))
    this.following?.close()
    await this.watching
    await this.store.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Who manages, as the store has it. */
  manager(): Promise<NodeProcess> {
    return eventually('a node manages that lives', async () => {
      this.check()
      return this.managing()
    })
  }

  /** The same at this moment; undefined where none does. */
  async managing(): Promise<NodeProcess | undefined> {
    const election = new Election(this.store, this.keys.manager, { clock: machineClock })
    const leader = await election.leader()
    const id = (leader?.value as { node: string } | undefined)?.node
    return this.nodes.find((node) => node.id === id && node.lives)
  }

  /** A node that hosts instances and does not manage. */
  async hosting(): Promise<NodeProcess> {
    const manager = await this.manager()
    const { instances } = await this.status()
    const hosts = new Set(instances.map(({ node }) => String(node)))
    const others = this.nodes.filter((node) => node !== manager && node.lives)
    const found = others.find(({ id }) => hosts.has(id)) ?? others[0]
    assert.ok(found !== undefined, 'there is another node')
    return found
  }

  /** Where the workers of the network `net` listen for each other. */
  async dataPorts(): Promise<readonly Address[]> {
    return (await this.openWorkers()).map(({ address }) => address)
  }

  /** Those of the network `net`. */
  async openWorkers(): Promise<OpenRecord['workers']> {
    const { entry } = await this.store.get(this.keys.network('net').open)
    return entry === undefined ? [] : openRecord.decode(entry).workers
  }

  status(name = 'net'): Promise<NetworkStatus> {
    return this.management.status(name)
  }

  async deploy(
    text: NetworkText,
    mode: 'merge' | 'replace' = 'merge',
    options: { readonly anew?: boolean } = {},
  ): Promise<number> {
    this.deployed = text
    const file = join(this.folder, 'network.json')
    writeFileSync(file, JSON.stringify(text))
    const { builtInKind: builtIn, builtInNames } = builtInKinds
    const load = createLoader({ builtIn, builtInNames })
    const { deployment } = await loadDeployment(file, { load, builtInNames })
    return this.management.deploy(deployment, { by: 'test', mode, ...options })
  }

  /** It was us who killed the nodes, and none of the components: who kills one after the other has to say so. */
  async confess(copies?: {
    readonly tick: number
    readonly hop: number
    readonly end: number
  }): Promise<void> {
    await this.deploy(this.net(copies), 'merge', { anew: true })
    await this.until('the new version runs', ({ state }) => state === 'running')
  }

  /** The same where some of it is held back for that, at this moment. */
  async release(): Promise<void> {
    const { instances } = await this.status()
    const isHeld = instances.some(({ reason = '' }) => reason.includes('ended soon after getting it'))
    if (isHeld && this.deployed !== undefined) await this.deploy(this.deployed, 'merge', { anew: true })
  }

  /** A component with a kind of `kinds.ts`, and the journal in its configuration. */
  component(kind: string, given: { readonly [field: string]: number } = {}): ComponentText {
    const { instances = 1, ...config } = given
    return { kind: `${kindsUrl}#${kind}`, instances, config: { journal: this.journal.path, ...config } }
  }

  /** Each tick goes to all hops, each of theirs to all ends. What fails is replaced while the others go on, and what it held is lost. */
  net(copies = { tick: 2, hop: 3, end: 2 }): NetworkText {
    return {
      name: 'net',
      guarantee: 'at-most-once',
      components: {
        tick: this.component('ticks', { instances: copies.tick }),
        hop: this.component('hops', { instances: copies.hop }),
        end: this.component('ends', { instances: copies.end }),
      },
      connections: [
        { from: 'tick.out', to: 'hop.in', selector: 'all' },
        { from: 'hop.out', to: 'end.in', selector: 'all' },
      ],
    }
  }

  /** Waits until the network runs and messages come by all ways that it has, which were made after `sinceMs`. */
  async flows(sinceMs: number, copies = { tick: 2, hop: 3, end: 2 }): Promise<NetworkStatus> {
    const wanted: string[] = []
    for (let tick = 0; tick < copies.tick; tick++)
      for (let hop = 0; hop < copies.hop; hop++)
        for (let end = 0; end < copies.end; end++) wanted.push(`tick[${tick}] hop[${hop}] end[${end}]`)
    let status: NetworkStatus | undefined
    let missing: readonly string[] = wanted
    try {
      return await eventually(
        'the network runs, and messages come by all its ways',
        async () => {
          this.check()
          const paths = this.journal.read().pathsSince(sinceMs)
          missing = wanted.filter((path) => !paths.has(path))
          if (missing.length > 0) return undefined
          status = await this.status()
          return status.state === 'running' ? status : undefined
        },
        settleMsMax,
      )
    } catch (error) {
      status = await this.status().catch(() => undefined)
      throw new Error(
        `nothing came by ${missing.join(', ')}; ${JSON.stringify(status, undefined, 1)}\n${this.troubles()}`,
        { cause: error },
      )
    }
  }

  /** What the nodes said last. */
  troubles(): string {
    return this.nodes.map(({ id, told }) => `${id}: ${JSON.stringify(told.slice(-20))}`).join('\n')
  }

  /** Waits for a status. */
  async until(what: string, isSo: (status: NetworkStatus) => boolean, name = 'net'): Promise<NetworkStatus> {
    let last: NetworkStatus | undefined
    try {
      return await eventually(
        what,
        async () => {
          this.check()
          last = await this.status(name)
          return isSo(last) ? last : undefined
        },
        settleMsMax,
      )
    } catch (error) {
      throw new Error(`${what}: ${JSON.stringify(last, undefined, 1)}`, { cause: error })
    }
  }

  /** Each plan follows from the one before it, under the same term or a later one. */
  checkPlans(): void {
    assert.ok(this.plans.length > 0, 'plans were seen')
    for (const [at, plan] of this.plans.entries()) {
      const before = this.plans[at - 1]
      assert.equal(plan.parent, plan.generation - 1)
      if (before === undefined) continue
      assert.equal(plan.generation, before.generation + 1, 'one plan after the other')
      assert.ok(plan.term >= before.term, 'terms grow')
    }
  }

  /** All that must hold after whatever has happened. */
  checkAll({ oneEmitter = true, drains = false } = {}): void {
    this.check()
    this.checkPlans()
    this.journal.read().checkChannels({ drains })
    const ended = this.nodes.reduce((sum, node) => sum + node.ended, 0)
    assert.ok(
      this.journal.cut.length <= ended,
      `of ${ended} processes that ended: ${this.journal.cut.join('; ')}`,
    )
    if (oneEmitter) this.journal.checkOneEmitter()
  }

  check(): void {
    if (this.failure !== undefined) throw this.failure
    for (const node of this.nodes) node.check()
  }

  /** Of the network `net`. */
  private async watch(following: Following): Promise<void> {
    const { plan } = this.keys.network('net')
    try {
      for await (const { changes } of following)
        for (const { key, entry } of changes)
          if (key === plan && entry !== undefined) this.plans.push(planRecord.decode(entry))
    } catch (error) {
      this.failure = asError(error)
    }
  }
}

export function nowMs(): number {
  return machineClock.monotonic()
}
