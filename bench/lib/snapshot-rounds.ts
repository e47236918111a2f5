import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What a contestant of the benchmark `snapshots` is asked: to count for so long, so many keys changing in a second. */
export interface RoundAsked {
  readonly seconds: number
  readonly window: number
}

export interface RoundResult {
  /** Messages a second. */
  readonly rate: number
  /** Milliseconds between two pulls of the source. */
  readonly gaps: readonly number[]
  /** Milliseconds from the beginning of each snapshot to its commit. */
  readonly commitsMs: readonly number[]
}

export interface ContestantOptions {
  readonly keys: number
  readonly intervalMs: number
  /** Where snapshots go; without it, none are taken. */
  readonly folder?: string
}

/**
 * A contestant in a process of its own: two networks in one thread share a heap and its collector, and the rows of the one that was made
 * later lie in memory in another order.
 */
export class Contestant {
  private readonly child: ChildProcess

  private constructor(child: ChildProcess) {
    this.child = child
  }

  /** Fulfilled when each key has been counted once, and is in a committed snapshot where they are taken. */
  static async start(options: ContestantOptions): Promise<Contestant> {
    const child = fork(fileURLToPath(new URL('snapshot-child.ts', import.meta.url)), [
      JSON.stringify(options),
    ])
    const contestant = new Contestant(child)
    await contestant.said()
    return contestant
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
          throw new Error(`a contestant ended with exit code ${String(code)}`)
        }),
      ])
    } finally {
      done.abort()
    }
  }
}
