import * as v from 'valibot'
import { count, text, texts, timeMs } from './fields.ts'
import { recordType } from './record.ts'

/** The cluster itself, written by its first node. */
const cluster = v.object({
  /** Of everything under the cluster's prefix. */
  format: count,
  name: text,
  /** Made at random: another one after a store was restored or set up anew. */
  incarnation: text,
  createdAtMs: timeMs,
  /** Where the store was filled from a backup: the incarnations of before, the oldest first. */
  earlier: v.optional(texts),
  /** When it was. Numbers that are to be greater than all of before, begin there. */
  restoredAtMs: v.optional(timeMs),
})
export type ClusterRecord = Readonly<v.InferOutput<typeof cluster>>
export const clusterRecord = recordType('The record of the cluster', cluster)

/** The format of keys and records that this version writes and reads. */
export const clusterFormat = 1

/** What operators set for the whole cluster. */
const config = v.object({
  /** With fewer nodes than that, nothing new is deployed. Default 1. */
  quorum: v.optional(count),
})
export type ClusterConfig = Readonly<v.InferOutput<typeof config>>
export const configRecord = recordType('The configuration of the cluster', config)

/** A node that operators want empty. */
const drain = v.object({ by: text, atMs: timeMs })
export type DrainRecord = Readonly<v.InferOutput<typeof drain>>
export const drainRecord = recordType('The order to empty a node', drain)

/** A node's address refuses connections, as another node finds; under that one's lease. */
const suspicion = v.object({ incarnation: text })
export type SuspicionRecord = Readonly<v.InferOutput<typeof suspicion>>
export const suspicionRecord = recordType('A suspicion', suspicion)
