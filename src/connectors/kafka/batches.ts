/**
 * What stands in a partition, as fetched, with what transactions made of it.
 *
 * A fetch gives batches of records as they are in the log: those of transactions that were aborted, and the markers by which
 * transactions end, are among them. It also says which producers have aborted transactions in this piece, and where those begin.
 */

/** One record, as the client has decoded it. */
export interface RawRecord {
  readonly offsetDelta: number
  readonly timestampDelta: bigint
  /** Null or undefined: none. */
  readonly key: Uint8Array | null | undefined
  readonly value: Uint8Array | null | undefined
  readonly headers: readonly (readonly [Uint8Array | null, Uint8Array | null])[]
}

export interface RawBatch {
  readonly firstOffset: bigint
  readonly lastOffsetDelta: number
  readonly firstTimestamp: bigint
  readonly attributes: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly records: readonly RawRecord[]
}

export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

const isTransactional = 0b1_0000
const isControl = 0b10_0000

/** How a transaction ended, where the batch is the marker that says it. */
export function markerOf(batch: RawBatch): 'commit' | 'abort' | undefined {
  if ((batch.attributes & isControl) === 0) return undefined
  const key = batch.records[0]?.key
  // The key has a version and a type, two bytes each.
  if (key === null || key === undefined || key.length < 4) return undefined
  const type = (key[2]! << 8) | key[3]!
  return type === 0 ? 'abort' : type === 1 ? 'commit' : undefined
}

export function inTransaction(batch: RawBatch): boolean {
  return (batch.attributes & isTransactional) !== 0
}

/** Those of the batches that readers of committed messages see. */
export function committedOnly(
  batches: readonly RawBatch[],
  aborted: readonly AbortedTransaction[],
): RawBatch[] {
  const coming = aborted.toSorted((a, b) =>
    a.firstOffset < b.firstOffset ? -1 : a.firstOffset > b.firstOffset ? 1 : 0,
  )
  const aborting = new Set<bigint>()
  const seen: RawBatch[] = []
  let next = 0
  for (const batch of batches) {
    const last = batch.firstOffset + BigInt(batch.lastOffsetDelta)
    for (; next < coming.length && coming[next]!.firstOffset <= last; next++)
      aborting.add(coming[next]!.producerId)
    if ((batch.attributes & isControl) !== 0) {
      if (markerOf(batch) === 'abort') aborting.delete(batch.producerId)
    } else if (!inTransaction(batch) || !aborting.has(batch.producerId)) seen.push(batch)
  }
  return seen
}

/** The first offset from `from` on that is not in the log: of what was not compacted there is none. `batches`: as they are in the log. */
export function firstGap(from: bigint, batches: readonly RawBatch[]): bigint | undefined {
  let next = from
  for (const { firstOffset, lastOffsetDelta, records } of batches) {
    if (firstOffset > next) return next
    const end = firstOffset + BigInt(lastOffsetDelta) + 1n
    // Compaction keeps both ends of a batch, and takes records out.
    if (records.length <= lastOffsetDelta) {
      const there = new Set(records.map(({ offsetDelta }) => firstOffset + BigInt(offsetDelta)))
      for (; next < end; next++) if (!there.has(next)) return next
    }
    if (end > next) next = end
  }
  return undefined
}
