import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { clusterDefault } from '../../cluster/node/node-options.ts'
import { LocalNode } from './local-node.ts'

/**
 * The nodes that `vertigo cluster start` has started.
 *
 * - LC-1 It starts no node again. One that ends before the cluster was ready ends it all; later the others go on.
 * - LC-2 It ends when all its nodes have ended, and not before: none outlives it.
 */
export interface LocalClusterOptions {
  readonly nodes: number
  /** Of the embedded store. Undefined: a temporary one. */
  readonly folder: string | undefined
  readonly name: string | undefined
  readonly workers: number
  /** Of the first node. */
  readonly api: string | undefined
  readonly ttlMs: number | undefined
  readonly asJson: boolean
  /** Folder with `ca.pem`, and `<id>.pem` and `<id>.key` for each node. Undefined: no TLS between nodes. */
  readonly certs: string | undefined
  /** Further arguments of each node. */
  readonly passed: readonly string[]
}

/** How long nodes that are to stop at once may take. */
const stopMsMax = 6_000

export class LocalCluster {
  private readonly options: LocalClusterOptions
  private readonly clock: Clock
  private readonly write: (text: string) => void
  private readonly nodes: LocalNode[] = []
  private readonly width: number
  private ending: 'no' | 'draining' | 'stopping' = 'no'
  private isReady = false
  private exitCode = 0
  private allEnded: () => void = () => undefined

  constructor(options: LocalClusterOptions, clock: Clock, write: (text: string) => void) {
    this.options = options
    this.clock = clock
    this.write = write
    this.width = `node-${options.nodes}`.length
  }

  /** Gives the exit code when all nodes have ended. Errors: CLUSTER_RUNS, those of the store. */
  async run(): Promise<number> {
    const { folder, name = clusterDefault, ttlMs } = this.options
    if (folder !== undefined) {
      // For this alone it reads a store.
      const { checkNotRunning } = await import('./not-running.ts')
      await checkNotRunning({ folder: storeFolder(folder), cluster: name, ttlMs }, this.clock)
    }
    // It may have been told to end meanwhile.
    if (this.ending !== 'no') return this.exitCode
    const own = folder === undefined ? mkdtempSync(join(tmpdir(), 'vertigo-cluster-')) : undefined
    const ended = new Promise<void>((resolve) => {
      this.allEnded = resolve
    })
    try {
      this.start(`lmdb:${own ?? storeFolder(folder!)}`)
      await ended
    } finally {
      if (own !== undefined) rmSync(own, { recursive: true, force: true })
    }
    return this.exitCode
  }

  /** All nodes leave. */
  drain(): void {
    if (this.ending !== 'no') return
    this.ending = 'draining'
    this.tell('draining', 'all nodes leave; Ctrl-C again stops them at once')
    for (const node of this.nodes) node.kill('SIGTERM')
  }

  /** At once. */
  stop(): void {
    if (this.ending === 'stopping') return
    this.ending = 'stopping'
    this.exitCode = 130
    for (const node of this.nodes) node.stop()
    this.clock.after(stopMsMax, () => {
      for (const node of this.nodes) node.kill('SIGKILL')
    })
  }

  private start(store: string): void {
    const { nodes, name, workers, api, ttlMs, asJson, certs, passed } = this.options
    for (let number = 1; number <= nodes; number++) {
      const id = nodeId(number)
      const apiOfNode = number === 1 ? api : '127.0.0.1:0'
      const args = [
        '--store',
        store,
        '--id',
        id,
        '--workers',
        String(workers),
        ...(name === undefined ? [] : ['--cluster', name]),
        ...(apiOfNode === undefined ? [] : ['--api', apiOfNode]),
        ...(ttlMs === undefined ? [] : ['--ttl-ms', String(ttlMs)]),
        ...(certs === undefined ? [] : tlsOptions(certs, id)),
        ...passed,
        ...(asJson ? ['--json'] : []),
      ]
      this.nodes.push(
        new LocalNode(id, args, {
          line: (node, text) => this.line(node, text),
          told: () => this.lookReady(),
          ended: (node) => this.ended(node),
        }),
      )
    }
  }

  private line({ id }: LocalNode, text: string): void {
    this.write(this.options.asJson ? `${text}\n` : `${id.padEnd(this.width)} | ${text}\n`)
  }

  private lookReady(): void {
    const { nodes, ending, isReady } = this
    const manager = nodes.find((node) => node.isManager)
    if (isReady || ending !== 'no' || manager === undefined) return
    if (nodes.some(({ joined, outcome }) => joined === undefined || outcome !== undefined)) return
    this.isReady = true
    const api = nodes[0]!.joined?.api
    const where = api === undefined ? '' : `, API ${api}`
    this.tell('ready', `ready: ${plural(nodes.length)}, manager ${manager.id}${where}`, {
      nodes: nodes.map(({ id }) => id),
      manager: manager.id,
      ...(api !== undefined && { api }),
    })
  }

  private ended(node: LocalNode): void {
    const { code, signal } = node.outcome!
    const left = this.nodes.filter(({ outcome }) => outcome === undefined)
    if (this.ending === 'no') {
      const how = signal === null ? `exit code ${code}` : signal
      const again = `vertigo node ${node.args.join(' ')}`
      const text = `${node.id} (process ${node.pid ?? 'none'}) died: ${how}. ${plural(left.length)} left. It is not started again; to do that: ${again}`
      this.tell('died', text, { node: node.id, pid: node.pid, code, signal })
      if (!this.isReady) {
        this.exitCode = code ?? 1
        this.ending = 'draining'
        for (const other of left) other.kill('SIGTERM')
      } else if (left.length === 0) {
        this.exitCode = 1
      }
    }
    if (left.length === 0) this.allEnded()
  }

  private tell(type: string, text: string, details: object = {}): void {
    const time = new Date(this.clock.now()).toISOString()
    const line = this.options.asJson ? JSON.stringify({ time, type, ...details }) : text
    this.write(`${line}\n`)
  }
}

/** As `vertigo certs create` names its files. */
export function certificateFiles(
  folder: string,
  id: string,
): Readonly<Record<'ca' | 'cert' | 'key', string>> {
  return { ca: join(folder, 'ca.pem'), cert: join(folder, `${id}.pem`), key: join(folder, `${id}.key`) }
}

function tlsOptions(folder: string, id: string): string[] {
  return Object.entries(certificateFiles(folder, id)).flatMap(([what, file]) => [`--tls-${what}`, file])
}

export function nodeId(number: number): string {
  return `node-${number}`
}

function storeFolder(text: string): string {
  return resolve(text.replace(/^lmdb:/, ''))
}

function plural(count: number): string {
  return count === 1 ? '1 node' : `${count} nodes`
}
