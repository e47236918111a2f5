import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What the network of the benchmark `snapshots` is asked: to count for so long, so many keys changing in a second, with snapshots or without. */
export interface RoundAsked {
  readonly seconds: number
  readonly window: number
  readonly takes: boolean
}

export interface RoundResult {
  /** Messages a second. */
  readonly rate: number
  /** Milliseconds between two pulls of the source. */
  readonly gaps: readonly number[]
  /** Milliseconds from the beginning of each snapshot to its commit. */
  readonly commitsMs: readonly number[]
  /** Milliseconds of the processor, of each piece of snapshot work that keeps handlers waiting. */
  readonly slicesMs: readonly number[]
}

export interface MeasuredOptions {
  readonly keys: number
  readonly intervalMs: number
  /** Where snapshots go. */
  readonly folder: string
}

/**
 * The network in a process of its own, which takes snapshots in some rounds and none in others. With and without are the same rows at the same
 * places in memory: of two networks without any, one was a third faster than the other, by where the system had put its pages; and two in one thread
 * share a heap and its collector.
 */
export class MeasuredNetwork {
  private readonly child: ChildProcess

  private constructor(child: ChildProcess) {
    this.child = child
  }

  /** Fulfilled when each key has been counted once and is in a committed snapshot. */
  static async start(options: MeasuredOptions): Promise<MeasuredNetwork> {
    const child = fork(fileURLToPath(new URL('snapshot-child.ts', import.meta.url)), [
      JSON.stringify(options),
    ])
    const network = new MeasuredNetwork(child)
    await network.said()
    return network
  }

  async round(asked: RoundAsked): Promise<RoundResult> {
    const result = this.said()
    this.child.send(asked)
    return (await result) as RoundResult
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null) return
    const exit = once(this.child, 'exit')
    this.child.disconnect()
    await exit
  }

  private async said(): Promise<unknown> {
    const done = new AbortController()
    const { signal } = done
    try {
      return await Promise.race([
        once(this.child, 'message', { signal }).then(([message]: unknown[]) => message),
        once(this.child, 'exit', { signal }).then(([code]: unknown[]) => {
          throw new Error(`the measured network ended with exit code ${String(code)}`)
        }),
      ])
    } finally {
      done.abort()
    }
  }
}
