import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { eventually, within } from '../../support/eventually.ts'

export interface TakerOrder {
  readonly url: string
  readonly name: string
  /** Of the lease under which tasks are taken. */
  readonly ttlMs: number
}

/** What was done, and with which value. */
export interface Told {
  readonly type: 'ready' | 'queue' | 'list' | 'map' | 'task'
  readonly value: number
}

interface Taker {
  readonly process: ChildProcess
  readonly told: Told[]
  readonly exited: Promise<unknown>
  wasKilled: boolean
}

const script = fileURLToPath(new URL('taker.ts', import.meta.url))
const deadlineMs = 120_000

/** Processes that take, of which some are killed; each that is killed is replaced. */
export class Takers {
  private readonly all: Taker[] = []
  private readonly order: Omit<TakerOrder, 'name'>
  private failure: Error | undefined

  constructor(t: TestContext, count: number, order: Omit<TakerOrder, 'name'>) {
    this.order = order
    t.after(() => {
      for (const { process } of this.all) process.kill('SIGKILL')
    })
    for (let n = 0; n < count; n++) this.start()
  }

  get killed(): number {
    return this.all.filter(({ wasKilled }) => wasKilled).length
  }

  /** All values that were told with this type, by whomever. */
  told(type: Told['type']): readonly number[] {
    return this.all.flatMap(({ told }) => told.filter((one) => one.type === type).map(({ value }) => value))
  }

  /** Waits until so much was told, then kills the one who has told the most. */
  async killAfter(type: Told['type'], count: number): Promise<void> {
    await this.until(`${count} of ${type} are told`, () => this.told(type).length >= count)
    const alive = this.all.filter(({ wasKilled }) => !wasKilled)
    const victim = alive.toSorted((a, b) => b.told.length - a.told.length)[0]!
    victim.wasKilled = true
    victim.process.kill('SIGKILL')
    await within('a taker that was killed is gone', deadlineMs, victim.exited)
    this.start()
  }

  until(what: string, condition: () => boolean | Promise<boolean>): Promise<boolean> {
    return eventually(
      what,
      () => {
        if (this.failure !== undefined) throw this.failure
        return condition()
      },
      deadlineMs,
    )
  }

  /** Lets those who live come to an end in peace. */
  async end(): Promise<void> {
    const alive = this.all.filter(({ wasKilled }) => !wasKilled)
    for (const { process } of alive) process.send('end')
    await within('the takers end', deadlineMs, Promise.all(alive.map(({ exited }) => exited)))
    if (this.failure !== undefined) throw this.failure
  }

  private start(): void {
    const name = `taker-${this.all.length}`
    const child = fork(script, [JSON.stringify({ ...this.order, name })], {
      execArgv: ['--conditions=vertigo-src'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const told: Told[] = []
    child.on('message', (message) => told.push(message as Told))
    const exited = once(child, 'close').then(([code]) => {
      if (!taker.wasKilled && code !== 0)
        this.failure ??= new Error(`${name} ended with code ${String(code)}`)
    })
    const taker: Taker = { process: child, told, exited, wasKilled: false }
    this.all.push(taker)
  }
}
