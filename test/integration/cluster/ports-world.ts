import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type ClusterConnection, connectCluster, type RunningNode, startNode } from '../../../src/cluster.ts'
import { openStore } from '../../../src/stores.ts'
import { machineClock } from '../../../src/base/clock.ts'
import { eventually } from '../../support/eventually.ts'
import { NodeProcess } from '../cluster-faults/nodes.ts'

export const cluster = 'ports'
export const kinds = new URL('../../fixtures/run/asking.ts', import.meta.url).href

/** A network that doubles what it is asked, and passes on what it is given, at once. */
export const asking = {
  name: 'asking',
  guarantee: 'at-most-once',
  components: {
    double: { kind: `${kinds}#doubling`, errors: 'reject' },
    pass: { kind: `${kinds}#passing` },
    // In place of dead letters, which would be files.
    refused: { kind: `${kinds}#passing` },
  },
  connections: [{ from: 'double.error', to: 'refused.in' }],
  exports: {
    inputs: { questions: 'double.in', things: 'pass.in' },
    outputs: { answers: 'double.out', passed: 'pass.out' },
  },
}

/** Nodes in this process and in others, over one store in a folder. */
export class PortsWorld {
  readonly folder: string
  readonly url: string
  readonly connection: ClusterConnection
  private readonly closing: (() => Promise<unknown>)[] = []

  private constructor(folder: string, url: string, connection: ClusterConnection) {
    this.folder = folder
    this.url = url
    this.connection = connection
  }

  static async make(t: TestContext, token?: string): Promise<PortsWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'vertigo-ports-'))
    const url = `lmdb:${join(folder, 'store')}`
    await (await openStore(url, machineClock)).close()
    const connection = await connectCluster({ store: url, cluster, ...(token !== undefined && { token }) })
    const world = new PortsWorld(folder, url, connection)
    t.after(async () => {
      await Promise.all(world.closing.map((close) => close()))
      await connection.close()
      await rm(folder, { recursive: true, force: true })
    })
    return world
  }

  /** In this process. It is to stay, whatever the machine does. */
  async node(
    id: string,
    options: { workers?: number; api?: { port: number; tokens?: string } } = {},
  ): Promise<RunningNode> {
    const node = await startNode({ store: this.url, cluster, id, ttlMs: 30_000, workers: 2, ...options })
    this.closing.push(() => node.close())
    return node
  }

  /** In one of its own, so that it can be killed. */
  async process(id: string, options: { workers?: number; api?: boolean } = {}): Promise<NodeProcess> {
    const order = {
      id,
      cluster,
      storeUrl: this.url,
      host: '127.0.0.1',
      ttlMs: 5_000,
      stallMs: 10_000,
      workers: 2,
      api: false,
      ...options,
    }
    const node = new NodeProcess(order)
    this.closing.push(() => node.kill())
    node.start()
    await node.joined()
    return node
  }

  async deploy(
    network: { readonly name: string; readonly [field: string]: unknown },
    options: { readonly discardState?: readonly string[] } = {},
  ): Promise<number> {
    const file = join(this.folder, `${network.name}.json`)
    await writeFile(file, JSON.stringify(network))
    return this.connection.deploy(file, { by: 'test', ...options })
  }

  async runs(name: string): Promise<void> {
    await eventually(
      `${name} runs`,
      async () => {
        const { state, error, failures } = await this.connection.networks.status(name)
        assert.notEqual(state, 'failed', JSON.stringify({ error, failures }))
        return state === 'running'
      },
      60_000,
    )
  }

  /** The node that hosts a component. */
  async hostOf(network: string, component: string): Promise<string> {
    const { instances } = await this.connection.networks.status(network)
    return String(instances.find((one) => one.component === component)?.node)
  }
}
