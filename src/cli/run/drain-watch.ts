import type { RunStatus } from '../../run/types.ts'

/** How long nothing may move before it is said. */
const quietMs = 5_000
const namedMax = 5

/** Says who has not finished where a network that is to end does not: a handler that waits for what never comes, say. */
export class DrainWatch {
  #since: { readonly ms: number; readonly moved: number } | undefined
  #isDraining = false
  #isTold = false

  get isDraining(): boolean {
    return this.#isDraining
  }

  begin(): void {
    this.#isDraining = true
  }

  /** The line to show, once in each time in which nothing moves. */
  look({ instances }: Pick<RunStatus, 'instances'>, nowMs: number): string | undefined {
    if (!this.#isDraining) return undefined
    let moved = 0
    for (const { received, sent, rejected, isFinished } of instances)
      moved += received + sent + rejected + (isFinished ? 1 : 0)
    if (this.#since?.moved !== moved) {
      this.#since = { ms: nowMs, moved }
      this.#isTold = false
      return undefined
    }
    if (this.#isTold || nowMs - this.#since.ms < quietMs) return undefined
    this.#isTold = true
    const open = instances.filter(({ isFinished }) => !isFinished)
    const named = open.slice(0, namedMax).map(({ component, instance }) => `${component}[${instance}]`)
    const more = open.length > namedMax ? ` and ${open.length - namedMax} more` : ''
    return `nothing has moved for ${quietMs / 1000} s while draining; not finished: ${named.join(', ')}${more}; Ctrl-C stops`
  }
}
