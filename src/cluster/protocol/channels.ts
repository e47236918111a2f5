import { assert } from '../../base/assert.ts'
import type { InstanceId } from './numbers.ts'

/**
 * Numbers of channels. A channel is (connection, source instance, target instance); both of its ends make its number
 * from these three, which stand in the plan, so nothing has to be agreed on when a link is made.
 *
 * - CH-1 Different channels of a plan have different numbers, and a number is exact in a double: 17 + 18 + 18 bits.
 * - CH-2 A channel that lives through a change keeps its number: ids of instances and numbers of connections stay theirs.
 */

const instanceBits = 18
const connectionBits = 17

/** Instances of one network, those that are replaced at the moment included. */
export const instanceIdsMax = 2 ** instanceBits
/** Connections of one network, those that drain included. */
export const connectionNumbersMax = 2 ** connectionBits

export function channelNumber(connection: number, source: InstanceId, target: InstanceId): number {
  assert(connection >= 0 && connection < connectionNumbersMax, 'number of a connection')
  assert(source >= 0 && source < instanceIdsMax, 'id of an instance')
  assert(target >= 0 && target < instanceIdsMax, 'id of an instance')
  return (connection * instanceIdsMax + source) * instanceIdsMax + target
}

/** The three parts, for messages to people. */
export function channelParts(channel: number): {
  readonly connection: number
  readonly source: number
  readonly target: number
} {
  const rest = Math.floor(channel / instanceIdsMax)
  return {
    connection: Math.floor(rest / instanceIdsMax),
    source: rest % instanceIdsMax,
    target: channel % instanceIdsMax,
  }
}
