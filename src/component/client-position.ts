/**
 * Where a reader of an exported output is, in a network that gives what it has committed: behind message `index` (from 1 on) of what was
 * received for a snapshot. Of all lives of an instance, a later message has a greater position.
 */
export interface ClientPosition {
  readonly incarnation: number
  readonly snapshot: number
  /** Infinity: behind all of the snapshot. */
  readonly index: number
}

/** Characters of one as text; what is longer is none. */
export const positionLengthMax = 64

/** Before all that there can be. */
export const firstPosition: ClientPosition = { incarnation: 0, snapshot: 0, index: 0 }

/** As text: `1.42.7`; `1.42` behind all of snapshot 42. Readers take it as it is. */
export function positionText({ incarnation, snapshot, index }: ClientPosition): string {
  return index === Infinity ? `${incarnation}.${snapshot}` : `${incarnation}.${snapshot}.${index}`
}

/** Undefined for what is none. */
export function positionOf(text: string): ClientPosition | undefined {
  const match = /^(\d{1,15})\.(\d{1,15})(?:\.(\d{1,15}))?$/.exec(text)
  if (match === null) return undefined
  const [, incarnation, snapshot, index] = match
  return {
    incarnation: Number(incarnation),
    snapshot: Number(snapshot),
    index: index === undefined ? Infinity : Number(index),
  }
}

/** Above 0 where `a` comes later. */
export function comparePositions(a: ClientPosition, b: ClientPosition): number {
  if (a.incarnation !== b.incarnation) return a.incarnation - b.incarnation
  if (a.snapshot !== b.snapshot) return a.snapshot - b.snapshot
  return a.index === b.index ? 0 : a.index - b.index
}

/** Of the message that comes `by` messages after the one with the position `text`, of the same snapshot. */
export function advanced(text: string, by: number): string {
  const position = positionOf(text)
  return position === undefined ? text : positionText({ ...position, index: position.index + by })
}
