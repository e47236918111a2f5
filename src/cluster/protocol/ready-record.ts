import * as v from 'valibot'
import { address, errorText, generation, instanceId, nodeId, text, workerNumber } from './fields.ts'
import { recordType } from './record.ts'

/** What an agent says of its part of a generation, under the node's lease. Nodes without a part say nothing. */
const ready = v.object({
  node: nodeId,
  incarnation: text,
  generation,
  /** Set up, and not failed since. */
  ready: v.array(instanceId),
  /** Have handled all there was; or have published all of the last snapshot of an undeployed network. */
  finished: v.array(instanceId),
  /** Have handled all there was, and can publish it, and finish, once a snapshot is committed. Default: none. */
  awaiting: v.optional(v.array(instanceId)),
  failed: v.array(v.object({ instance: instanceId, error: errorText })),
  /** Workers that have ended by themselves. Their instances are in `failed`; their numbers are of no use any more. */
  lost: v.optional(v.array(workerNumber)),
  /** Where the data ports of its workers listen. */
  workers: v.array(v.object({ worker: workerNumber, address })),
})
export type ReadyRecord = Readonly<v.InferOutput<typeof ready>>
export const readyRecord = recordType('A record of readiness', ready)

/** The generation that may emit. Its absence means: hold. */
const open = v.object({
  generation,
  workers: v.array(v.object({ worker: workerNumber, address })),
})
export type OpenRecord = Readonly<v.InferOutput<typeof open>>
export const openRecord = recordType('The open generation', open)

/**
 * The generation that was open last, written where `open` is deleted. Instances that came after it have never begun: nobody
 * has sent to them, and they have nothing to finish.
 */
const closed = v.object({ generation })
export type ClosedRecord = Readonly<v.InferOutput<typeof closed>>
export const closedRecord = recordType('The generation that was open last', closed)
