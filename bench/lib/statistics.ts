export interface Quartiles {
  readonly low: number
  readonly median: number
  readonly high: number
}

/** The quartiles of a sample, interpolated between its values. */
export function quartiles(values: readonly number[]): Quartiles {
  if (values.length === 0) throw new Error('nothing was measured')
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number): number => {
    const position = (sorted.length - 1) * part
    const below = Math.floor(position)
    const low = sorted[below]!
    const high = sorted[Math.min(below + 1, sorted.length - 1)]!
    return low + (high - low) * (position - below)
  }
  return { low: at(0.25), median: at(0.5), high: at(0.75) }
}
