import { VertigoError } from '../../base/errors.ts'

/** Calls about one thing that may wait in a process. Who makes more does not await them. */
export const waitingMax = 10_000

export function tooManyWait(count: number): VertigoError {
  return new VertigoError('STORE_BUSY', `${count} calls to one shared collection wait for their turn.`)
}

/**
 * Lets the calls of this process that are about the same thing come one after the other: what is known to collide need not
 * be tried. Between processes it is compare-and-set that decides.
 */
export class Turns {
  /** Of each thing: settled when the last who asked, and all before, have had their turn or given up. */
  private readonly last = new Map<string, Promise<void>>()
  private readonly waiting = new Map<string, number>()

  async run<T>(key: string, signal: AbortSignal | undefined, act: () => Promise<T>): Promise<T> {
    const before = this.last.get(key)
    const count = this.waiting.get(key) ?? 0
    if (count >= waitingMax) throw tooManyWait(count)
    this.waiting.set(key, count + 1)
    let end: () => void = () => undefined
    const own = new Promise<void>((resolve) => {
      end = resolve
    })
    const ended = before === undefined ? own : before.then(() => own)
    this.last.set(key, ended)
    const forget = (): void => {
      this.waiting.set(key, this.waiting.get(key)! - 1)
      if (this.last.get(key) !== ended) return
      this.last.delete(key)
      this.waiting.delete(key)
    }
    ended.then(forget, forget)
    try {
      if (before !== undefined) await abortable(before, signal)
      return await act()
    } finally {
      end()
    }
  }
}

async function abortable(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise
  signal.throwIfAborted()
  let onAbort: () => void = () => undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
