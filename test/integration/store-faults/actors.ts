import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { machineClock, sleep } from '../../../src/base/clock.ts'
import type { Random } from '../../../src/base/random.ts'
import type { RegisterAnswer, RegisterCall } from '../../support/linearizability.ts'
import { eventually, within } from '../../support/eventually.ts'

/** What an actor is to do. */
export interface ActorOrder {
  readonly url: string
  readonly scenario: 'lead' | 'lock' | 'count' | 'queue' | 'register'
  readonly name: string
  readonly seed: number
  readonly ttlMs: number
}

/** How actors are started. */
export interface ActorStart {
  /** Arguments of Node, beside those that every test has. */
  readonly execArgv?: readonly string[]
  /** What the command of each actor begins with. */
  readonly actorCommands?: readonly (readonly string[])[]
}

/** What an actor tells, each before it goes on. */
export type Told =
  | { readonly type: 'adding' | 'added'; readonly amount: number }
  | { readonly type: 'queued'; readonly element: string }
  | { readonly type: 'taking' }
  | { readonly type: 'took'; readonly element?: string }
  | {
      readonly type: 'call'
      readonly key: string
      readonly id: string
      readonly call: RegisterCall
      readonly atMs: number
    }
  | { readonly type: 'answer'; readonly id: string; readonly answer: RegisterAnswer; readonly atMs: number }
  | { readonly type: 'ready' | 'ended' }

/** One life of an actor: from its start to its end by whatever. */
interface Life {
  readonly process: ChildProcess
  readonly exited: Promise<unknown>
  readonly told: Told[]
}

export type ActorFault = 'kill' | 'pause' | 'none'

const script = fileURLToPath(new URL('actor.ts', import.meta.url))
const workMsMax = 60_000
const endMsMax = 60_000

/** Several actors; each is started anew when it has ended, until all are told to end. */
export class Actors {
  readonly lives: Life[] = []
  /** Lives that were ended by force, by the test or by the store. */
  killed = 0
  private readonly order: Omit<ActorOrder, 'name' | 'seed'>
  private readonly random: Random
  private readonly how: ActorStart
  private readonly present: Life[]
  private born = 0
  private isEnding = false
  private failure: Error | undefined

  constructor(count: number, order: Omit<ActorOrder, 'name' | 'seed'>, random: Random, how: ActorStart = {}) {
    this.order = order
    this.random = random
    this.how = how
    this.present = Array.from({ length: count }, (_, at) => this.start(at))
  }

  /** All that every life told. */
  get told(): readonly (readonly Told[])[] {
    return this.lives.map(({ told }) => told)
  }

  /** Does something bad to one of those who are at work, and waits as long as it takes. */
  async fault(kind: ActorFault, pauseMs: number): Promise<void> {
    const look = (): readonly Life[] | undefined => {
      this.check()
      const ready = this.present.filter(({ told }) => told.length > 0)
      return ready.length < 2 ? undefined : ready
    }
    const atWork = await eventually('two actors are at work', look, workMsMax)
    const victim = atWork[this.random.int(atWork.length)]!.process
    if (kind === 'kill') victim.kill('SIGKILL')
    if (kind === 'pause') victim.kill('SIGSTOP')
    await sleep(machineClock, pauseMs)
    if (kind === 'pause') victim.kill('SIGCONT')
    this.check()
  }

  /** Lets all of them come to an end in peace. */
  async end(): Promise<void> {
    this.isEnding = true
    const last = [...this.present]
    for (const { process } of last) if (process.connected) process.send('end')
    await within('the actors end', endMsMax, Promise.all(last.map(({ exited }) => exited)))
    this.check()
  }

  stop(): void {
    this.isEnding = true
    for (const { process } of this.present) process.kill('SIGKILL')
  }

  private start(at: number): Life {
    const order: ActorOrder = {
      ...this.order,
      name: `a${this.born++}`,
      seed: this.random.int(2 ** 31),
    }
    const { execArgv = [], actorCommands } = this.how
    const [execPath, ...args] = [...(actorCommands?.[at] ?? []), process.execPath]
    const child = fork(script, [JSON.stringify(order)], {
      execPath,
      execArgv: [...args, '--conditions=vertigo-src', ...execArgv],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const told: Told[] = []
    child.on('message', (message) => told.push(message as Told))
    const exited = once(child, 'exit').then(([code, signal]) => {
      // A store in a folder ends who stands still inside a transaction.
      if (signal === 'SIGKILL') this.killed++
      else if (code !== 0) this.failure ??= new Error(`${order.name} ended by ${String(signal ?? code)}`)
      if (!this.isEnding) this.present[at] = this.start(at)
    })
    const life = { process: child, exited, told }
    this.lives.push(life)
    return life
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure
  }
}
