import { type BuiltNetwork, type Kind, type Port, type Running, defineSource, port, run } from 'vertigo-flow'

/**
 * A source that sends a given number of messages whenever it is told to. So a network is set up once, and each round
 * measures messages that flow, not how a run begins and ends.
 */
export class GatedSource<T> {
  readonly kind: Kind<{}, { readonly out: Port<T> }>
  readonly #make: (index: number) => T
  #next = 0
  #end = 0
  #closed = false
  #go: ((result: 'more') => void) | undefined

  /**
   * `make` gives the message with an index; indices begin at 0 with each round. With `acked`, messages are tracked, and it
   * is called for each that is complete.
   */
  constructor(make: (index: number) => T, acked?: () => void) {
    this.#make = make
    const failed = (id: unknown): never => {
      throw new Error(`message ${String(id)} was not complete`)
    }
    this.kind = defineSource({
      outputs: { out: port<T>() },
      setup: () => ({
        poll: (max, { emit }) => {
          if (this.#closed) return 'done'
          if (this.#next === this.#end) return this.#wait()
          const end = Math.min(this.#end, this.#next + max)
          if (acked === undefined) for (; this.#next < end; this.#next++) emit.out(this.#make(this.#next))
          else for (; this.#next < end; this.#next++) emit.out.tracked(this.#make(this.#next))
          return 'more'
        },
        ...(acked !== undefined && { ack: acked, fail: failed, timeout: failed }),
      }),
    })
  }

  send(count: number): void {
    this.#next = 0
    this.#end = count
    this.#wake()
  }

  close(): void {
    this.#closed = true
    this.#wake()
  }

  #wait(): Promise<'more'> {
    return new Promise((resolve) => {
      this.#go = resolve
    })
  }

  #wake(): void {
    const go = this.#go
    this.#go = undefined
    go?.('more')
  }
}

/** Tells who waits that a round's last message has arrived. */
export class Arrivals {
  #left = 0
  #resolve: (() => void) | undefined

  expect(count: number): Promise<void> {
    this.#left = count
    return new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  arrived(): void {
    if (--this.#left === 0) this.#resolve!()
  }
}

/** Runs a network in this thread. A failure ends the benchmark. */
export async function runHere(net: BuiltNetwork): Promise<Running> {
  const running = await run(net, { workers: 0 })
  running.done.catch((error: unknown) => {
    process.nextTick(() => {
      throw error as Error
    })
  })
  return running
}
