export interface Quartiles {
  readonly low: number
  readonly median: number
  readonly high: number
}

/** The quartiles of a sample, interpolated between its values. */
export function quartiles(values: readonly number[]): Quartiles {
  return { low: quantile(values, 0.25), median: quantile(values, 0.5), high: quantile(values, 0.75) }
}

/** The value below which that part of a sample lies, interpolated between its values. */
export function quantile(values: readonly number[], part: number): number {
  if (values.length === 0) throw new Error('nothing was measured')
  const sorted = values.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * part
  const below = Math.floor(position)
  const low = sorted[below]!
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!
  return low + (high - low) * (position - below)
}
