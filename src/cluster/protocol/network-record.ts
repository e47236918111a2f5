import * as v from 'valibot'
import type { FlatNetwork } from '../../model/flatten.ts'
import { guaranteeOfOld, withGuarantee } from '../../model/guarantee.ts'
import { errorText, generation, text, timeMs, version } from './fields.ts'
import { recordType, type RecordType } from './record.ts'

/** What users want of a network. The newest version is the one that counts. */
const desired = v.object({
  version,
  /** `stop`: all of it is to end, after what is on its way. */
  goal: v.picklist(['run', 'stop']),
  changedAtMs: timeMs,
  /** The version was made to try again what was held back. */
  anew: v.optional(v.boolean()),
  /**
   * What had an older version was undeployed: the network began, or begins, afresh with this one. Absent: it never was, or by a version of
   * before.
   */
  begunWith: v.optional(version),
})
export type DesiredNetwork = Readonly<v.InferOutput<typeof desired>>
export const desiredRecord = recordType('What is wanted of a network', desired)

/** What is made of a network that is being undeployed begins afresh, also where that has not come to its end. */
export function begunWith({
  before,
  version,
  isUndeployed,
}: {
  readonly before: DesiredNetwork | undefined
  readonly version: DesiredNetwork['version']
  readonly isUndeployed: boolean
}): Pick<DesiredNetwork, 'begunWith'> {
  if (isUndeployed) return { begunWith: version }
  return before?.begunWith === undefined ? {} : { begunWith: before.begunWith }
}

/** What decides whether its state can be gone on from. */
const stateFacts = v.object({
  version: v.number(),
  /** Versions that it makes of the one before, and of which it makes the one before. */
  up: v.array(v.number()),
  down: v.array(v.number()),
  states: v.array(
    v.object({
      name: v.string(),
      type: v.picklist(['value', 'map', 'list']),
      scope: v.picklist(['keyed', 'instance']),
      onRescale: v.picklist(['split', 'union', 'refuse']),
    }),
  ),
})
export type StateFacts = Readonly<v.InferOutput<typeof stateFacts>>

/** What planner, agents and later checks must know of a kind without loading it. */
export const kindFactsSchema = v.object({
  role: v.picklist(['component', 'source']),
  inputs: v.array(v.string()),
  outputs: v.array(v.string()),
  keyedState: v.boolean(),
  instanceState: v.boolean(),
  /** Messages at the same time, where the network does not say. */
  concurrency: v.optional(v.number()),
  /** A source that can be told to start from a position. */
  rewinds: v.boolean(),
  /** A source whose messages cannot be kept in a journal. Absent: they can. */
  journal: v.optional(v.picklist(['engine', 'none'])),
  /** Reads or writes files of the machine that it runs on. Absent: it does not. */
  files: v.optional(v.picklist(['local', 'shared'])),
  /** Talks to the world by the process that it is in: one of the fixed kinds for clients. */
  inMain: v.boolean(),
  /** Inputs whose messages are checked against a schema. Absent: none. */
  schemas: v.optional(v.array(v.string())),
  /** Absent: it declares no state. */
  state: v.optional(stateFacts),
})
export type KindFacts = Readonly<v.InferOutput<typeof kindFactsSchema>>

const flatValue = v.custom<FlatNetwork>(isNetworkLike, 'is not a network')

/**
 * A version of a network. Immutable. It was checked, with the code that it names, before it was written. All addresses in
 * it are complete (`file:` URLs, `bundle:<hash>/<path>`, names of built-in kinds): it means the same wherever it is read.
 */
const versionSchema = v.object({
  version,
  /** Without subnets; with its guarantee. Later changes are merged into it. */
  flat: flatValue,
  /** By component. */
  kinds: v.record(v.string(), kindFactsSchema),
  createdAtMs: timeMs,
  /** Who made it, and by what: for the list of versions. */
  by: text,
  change: text,
})
export type VersionRecord = Readonly<v.InferOutput<typeof versionSchema>>
const writtenVersion = recordType('A version of a network', versionSchema)

/** Versions of a network. Where no guarantee is written down, they were deployed before there was a need to, and go on as they were. */
export const versionRecord: RecordType<VersionRecord> = {
  encode: (version) => writtenVersion.encode(version),
  decode(entry) {
    const version = writtenVersion.decode(entry)
    return { ...version, flat: withGuarantee(version.flat, guaranteeOfOld) }
  },
}

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
  /** Of `refused`: the version that ran before, and runs on. Absent: there was none. */
  fallback: v.optional(version),
  atMs: timeMs,
})
export type NetworkOutcome = Readonly<v.InferOutput<typeof outcome>>
export const outcomeRecord = recordType('What became of a network', outcome)

function isNetworkLike(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { name, components, connections } = value as Partial<FlatNetwork>
  return typeof name === 'string' && typeof components === 'object' && Array.isArray(connections)
}
