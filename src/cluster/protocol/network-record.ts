import * as v from 'valibot'
import type { FlatNetwork } from '../../model/flatten.ts'
import type { Network } from '../../model/network.ts'
import { errorText, generation, text, timeMs, version } from './fields.ts'
import { recordType } from './record.ts'

/** What users want of a network. The newest version is the one that counts. */
const desired = v.object({
  version,
  /** `stop`: all of it is to end, after what is on its way. */
  goal: v.picklist(['run', 'stop']),
  changedAtMs: timeMs,
})
export type DesiredNetwork = Readonly<v.InferOutput<typeof desired>>
export const desiredRecord = recordType('What is wanted of a network', desired)

/** What the planner and agents must know of a kind without loading it. */
const kindFacts = v.object({
  role: v.picklist(['component', 'source']),
  keyedState: v.boolean(),
  /** A source that can be told to start from a position. */
  rewinds: v.boolean(),
  /** Comes with Vertigo: another bundle of code does not change it. Default false. */
  builtIn: v.optional(v.boolean()),
  /** Talks to the world by the process it is in: one of the fixed kinds for clients. */
  inMain: v.boolean(),
})
export type KindFacts = Readonly<v.InferOutput<typeof kindFacts>>

/** Where nodes find the code. */
const code = v.variant('type', [
  /** The addresses of the network lead to files and packages that are on every node. */
  v.object({ type: v.literal('files') }),
  /** They are relative to the bundle's root: `bundle:<path>`. */
  v.object({ type: v.literal('bundle'), hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) }),
])
export type CodePlace = Readonly<v.InferOutput<typeof code>>

const networkValue = v.custom<Network>(isNetworkLike, 'is not a network')
const flatValue = v.custom<FlatNetwork>(isNetworkLike, 'is not a network')

/** A version of a network. Immutable. It was checked, with the code that it names, before it was written. */
const versionSchema = v.object({
  version,
  /** As users wrote it: what later changes are merged into. */
  network: networkValue,
  /** Without subnets. */
  flat: flatValue,
  /** By component of `flat`. */
  kinds: v.record(v.string(), kindFacts),
  code,
  createdAtMs: timeMs,
  /** Who made it, and by what: for the list of versions. */
  by: text,
  change: text,
})
export type VersionRecord = Readonly<v.InferOutput<typeof versionSchema>>
export const versionRecord = recordType('A version of a network', versionSchema)

/**
 * What became of a version, by the manager. It counts for the version that it names, and for `stopped` while that is the
 * goal. Who wants a version tried again that was refused or has ended deletes it, or writes the same as a new version.
 */
const outcome = v.object({
  version,
  generation,
  /** `running`: it was open once. */
  state: v.picklist(['running', 'refused', 'failed', 'finished', 'stopped']),
  error: v.optional(errorText),
  atMs: timeMs,
})
export type NetworkOutcome = Readonly<v.InferOutput<typeof outcome>>
export const outcomeRecord = recordType('What became of a network', outcome)

function isNetworkLike(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { name, components, connections } = value as Partial<Network>
  return typeof name === 'string' && typeof components === 'object' && Array.isArray(connections)
}
