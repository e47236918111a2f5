/**
 * Histograms of fixed size: a bucket for each eighth of a power of two, from 2^-20 (a millionth) to 2^44. What is smaller
 * counts to the first bucket, what is larger to the last. The idea is that of HdrHistogram (Gil Tene).
 */

const exponentMin = -20
const exponentMax = 44
const bucketsPerPower = 8
const buckets = (exponentMax - exponentMin) * bucketsPerPower

/** In front of the buckets: number, sum, least, greatest. */
const headFields = 4
export const histogramFields = headFields + buckets

/** Parts of a number, as the machine holds it. */
const number = new Float64Array(1)
const words = new Uint32Array(number.buffer)
number[0] = 1
const high = words[1] === 0 ? 0 : 1

export function recordValue(fields: Float64Array, value: number): void {
  const count = fields[0]!
  if (count === 0 || value < fields[2]!) fields[2] = value
  if (count === 0 || value > fields[3]!) fields[3] = value
  fields[1]! += value
  fields[headFields + bucketOf(value)]!++
  // Last: who reads meanwhile sees no more values than buckets hold.
  fields[0] = count + 1
}

function bucketOf(value: number): number {
  // The sign of -0 would make it the greatest of all.
  number[0] = value + 0
  const word = words[high]!
  const bucket = ((word >>> 20) - 1023 - exponentMin) * bucketsPerPower + ((word >>> 17) & 7)
  return bucket < 0 ? 0 : bucket >= buckets ? buckets - 1 : bucket
}

export interface HistogramValues {
  readonly count: number
  readonly sum: number
  /** Undefined where nothing was recorded, as are the quantiles. */
  readonly min: number | undefined
  readonly max: number | undefined
  readonly p50: number | undefined
  readonly p90: number | undefined
  readonly p99: number | undefined
}

/** Of all instances together. */
export function histogramValues(all: readonly Float64Array[]): HistogramValues {
  const used = all.filter((fields) => fields[0]! > 0)
  const sums = new Float64Array(buckets)
  for (const fields of used) for (let i = 0; i < buckets; i++) sums[i]! += fields[headFields + i]!
  const count = sums.reduce((sum, inBucket) => sum + inBucket, 0)
  const max = count === 0 ? undefined : Math.max(...used.map((fields) => fields[3]!))
  const quantile = (part: number): number | undefined => {
    if (max === undefined) return undefined
    let left = Math.ceil(count * part)
    const bucket = sums.findIndex((inBucket) => (left -= inBucket) <= 0)
    return Math.min(max, upperEnd(bucket))
  }
  return {
    count,
    sum: used.reduce((sum, fields) => sum + fields[1]!, 0),
    min: max === undefined ? undefined : Math.min(...used.map((fields) => fields[2]!)),
    max,
    p50: quantile(0.5),
    p90: quantile(0.9),
    p99: quantile(0.99),
  }
}

function upperEnd(bucket: number): number {
  if (bucket < 0 || bucket === buckets - 1) return Infinity
  const power = 2 ** (exponentMin + Math.floor(bucket / bucketsPerPower))
  return power * (1 + ((bucket % bucketsPerPower) + 1) / bucketsPerPower)
}
