import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeEvent } from 'vertigo-flow/cluster'

const readyMsMax = 60_000
const stderrCharactersMax = 4_000

export interface NodesMeans {
  /** How `vertigo` is called: a program and its first arguments. */
  readonly command: readonly string[]
  /** Where the nodes run: dead-letter files would be here. */
  readonly folder: string
  readonly store: string
  readonly tell: (node: Node, event: NodeEvent) => void
  /** One ended that was not killed by the demo. */
  readonly lost: (error: Error) => void
}

/** A node: `vertigo node` in a process of its own. */
export class Node {
  readonly id: string
  readonly process: ChildProcess
  readonly ended: Promise<unknown>
  /** Address of its HTTP API, once it has joined. */
  api: string | undefined
  isManager = false
  isKilled = false

  constructor(id: string, child: ChildProcess) {
    this.id = id
    this.process = child
    // A process that could not be started has an error only.
    this.ended = once(child, 'close').catch(() => undefined)
  }

  get pid(): number {
    return this.process.pid ?? 0
  }
}

/**
 * Three nodes of one cluster. They tell what happens over their IPC channels, and stop by themselves when this process is gone
 * and these channels close (`--with-parent`).
 */
export class Nodes {
  readonly all: readonly Node[]
  private readonly means: NodesMeans
  private readonly ready: Promise<void>
  private isEnding = false
  private lookReady: () => void = () => undefined

  constructor(means: NodesMeans) {
    this.means = means
    this.ready = new Promise((resolve) => {
      this.lookReady = () => {
        if (this.all.every(({ api }) => api !== undefined) && this.manager !== undefined) resolve()
      }
    })
    this.all = ['node-1', 'node-2', 'node-3'].map((id) => this.start(id))
  }

  get manager(): Node | undefined {
    return this.all.find(({ isManager }) => isManager)
  }

  /** Fulfilled when all have joined, and one is the manager. */
  async untilReady(): Promise<void> {
    const tooLate = sleep(readyMsMax, undefined, { ref: false }).then(() => {
      throw new Error(`The three nodes are not ready after ${readyMsMax / 1000} s.`)
    })
    await Promise.race([this.ready, tooLate])
  }

  /** At once, without a word: as when the process crashes. */
  kill(node: Node): void {
    node.isKilled = true
    node.isManager = false
    node.process.kill('SIGKILL')
  }

  /** Fulfilled when no process is left. */
  async end(): Promise<void> {
    this.isEnding = true
    for (const { process: child } of this.all) child.kill('SIGKILL')
    await Promise.all(this.all.map(({ ended }) => ended))
  }

  private start(id: string): Node {
    const { command, folder, store, tell, lost } = this.means
    const [program = '', ...args] = command
    const options = {
      '--id': id,
      '--store': store,
      '--workers': '1',
      '--api': '127.0.0.1:0',
    }
    const child = spawn(program, [...args, 'node', '--with-parent', ...Object.entries(options).flat()], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Not in the group of this process: Ctrl-C in a terminal is for the demo, which ends them.
      detached: true,
    })
    const node = new Node(id, child)
    let said = ''
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-stderrCharactersMax)
    })
    child.on('message', (event: NodeEvent) => {
      if (event.type === 'joined') node.api = event.api
      if (event.type === 'elected') node.isManager = true
      if (event.type === 'deposed' || event.type === 'fenced') node.isManager = false
      tell(node, event)
      this.lookReady()
    })
    child.on('error', (error) => lost(error))
    child.on('close', (code, signal) => {
      if (node.isKilled || this.isEnding) return
      lost(new Error(`${id} has ended by itself (${signal ?? `exit code ${code}`}). ${said.trim()}`))
    })
    return node
  }
}
