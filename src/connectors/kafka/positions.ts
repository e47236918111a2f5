import type { SourcePosition } from '../../component/index.ts'
import { positionLost } from '../servers/position-lost.ts'
import type { Use } from './errors.ts'

const version = 1

/** A partition, by the id that its topic keeps for as long as it exists. */
export function splitOf(topicId: string, partition: number): string {
  return `kafka/${topicId}/${partition}`
}

/** Undefined where the split is of another topic. */
export function partitionOf(split: string, topicId: string): number | undefined {
  const start = `kafka/${topicId}/`
  const number = split.startsWith(start) ? split.slice(start.length) : ''
  return /^\d+$/.test(number) ? Number(number) : undefined
}

/** `offset`: of the next message. */
export function asPosition(offset: bigint): SourcePosition {
  return { version, position: { offset: offset.toString() } }
}

/** Errors: SOURCE_POSITION_LOST where it is of another form. */
export function positionOf({ version: given, position }: SourcePosition, { component, what }: Use): bigint {
  const { offset } = (position ?? {}) as { readonly offset?: unknown }
  if (given !== version || typeof offset !== 'string' || !/^\d+$/.test(offset))
    throw positionLost(component, `${what} was read by another version of this source`)
  return BigInt(offset)
}
