import { VertigoError } from '../../base/errors.ts'
import type { SourcePositions } from '../../component/define.ts'
import { declaredStates, type KindDefinition } from '../../component/kind.ts'
import { compareSinkSnapshots, type SinkSnapshot } from '../../component/sink.ts'
import type { InstanceManifest } from '../../snapshot/manifest.ts'
import { type MergedSection, mergeStates } from '../../snapshot/merge.ts'
import type { InstanceRestore } from '../../snapshot/part.ts'
import { openPartFiles } from '../../snapshot/part-file.ts'
import { SectionRows } from '../../snapshot/section-rows.ts'
import { keyGroupSections, type StateEntry } from '../../snapshot/state-file.ts'
import type { SnapshotStorage } from '../../snapshot/storage/storage.ts'
import { readRow } from '../../state/capture.ts'
import type { EntryReader } from '../../state/entry-block.ts'
import type { KeyedState } from '../../state/keyed-state.ts'
import { encodeKey, instanceOfKeyGroup, keyGroupOf } from '../../state/keys.ts'
import { type Reading, readingOf, type ReadingOwner } from './reading.ts'
import { redistributed } from './redistribute.ts'
import { decodeSaved, nothingSaved, type Saved } from './saved.ts'
import { decodeStaged, type Staged } from './staged.ts'

/** Who goes on from a snapshot. */
export interface Restored extends ReadingOwner {
  readonly identity: { readonly component: string; readonly instance: number; readonly instances: number }
  readonly keyed: KeyedState | undefined
}

export interface RestoreMeans {
  readonly storage: SnapshotStorage
  /** Milliseconds since 1970. */
  readonly nowMs: number
  /** The kind that wrote the snapshot; asked for where only that knows how its state is to be read. */
  readonly writer: () => Promise<KindDefinition | undefined>
}

export interface RestoredPart {
  readonly saved: Saved
  /** What later increments stand on; undefined where its state is now made of several parts. */
  readonly part: InstanceManifest | undefined
  readonly wasOver: boolean
  /** Its state is of another version of the component. */
  readonly isMigrated: boolean
  /** Of its component, those whose writers are its own now: what they had prepared and not published. */
  readonly sinks: readonly RestoredSink[]
}

export interface RestoredSink {
  /** The number that it had. */
  readonly instance: number
  readonly published: SinkSnapshot | undefined
  /** The first that any of its component's has prepared for in this deployment; undefined where nobody has noted it. */
  readonly since: SinkSnapshot | undefined
  readonly staged: readonly Staged[]
}

/**
 * Reads what the snapshot has of an instance: its keyed state into `keyed`, the rest as it is.
 *
 * With another number of instances than the snapshot was taken of, it takes out of all parts the key groups that are its own, and timers of
 * their keys. A source is given the positions of all splits then, and always where it lists its splits: it takes its share by itself.
 *
 * Errors: those of the storage, SNAPSHOT_FOREIGN, SNAPSHOT_NOT_DIVISIBLE, STATE_VERSION_UNKNOWN, STATE_CHANGED, STATE_MIGRATION_FAILED.
 */
export async function readRestore(
  restore: InstanceRestore,
  owner: Restored,
  means: RestoreMeans,
): Promise<RestoredPart> {
  const { definition, identity } = owner
  const { instance, instances } = identity
  const own = restore.parts.find((part) => part.instance === instance && part.instances === instances)
  const parts = own === undefined ? restore.parts : [own]
  const [first] = parts
  if (first === undefined)
    return { saved: nothingSaved, part: undefined, wasOver: false, isMigrated: false, sinks: [] }
  // One version of the component has written all of them.
  const reading = await readingOf(first, owner, means.writer)
  const isNew = own === undefined || !reading.keyed.isNone
  const about = { restore, owner, reading, means, isOfOthers: own === undefined, isNew }
  const all: Saved[] = []
  for (const part of parts) all.push(await readPart(part, about))
  const read = {
    part: isNew ? undefined : own,
    wasOver: parts.every(({ isFinished }, at) => isFinished || all[at]!.sink?.isOver === true),
    isMigrated: reading.isMigrated,
    sinks: sinksOf(parts, all, own === undefined ? identity : undefined),
  }
  if (own === undefined) return { ...read, saved: divided(all, parts, owner) }
  if (definition.splits === undefined) return { ...read, saved: all[0]! }
  // Splits that are listed are dealt by the list: what another copy had may be this one's now.
  for (const part of restore.parts) if (part !== own) all.push(await readPart(part, about))
  return { ...read, saved: { ...all[0]!, positions: joined(all) } }
}

