import { BroadcastChannel } from 'node:worker_threads'

/**
 * How a benchmark in the main thread speaks to components in worker threads, round by round. It is beside the network:
 * what is measured goes through the network alone.
 */
export interface Go {
  readonly type: 'go'
  readonly count: number
}

export interface Done {
  readonly type: 'done'
  readonly sum: number
}

/** Where a source waits for its rounds. */
export function onGo(name: string, start: (count: number) => void): BroadcastChannel {
  const channel = new BroadcastChannel(name)
  channel.addEventListener('message', (event) => {
    const message = dataOf(event)
    if (message.type === 'go') start(message.count)
  })
  return channel
}

/** A round of a network in other threads: sends `go`, and gives what the sink says at its end. */
export class Rounds {
  readonly #channel: BroadcastChannel
  #resolve: ((sum: number) => void) | undefined

  constructor(name: string) {
    this.#channel = new BroadcastChannel(name)
    this.#channel.addEventListener('message', (event) => {
      const message = dataOf(event)
      if (message.type === 'done') this.#resolve!(message.sum)
    })
  }

  run(count: number): Promise<number> {
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.#channel.postMessage({ type: 'go', count } satisfies Go)
    })
  }

  close(): void {
    this.#channel.close()
  }
}

/** The sink's side: counts down a round's messages and says when the last one is there. */
export class RoundSink {
  readonly #channel: BroadcastChannel
  #left = 0
  #sum = 0

  constructor(name: string) {
    this.#channel = onGo(name, (count) => {
      this.#left += count
      this.#settle()
    })
  }

  see(value: number): void {
    this.#sum += value
    this.#left--
    if (this.#left === 0) this.#settle()
  }

  /** A round's first messages may arrive before its `go`. */
  #settle(): void {
    if (this.#left !== 0) return
    const sum = this.#sum
    this.#sum = 0
    this.#channel.postMessage({ type: 'done', sum } satisfies Done)
  }

  close(): void {
    this.#channel.close()
  }
}

function dataOf(event: unknown): Go | Done {
  return (event as { readonly data: Go | Done }).data
}
