import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Network } from '../../src/model/network.ts'
import {
  type ClusterOptions,
  type ComponentText,
  FaultyCluster,
  type NetworkText,
} from '../../test/integration/cluster-faults/cluster.ts'
import { eventually } from '../../test/support/eventually.ts'
import { FlowLines } from './flow-lines.ts'

/** Nodes on this machine, each a process of two workers, over a store in a folder, and a network of keys on them. */

export interface KeyedFlow {
  readonly guarantee: NonNullable<Network['guarantee']>
  readonly keys: number
  /** Messages, once every key has come. */
  readonly perSecond: number
  /** They come in bursts that are so far apart. */
  readonly tickMs: number
  readonly intervalMs: number
  /** Of each component. */
  readonly copies: number
  /** Publishes with the snapshots what else would end in `end`. */
  readonly sink?: ComponentText
}

const kinds = new URL('../networks/keyed-flow.ts', import.meta.url).href
const waitMsMax = 120_000

export class KeyedCluster {
  readonly cluster: FaultyCluster
  readonly lines: FlowLines
  private readonly folder: string

  private constructor(cluster: FaultyCluster, folder: string) {
    this.cluster = cluster
    this.folder = folder
    this.lines = new FlowLines(join(folder, 'lines'))
  }

  /** `nodes`: default 3. */
  static async use<T>(
    options: Pick<ClusterOptions, 'ttlMs' | 'nodes'>,
    use: (keyed: KeyedCluster) => Promise<T>,
  ): Promise<T> {
    const folder = mkdtempSync(join(tmpdir(), 'vertigo-keyed-'))
    try {
      const cluster = await FaultyCluster.start({ ...options, storeUrl: `lmdb:${folder}/store` })
      try {
        return await use(new KeyedCluster(cluster, folder))
      } finally {
        await cluster.stop()
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }

  /** A file beside the others. */
  file(name: string): string {
    return join(this.folder, name)
  }

  /** Deploys the network, and waits until it runs. `anew`: whatever ended before. */
  async deploy(flow: KeyedFlow, { anew = false } = {}): Promise<void> {
    await this.cluster.deploy(this.text(flow), 'merge', { anew })
    await this.cluster.until('the network runs', ({ state }) => state === 'running')
  }

  /** Until so many snapshots more are committed. */
  async snapshots(count: number): Promise<void> {
    let seen = 0
    let last: number | undefined
    await eventually(
      `${count} snapshots are committed`,
      async () => {
        this.cluster.check()
        const id = (await this.cluster.status()).snapshots?.last?.id
        if (id !== undefined && id !== last && last !== undefined) seen++
        last = id ?? last
        return seen >= count
      },
      waitMsMax,
    )
  }

  /** Until each source has sent every key, and that is in a snapshot. */
  async filled(copies: number): Promise<void> {
    const isFilled = (): boolean => this.lines.read().since('filled', 0).length >= copies
    await eventually('every key was sent', isFilled, waitMsMax)
    await this.snapshots(2)
  }

  private text({ guarantee, keys, perSecond, tickMs, intervalMs, copies, sink }: KeyedFlow): NetworkText {
    const lines = this.lines.path
    const of = (kind: string, config: ComponentText['config'] = {}): ComponentText => ({
      kind: `${kinds}#${kind}`,
      instances: copies,
      config: { lines, ...config },
    })
    const hasSnapshots = guarantee !== 'at-most-once'
    // On one machine, a folder is shared.
    const storage = `${pathToFileURL(this.file('snapshots')).href}?shared`
    return {
      name: 'net',
      guarantee,
      ...(hasSnapshots && { snapshot: { intervalMs, storage } }),
      components: {
        key: of('keys', { keys, perSecond, tickMs }),
        count: of('counts'),
        end: sink ?? of('ends'),
      },
      connections: [
        { from: 'key.out', to: 'count.in', selector: { type: 'hash', key: 'key' } },
        {
          from: 'count.out',
          to: 'end.in',
          selector: sink === undefined ? { type: 'hash', key: 'key' } : 'round-robin',
        },
      ],
    }
  }
}
