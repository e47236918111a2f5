/**
 * JSON holds more than a message of a network does. What could not leave its thread is refused to whoever sends it: on its way, it would end
 * the instance, and with that what others have sent. So is what would come out as something else.
 */

export interface FitOptions {
  /** Levels that a message may have. */
  readonly depthMax: number
  /** What `mayHoldHalves` says of its text: only then are texts looked at. */
  readonly mayHoldHalves: boolean
}

/** An escape of JSON for half of a surrogate pair. UTF-8 has no other way to bring one. */
const half = /\\u[dD][89a-fA-F]/

/** Whether JSON out of UTF-8, or by `JSON.stringify`, may have texts that UTF-8 cannot say: a look at the text costs less than one at each. */
export function mayHoldHalves(text: string): boolean {
  return half.test(text)
}

/** What is wrong with the message, to be read behind "The message"; undefined where nothing is. */
export function misfitOf(message: unknown, options: FitOptions): string | undefined {
  return misfit(message, 0, options)
}

function misfit(value: unknown, depth: number, options: FitOptions): string | undefined {
  if (typeof value === 'string')
    return options.mayHoldHalves && !value.isWellFormed()
      ? 'has half of a surrogate pair in a text, which is no character'
      : undefined
  if (typeof value !== 'object' || value === null) return undefined
  if (depth >= options.depthMax) return `is nested deeper than ${options.depthMax} levels`
  if (Array.isArray(value)) return misfitAmong(value, depth, options)
  if (Object.hasOwn(value, '__proto__')) return 'has a field named "__proto__"'
  const names = options.mayHoldHalves ? misfitAmong(Object.keys(value), depth, options) : undefined
  return names ?? misfitAmong(Object.values(value), depth, options)
}

function misfitAmong(values: readonly unknown[], depth: number, options: FitOptions): string | undefined {
  for (const value of values) {
    const problem = misfit(value, depth + 1, options)
    if (problem !== undefined) return problem
  }
  return undefined
}
