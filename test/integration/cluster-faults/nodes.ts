import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { nodeFlags } from '../../../src/base/node-flags.ts'
import type { Address, ErrorText } from '../../../src/cluster/protocol/index.ts'
import { eventually, Hopeless, within } from '../../support/eventually.ts'
import { programOf } from '../../support/program.ts'

/** What a node is to be. */
export interface NodeOrder {
  readonly id: string
  readonly cluster: string
  readonly storeUrl: string
  /** Its address. */
  readonly host: string
  readonly ttlMs: number
  readonly stallMs: number
  readonly workers: number
  /** Whether it serves the API. */
  readonly api: boolean
  readonly snapshots?: string
}

export type NodeTold =
  | {
      readonly type: 'joined'
      readonly incarnation: string
      readonly control: Address
      /** Base address of its API. */
      readonly api?: string
    }
  | { readonly type: 'fenced'; readonly message: string }
  | { readonly type: 'elected' | 'deposed' }
  | { readonly type: 'decided'; readonly what: string }
  | { readonly type: 'gaveUp'; readonly message: string }
  | { readonly type: 'declaredDead'; readonly node: string }
  | { readonly type: 'failed'; readonly what: string; readonly error: ErrorText }
  | { readonly type: 'rejected'; readonly what: string }
  | { readonly type: 'troubled'; readonly what: string; readonly message: string }

type Told<T extends NodeTold['type']> = Extract<NodeTold, { readonly type: T }>

const { script, execArgv } = programOf('cluster-faults/node-process')
const endMsMax = 30_000

/** A node in a process of its own: one life of the process after the other. */
export class NodeProcess {
  readonly id: string
  /** By the present process. */
  told: NodeTold[] = []
  /** Processes of it that are no more. */
  ended = 0
  private readonly order: NodeOrder
  private readonly command: readonly string[]
  private child: ChildProcess | undefined
  private exited: Promise<unknown> = Promise.resolve()
  private isEnding = false
  private hasEnded = false
  private failure: Error | undefined

  /** `command`: what its command begins with. */
  constructor(order: NodeOrder, command: readonly string[] = []) {
    this.id = order.id
    this.order = order
    this.command = command
  }

  get pid(): number {
    return this.child!.pid!
  }

  get lives(): boolean {
    return this.child !== undefined && !this.hasEnded
  }

  of<T extends NodeTold['type']>(type: T): readonly Told<T>[] {
    return this.told.filter((one): one is Told<T> => one.type === type)
  }

  start(): void {
    const [execPath, ...args] = [...this.command, process.execPath]
    const child = fork(script, [JSON.stringify(this.order)], {
      execPath,
      execArgv: [...args, ...nodeFlags(execArgv)],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const told: NodeTold[] = []
    this.told = told
    this.child = child
    this.isEnding = false
    this.hasEnded = false
    child.on('message', (message) => told.push(message as NodeTold))
    this.exited = once(child, 'exit').then(([code, signal]) => {
      this.ended++
      if (this.child !== child) return
      this.hasEnded = true
      if (!this.isEnding)
        this.failure ??= new Hopeless(`node ${this.id} ended by itself: ${String(signal ?? code)}`)
    })
  }

  async joined(lives = 1): Promise<void> {
    await eventually(
      `node ${this.id} joins`,
      () => {
        this.check()
        return this.of('joined').length >= lives
      },
      60_000,
    )
  }

  /** What it hosts may take it along. */
  expectEnd(): void {
    this.isEnding = true
  }

  /** A store in a folder ends who stands still inside a transaction: so it may end by that. */
  freeze(): void {
    this.isEnding = true
    this.child!.kill('SIGSTOP')
  }

  wake(): void {
    this.child!.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    this.isEnding = true
    this.child?.kill('SIGKILL')
    await within(`node ${this.id} is gone`, endMsMax, this.exited)
  }

  /** In peace. */
  async close(): Promise<void> {
    this.isEnding = true
    if (this.child?.connected) this.child.send('end')
    await within(`node ${this.id} ends`, endMsMax, this.exited)
  }

  check(): void {
    if (this.failure !== undefined) throw this.failure
  }
}
