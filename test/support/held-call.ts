import { promises } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import type { TestContext } from 'node:test'

type Held = 'open' | 'rename' | 'readdir'

/**
 * The first call of a function of `node:fs/promises` that is the wanted one stands still before the operating system hears of it, as that of
 * a process which was stopped; all others go on. Until the test ends.
 */
export class HeldCall {
  /** It stands. */
  readonly reached: Promise<void>
  /** It has gone on, and come to whatever end. */
  readonly over: Promise<void>
  private readonly going = Promise.withResolvers<void>()

  constructor(t: TestContext, name: Held, isWanted: (...args: readonly unknown[]) => boolean) {
    const reached = Promise.withResolvers<void>()
    const over = Promise.withResolvers<void>()
    this.reached = reached.promise
    this.over = over.promise
    const own = promises[name] as (...args: readonly unknown[]) => Promise<unknown>
    let isHeld = false
    const held = async (...args: readonly unknown[]): Promise<unknown> => {
      if (isHeld || !isWanted(...args)) return own(...args)
      isHeld = true
      reached.resolve()
      await this.going.promise
      return own(...args).finally(() => over.resolve())
    }
    set(name, held)
    t.after(() => {
      this.release()
      set(name, own)
    })
  }

  release(): void {
    this.going.resolve()
  }
}

function set(name: Held, to: unknown): void {
  Object.assign(promises, { [name]: to })
  // Those who imported it by name have the new one as well.
  syncBuiltinESMExports()
}
