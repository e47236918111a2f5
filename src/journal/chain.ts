import { segmentFile } from './names.ts'
import type { SegmentHead, SegmentName } from './segment-head.ts'

/** What the head of a segment's file says. */
export interface KnownSegment extends SegmentHead {
  readonly salt: number
  /** The segment that was begun behind it, once that was on the disk. */
  readonly next: SegmentName | undefined
}

export type Chain =
  | {
      readonly kind: 'sound'
      /** Ascending. Each one ends where the next begins, whatever else its file holds. */
      readonly segments: readonly KnownSegment[]
      /** Begun by owners that had been taken over by then, or released: nothing acknowledged is in them. */
      readonly strays: readonly KnownSegment[]
    }
  | { readonly kind: 'damaged'; readonly what: string }

/**
 * Which segments make up the journal. The last one is that of the last owner; each names the one before it, down to the
 * position that everything was released to.
 */
export function chainOf(known: readonly KnownSegment[], released: number): Chain {
  const byName = new Map(known.map((segment) => [segmentFile(segment), segment]))
  const last = known.toSorted(isBehind).at(-1)
  if (last === undefined)
    return released === 0
      ? { kind: 'sound', segments: [], strays: [] }
      : { kind: 'damaged', what: `all segments behind position ${released} are missing` }
  if (last.next !== undefined && !byName.has(segmentFile(last.next)))
    return { kind: 'damaged', what: `the segment ${segmentFile(last.next)} is missing` }
  const segments = [last]
  for (let first = last; first.previous !== undefined;) {
    const before = byName.get(segmentFile(first.previous))
    if (before === undefined) break
    segments.unshift(before)
    first = before
  }
  const first = segments[0]!
  if (first.base > released) {
    const missing = first.previous === undefined ? 'its beginning' : segmentFile(first.previous)
    return { kind: 'damaged', what: `${missing} is missing in front of ${segmentFile(first)}` }
  }
  const mixed = segments.find((segment) => segment.journalId !== last.journalId)
  if (mixed !== undefined)
    return { kind: 'damaged', what: `the segment ${segmentFile(mixed)} belongs to another journal` }
  return { kind: 'sound', segments, strays: known.filter((segment) => !segments.includes(segment)) }
}

function isBehind(a: SegmentName, b: SegmentName): number {
  return a.epoch - b.epoch || a.base - b.base
}
