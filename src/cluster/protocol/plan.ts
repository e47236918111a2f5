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

/**
 * A plan: an immutable assignment of a network's instances to workers. Nobody changes one; a new one replaces it.
 *
 * - PL-1 `generation` is `parent` plus one, and a plan is written only where the parent's record is unchanged.
 * - PL-2 An instance's id, a worker's number and a connection's number mean the same as in the parent, or are not in it:
 *   what is new has ids that neither the parent nor the plan before it knows, workers have numbers above all before.
 * - PL-3 Each instance's worker is in `workers`; each worker's node was there when it was planned.
 */

const instance = v.object({
  id: instanceId,
  component: text,
  /** Number of the copy: `count[2]`. An instance that drains may share it with its successor. */
  index: count,
  worker: workerNumber,
  /** The version of the network in which its component is written as it runs. */
  version,
  /** Its inputs end, it finishes what it has; the next plan is without it. */
  draining: v.boolean(),
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
})
export type WaitingInstance = Readonly<v.InferOutput<typeof waiting>>

/** How often a component's instances failed lately; decides when they are tried again. */
const failures = v.object({
  component: text,
  count,
  lastAtMs: timeMs,
  error: errorText,
})
export type ComponentFailures = Readonly<v.InferOutput<typeof failures>>

const schema = v.object({
  network: text,
  generation,
  parent: generation,
  term,
  version,
  workers: v.array(worker),
  instances: v.array(instance),
  /** By `connectionKey`: the numbers that channels are made from. */
  connections: v.record(v.string(), count),
  waiting: v.array(waiting),
  failures: v.array(failures),
  /** Below which numbers of workers have been used. */
  nextWorker: workerNumber,
})
export type Plan = Readonly<v.InferOutput<typeof schema>>
export const planRecord = recordType('A plan', schema)
