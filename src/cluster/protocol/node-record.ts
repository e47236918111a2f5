import * as v from 'valibot'
import { address, count, nodeId, text, texts, timeMs } from './fields.ts'
import { recordType } from './record.ts'

/** A node that is there, under its lease. */
const schema = v.object({
  id: nodeId,
  /** Made anew at each start: two lives of one node are told apart by it. */
  incarnation: text,
  pid: count,
  /** When the process was started, in the machine's ticks: tells the process from a later one with its number. */
  processStart: text,
  /** Of the machine, so that others know whether they may look at its process table. */
  machine: text,
  /** Whose files it sees: nodes that say the same see the same. Absent in earlier versions: as `machine`. */
  files: v.optional(text),
  /** Version of the package, and the versions of the protocol that it speaks. */
  version: text,
  protocol: v.object({ min: count, max: count }),
  /** Whose certificates it takes from other nodes: digests of public keys; none where it has no TLS. Absent in earlier versions. */
  authorities: v.optional(texts),
  /** For other nodes: probes and control connections. */
  control: address,
  /** Base address of the HTTP API; absent where it has none. */
  api: v.optional(text),
  groups: texts,
  labels: v.record(v.string(), v.string()),
  /**
   * How many workers it is meant to host, over all networks. A network may have one where others use them all: small
   * networks share the cores, none is kept waiting for a thread. 0: it hosts none.
   */
  workers: count,
  joinedAtMs: timeMs,
})
export type NodeRecord = Readonly<v.InferOutput<typeof schema>>
export const nodeRecord = recordType('The record of a node', schema)

/** What nodes of this version speak. */
export const protocolSpoken = { min: 1, max: 2 } as const
/** From this one on, nodes read manifests of snapshots that have files in them (SM-3). */
export const inlineProtocol = 2
