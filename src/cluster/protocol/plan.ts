import * as v from 'valibot'
import {
  count,
  errorText,
  generation,
  instanceId,
  nodeId,
  term,
  text,
  timeMs,
  version,
  workerNumber,
} from './fields.ts'
import { recordType } from './record.ts'
import { snapshotReference } from './snapshot-record.ts'

/**
 * A plan: an immutable assignment of a network's instances to workers. Nobody changes one; a new one replaces it.
 *
 * - PL-1 `generation` is `parent` plus one, or greater where numbers were used that the parent does not know of (PL-6). A plan is written only
 *   where the parent's record is unchanged.
 * - PL-2 An instance's id, a worker's number and a connection's number mean the same as in the parent, or are not in it:
 *   what is new has ids that neither the parent nor the plan before it knows, workers have numbers above all before. Ids of
 *   instances and numbers of connections are few: they are given round and round, in the order of `nextInstance` and
 *   `nextConnection`, and those in use are left out.
 * - PL-3 Each instance's worker is in `workers`; each worker's node was there when it was planned.
 * - PL-4 `connections` has those of the plan's version, and those that instances which drain had in their versions.
 * - PL-5 Where it says what it restores, all of its instances are new, and go on from that snapshot; it was written only where that was
 *   still the last one that was committed (SN-2).
 * - PL-6 A generation and a worker's number are never used twice in a network until it is forgotten, whatever becomes of its plan: what plans
 *   have used stands beside the plan as well, and is written with it. In a store that was filled from a backup they go on behind what may have
 *   been used after that. Agents, journals and links refuse by these numbers what is of before.
 */

const instance = v.object({
  id: instanceId,
  component: text,
  /** Number of the copy: `count[2]`. An instance that drains may share it with its successor. */
  index: count,
  worker: workerNumber,
  /** The version of the network in which its component is written as it runs. */
  version,
  /** The generation that was the first with it. Those not after the open generation may be sending. */
  since: generation,
  /**
   * The generation that was the first with its component's copy in this place, where instances before this one had it. Absent: as
   * `since`.
   */
  hereSince: v.optional(generation),
  /** Its inputs end, it finishes what it has; a later plan is without it. */
  draining: v.boolean(),
  /** It was known to have handled all there was: records of readiness are of one generation, this outlives them. */
  finished: v.optional(v.boolean()),
  /** The first generation in which it drains. Until that is open it works as before, and may still be kept. */
  drainingSince: v.optional(generation),
})
export type PlannedInstance = Readonly<v.InferOutput<typeof instance>>

const worker = v.object({
  worker: workerNumber,
  node: nodeId,
  /** Of the node, so that a node that came back has new workers. */
  incarnation: text,
})
export type PlannedWorker = Readonly<v.InferOutput<typeof worker>>

const waiting = v.object({
  component: text,
  index: count,
  /** A sentence: what keeps it from being placed. */
  reason: text,
  /** When a plan first had it waiting, with no plan between in which it had a place. Absent in plans of before. */
  sinceMs: v.optional(timeMs),
})
export type WaitingInstance = Readonly<v.InferOutput<typeof waiting>>

const done = v.object({
  component: text,
  index: count,
  /** The version of the network in which it ran. */
  version,
})
/** A copy that had handled all there was when it lost its worker: it is not started again. */
export type DoneInstance = Readonly<v.InferOutput<typeof done>>

/** How often a component's instances failed lately; decides when they are tried again. */
const failures = v.object({
  component: text,
  count,
  lastAtMs: timeMs,
  error: errorText,
})
export type ComponentFailures = Readonly<v.InferOutput<typeof failures>>

/** Nodes whose processes ended after they had got a component; decides whether another one gets it (`control/deaths.ts`). */
const deaths = v.object({
  component: text,
  /** How many one after the other, each soon after it had got the component. */
  count,
  lastAtMs: timeMs,
  /** Of the store, when the last one was written: nodes that came later may take the places of these. Absent in earlier plans. */
  lastRevision: v.optional(count),
  nodes: v.array(nodeId),
})
export type ComponentDeaths = Readonly<v.InferOutput<typeof deaths>>

/** Where what a copy keeps on a disk is: the journal of a source, or the files of a kind that reads or writes those of its machine. */
const home = v.object({
  component: text,
  index: count,
  /** Absent: on a disk that all nodes share. */
  node: v.optional(nodeId),
  /** Whose files it reads and writes: of all nodes that see the same. Absent: of none. */
  files: v.optional(text),
  /** Of the deployment that it belongs to: when the version was made in which the copy began. */
  life: count,
})
export type CopyHome = Readonly<v.InferOutput<typeof home>>

const planned = v.object({ generation, atMs: timeMs })
/** When a generation was planned. */
export type PlannedAt = Readonly<v.InferOutput<typeof planned>>

const schema = v.object({
  network: text,
  generation,
  parent: generation,
  term,
  version,
  /** The version that ran last before this one: what is gone back to where this one cannot be set up. */
  fallback: v.optional(version),
  workers: v.array(worker),
  instances: v.array(instance),
  /** By `connectionKey`: the numbers that channels are made from. */
  connections: v.record(v.string(), count),
  waiting: v.array(waiting),
  done: v.array(done),
  failures: v.array(failures),
  /** Absent: none. */
  deaths: v.optional(v.array(deaths)),
  /** Of copies that keep something on a disk. Absent: none. */
  homes: v.optional(v.array(home)),
  /** Of the generations of the last moments; absent in plans that nobody saw made. */
  recent: v.optional(v.array(planned)),
  /** The snapshot that its instances go on from. Absent: they begin, or are those of the parent. */
  restores: v.optional(snapshotReference),
  /** Below which numbers of workers have been used. */
  nextWorker: workerNumber,
  /** Where the search for a free id begins. */
  nextInstance: instanceId,
  /** Where the search for a free number of a connection begins. */
  nextConnection: count,
})
export type Plan = Readonly<v.InferOutput<typeof schema>>
export const planRecord = recordType('A plan', schema)
