import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { NodeEvent } from '../../cluster/node/node-event.ts'
import { nodeFlags } from '../../base/node-flags.ts'

const commandModule = new URL(import.meta.url.endsWith('.ts') ? '../main.ts' : '../main.js', import.meta.url)

export interface LocalNodeEvents {
  line(node: LocalNode, text: string): void
  told(node: LocalNode, event: NodeEvent): void
  /** Its process has ended, and all that it wrote is read. */
  ended(node: LocalNode): void
}

/**
 * A node in a process of its own, which stops when this one dies: its IPC channel closes then. It is in a session of its
 * own, so that Ctrl-C in a terminal reaches it through this process only.
 */
export class LocalNode {
  readonly id: string
  readonly args: readonly string[]
  /** Whether it is a member; its API's address. */
  joined: Extract<NodeEvent, { type: 'joined' }> | undefined
  isManager = false
  outcome: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined
  private readonly child: ChildProcess

  constructor(id: string, args: readonly string[], events: LocalNodeEvents) {
    this.id = id
    this.args = args
    this.child = spawn(
      process.execPath,
      [...nodeFlags(), fileURLToPath(commandModule), 'node', ...args, '--with-parent'],
      { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true },
    )
    this.child.on('message', (event: NodeEvent) => {
      if (event.type === 'joined') this.joined = event
      if (event.type === 'elected') this.isManager = true
      if (event.type === 'deposed' || event.type === 'fenced') this.isManager = false
      events.told(this, event)
    })
    for (const stream of [this.child.stdout!, this.child.stderr!])
      createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => events.line(this, line))
    const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (this.outcome !== undefined) return
      this.outcome = { code, signal }
      this.isManager = false
      events.ended(this)
    }
    this.child.on('close', ended)
    this.child.on('error', (error) => {
      events.line(this, error.message)
      // One that could not be started is never closed.
      if (this.child.pid === undefined) ended(1, null)
    })
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  /** At once. Two signals in a row may reach it as one. */
  stop(): void {
    if (this.child.connected) this.child.disconnect()
  }

  kill(signal: NodeJS.Signals): void {
    if (this.outcome === undefined) this.child.kill(signal)
  }
}