/**
 * What the sinks of a component have left whose state counts no more: that is not even read. Errors: those of the storage.
 */
export async function readSinks(
  restore: InstanceRestore,
  identity: Restored['identity'],
  storage: SnapshotStorage,
): Promise<readonly RestoredSink[]> {
  const { parts } = restore
  const { instance, instances } = identity
  const own = parts.find((part) => part.instance === instance && part.instances === instances)
  const read = own === undefined ? parts : [own]
  const all: Saved[] = []
  for (const part of read) all.push(await readSaved(part, restore, storage))
  return sinksOf(read, all, own === undefined ? identity : undefined)
}

/** All of a part that is no keyed state. */
async function readSaved(
  part: InstanceManifest,
  restore: InstanceRestore,
  storage: SnapshotStorage,
): Promise<Saved> {
  const files = await openPartFiles(part, restore, storage)
  const sections: StateEntry[] = []
  for await (const { entries } of mergeStates(files, { omit: (section) => section < keyGroupSections }))
    sections.push(...entries)
  return decodeSaved(sections)
}

/**
 * `among`: with another number of instances than before. One whose number is new is asked for by its name all the same: an earlier one of
 * that number may have written under it, when there were as many; in this deployment, or in one before, which `since` tells.
 */
function sinksOf(
  parts: readonly InstanceManifest[],
  all: readonly Saved[],
  among: { readonly instance: number; readonly instances: number } | undefined,
): readonly RestoredSink[] {
  const since = all
    .flatMap(({ sink }) => sink?.since ?? [])
    .toSorted(compareSinkSnapshots)
    .at(0)
  const sinks = parts.flatMap((part, at): RestoredSink[] => {
    if (among !== undefined && part.instance % among.instances !== among.instance) return []
    const { published, pieces = [] } = all[at]!.sink ?? {}
    return [{ instance: part.instance, published, since, staged: pieces.map(decodeStaged) }]
  })
  return among === undefined || sinks.some(({ instance }) => instance === among.instance)
    ? sinks
    : [...sinks, { instance: among.instance, published: undefined, since, staged: [] }]
}

function joined(all: readonly Saved[]): SourcePositions | undefined {
  const known = all.filter(({ positions }) => positions !== undefined)
  if (known.length === 0) return undefined
  return Object.assign({}, ...known.map(({ positions }) => positions)) as SourcePositions
}

interface PartReading {
  readonly restore: InstanceRestore
  readonly owner: Restored
  readonly reading: Reading
  readonly means: RestoreMeans
  readonly isOfOthers: boolean
  /** No file of its own has it as it is now, so that the next part has to. */
  readonly isNew: boolean
}

async function readPart(part: InstanceManifest, about: PartReading): Promise<Saved> {
  const { restore, owner, reading, means, isOfOthers } = about
  const { instance, instances } = owner.identity
  const isOurs = (group: number): boolean => !isOfOthers || instanceOfKeyGroup(group, instances) === instance
  const omit = (section: number): boolean =>
    section < keyGroupSections && (owner.keyed === undefined || !isOurs(section))
  const files = await openPartFiles(part, restore, means.storage)
  const sections: StateEntry[] = []
  for await (const merged of mergeStates(files, { omit })) {
    if (merged.section >= keyGroupSections) sections.push(...merged.entries)
    else restoreGroup(merged, about)
  }
  const saved = decodeSaved(sections)
  const { instanceState } = saved
  if (instanceState === undefined || reading.instance.isNone) return saved
  const isKept = owner.instanceState !== undefined
  return {
    ...saved,
    instanceState: isKept ? reading.instance.converted([instanceState], means.nowMs) : undefined,
  }
}

