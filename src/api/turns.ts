import type { Cancel, Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'

/** Calls of a client to exported ports that are under way. A node has 1,024 connections for all, and drops what comes beyond. */
export const underWayMax = 512
/** Those that wait for their turn. */
export const waitingMax = 10_000

interface Waiting {
  begin(): void
}

/**
 * Turns of a client's calls: each has a connection of its own while it is under way, and a program may make any number of calls at once.
 * Who waits comes in the order of asking; nothing of what it sends has left the program.
 */
export class Turns {
  private readonly clock: Clock
  private readonly waiting = new Set<Waiting>()
  private underWay = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Errors: PORT_BUSY, SEND_TIMED_OUT; the reason of `signal`. Nothing was sent then. */
  async run<T>(
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
    act: () => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted()
    if (this.underWay < underWayMax) this.underWay++
    else await this.turn(timeoutMs, signal)
    try {
      return await act()
    } finally {
      this.end()
    }
  }

  private async turn(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.waiting.size >= waitingMax)
      throw new VertigoError('PORT_BUSY', `${waitingMax} calls of this client wait for their turn already.`)
    const late = `Not sent within ${timeoutMs} ms: ${underWayMax} calls of this client were under way, and others before it.`
    let cancel: Cancel = () => undefined
    let onAbort: () => void = () => undefined
    try {
      await new Promise<void>((resolve, reject) => {
        const waiting = { begin: resolve }
        // Who has given up may not be given a turn: nobody would end it.
        const giveUp = (error: Error): void => {
          this.waiting.delete(waiting)
          reject(error)
        }
        this.waiting.add(waiting)
        cancel = this.clock.after(timeoutMs, () => giveUp(new VertigoError('SEND_TIMED_OUT', late)))
        onAbort = () => giveUp(signal!.reason as Error)
        signal?.addEventListener('abort', onAbort, { once: true })
      })
    } finally {
      cancel()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Whose turn is next has it in place of who ends. */
  private end(): void {
    const [next] = this.waiting
    if (next === undefined) this.underWay--
    else {
      this.waiting.delete(next)
      next.begin()
    }
  }
}