/** What files of its own have of a group may be read later; what the next part has to write as well, now. */
function restoreGroup(merged: MergedSection, about: PartReading): void {
  const direct = (reader: EntryReader): boolean => addPlainRow(reader, about)
  const other = (entry: StateEntry): void => addRow(entry, about)
  if (about.isNew) merged.visit(direct, other)
  else about.owner.keyed?.restoreGroup(merged.section, new SectionRows(merged, { direct, other }))
}

/** Most rows are such that nothing else has to be made of them; false where this is another one. */
function addPlainRow(reader: EntryReader, { owner, reading, means, isNew }: PartReading): boolean {
  const row = reading.keyed.isNone ? reader.plainRow : undefined
  if (row === undefined) return false
  owner.keyed?.restore(row, isNew, means.nowMs)
  return true
}

function addRow({ parts }: StateEntry, { owner, reading, means, isNew }: PartReading): void {
  const { keyed } = owner
  if (keyed === undefined) return
  const entries = parts.map(readRow)
  if (reading.keyed.isNone) for (const entry of entries) keyed.restore(entry, isNew, means.nowMs)
  else keyed.restore(reading.keyed.converted(entries, means.nowMs), isNew, means.nowMs)
}

/** What is not keyed, of all instances of the component, as far as it is this one's now. */
function divided(all: readonly Saved[], parts: readonly InstanceManifest[], owner: Restored): Saved {
  const { instance, instances } = owner.identity
  const refused = (what: string): VertigoError =>
    new VertigoError(
      'SNAPSHOT_NOT_DIVISIBLE',
      `The snapshot was taken with ${parts[0]?.instances ?? 0} instances of ${owner.identity.component}, and there are ${instances} now: ${what}.`,
      { place: { component: owner.identity.component } },
    )
  if (all.some(({ channels }) => channels.length > 0))
    throw refused('it has messages that were on their way to them')
  if (all.some(({ open }) => open.length > 0)) throw refused('they have groups open')
  const states = declaredStates(owner.definition).filter(({ scope }) => scope === 'instance')
  const instanceState = redistributed(
    all.flatMap((saved) => saved.instanceState ?? []),
    states,
    owner.identity,
    refused,
  )
  const isOurs = (key: unknown): boolean =>
    instanceOfKeyGroup(keyGroupOf(encodeKey(key)), instances) === instance
  const timers = all.flatMap((saved) => saved.timers)
  return {
    ...nothingSaved,
    instanceState,
    timers:
      owner.keyed === undefined ? (instance === 0 ? timers : []) : timers.filter(({ key }) => isOurs(key)),
    // Of all: the source deals them (`splits.ts`).
    positions: joined(all),
    isUndealt: true,
    lastGroupId: Math.max(0, ...all.map(({ lastGroupId }) => lastGroupId)),
    // Each is one's: it is sent again, or told of, by him alone.
    tracked: all.flatMap((saved) => saved.tracked).filter((_, at) => at % instances === instance),
    answered: all.flatMap((saved) => saved.answered).filter((_, at) => at % instances === instance),
  }
}

/** First and last key group of an instance; null where it has none. */
export function keyGroupsOf({ identity, keyed }: Restored): readonly [number, number] | null {
  if (keyed === undefined) return null
  const { instance, instances } = identity
  const groups = Array.from({ length: keyGroupSections }, (_, group) => group)
  const own = groups.filter((group) => instanceOfKeyGroup(group, instances) === instance)
  return own.length === 0 ? null : [own[0]!, own.at(-1)!]
}
