import { VertigoError } from '../../base/errors.ts'
import type { SourcePositions } from '../../component/define.ts'
import type { KindDefinition } from '../../component/kind.ts'
import type { SinkSnapshot } from '../../component/sink.ts'
import { placeOf } from '../../snapshot/file-names.ts'
import type { FileReference, InstanceManifest } from '../../snapshot/manifest.ts'
import { mergeStates } from '../../snapshot/merge.ts'
import type { InstanceRestore } from '../../snapshot/part.ts'
import { decodeState, keyGroupSections, type StateEntry, type StateFile } from '../../snapshot/state-file.ts'
import type { SnapshotStorage } from '../../snapshot/storage/storage.ts'
import { noEpoch } from '../../state/changes.ts'
import { readRow } from '../../state/capture.ts'
import { applyEntry } from '../../state/entries.ts'
import type { KeyedState } from '../../state/keyed-state.ts'
import { encodeKey, instanceOfKeyGroup, keyGroupOf } from '../../state/keys.ts'
import { decodeSaved, nothingSaved, type Saved } from './saved.ts'
import { decodeStaged, type Staged } from './staged.ts'

/** Who goes on from a snapshot. */
export interface Restored {
  readonly place: string
  readonly identity: { readonly component: string; readonly instance: number; readonly instances: number }
  readonly definition: KindDefinition
  readonly keyed: KeyedState | undefined
}

export interface RestoredPart {
  readonly saved: Saved
  /** What later increments stand on; undefined where its state is now made of several parts. */
  readonly part: InstanceManifest | undefined
  readonly wasOver: boolean
  /** Of its component, those whose writers are its own now: what they had prepared and not published. */
  readonly sinks: readonly RestoredSink[]
}

export interface RestoredSink {
  /** The number that it had. */
  readonly instance: number
  readonly published: SinkSnapshot | undefined
  readonly staged: readonly Staged[]
}

/**
 * Reads what the snapshot has of an instance: its keyed state into `keyed`, the rest as it is.
 *
 * With another number of instances than the snapshot was taken of, it takes out of all parts the key groups that are its own, and timers of
 * their keys. A source is given the positions of all splits then, and always where it lists its splits: it takes its share by itself.
 *
 * Errors: those of the storage, SNAPSHOT_FOREIGN, SNAPSHOT_NOT_DIVISIBLE.
 */
export async function readRestore(
  restore: InstanceRestore,
  owner: Restored,
  storage: SnapshotStorage,
): Promise<RestoredPart> {
  const { parts } = restore
  const { definition, identity } = owner
  const { instance, instances } = identity
  const own = parts.find((part) => part.instance === instance && part.instances === instances)
  const used = own === undefined ? parts : [own]
  const all: Saved[] = []
  for (const part of used) all.push(await readPart(part, restore, owner, own === undefined, storage))
  const wasOver =
    used.length > 0 && used.every(({ isFinished }, at) => isFinished || all[at]!.sink?.isOver === true)
  const sinks = used.flatMap((part, at): RestoredSink[] => {
    if (own === undefined && part.instance % instances !== instance) return []
    const { published, pieces = [] } = all[at]!.sink ?? {}
    return [{ instance: part.instance, published, staged: pieces.map(decodeStaged) }]
  })
  if (own === undefined) return { saved: divided(all, parts, owner), part: undefined, wasOver, sinks }
  if (definition.splits === undefined) return { saved: all[0]!, part: own, wasOver, sinks }
  // Splits that are listed are dealt by the list: what another copy had may be this one's now.
  const others = parts.filter((part) => part !== own)
  for (const part of others) all.push(await readPart(part, restore, owner, false, storage))
  return { saved: { ...all[0]!, positions: joined(all) }, part: own, wasOver, sinks }
}

function joined(all: readonly Saved[]): SourcePositions | undefined {
  const known = all.filter(({ positions }) => positions !== undefined)
  if (known.length === 0) return undefined
  return Object.assign({}, ...known.map(({ positions }) => positions)) as SourcePositions
}

async function readPart(
  part: InstanceManifest,
  restore: InstanceRestore,
  { identity, keyed }: Restored,
  isOfOthers: boolean,
  storage: SnapshotStorage,
): Promise<Saved> {
  const { instance, instances } = identity
  const isOurs = (group: number): boolean => !isOfOthers || instanceOfKeyGroup(group, instances) === instance
  const omit = (section: number): boolean =>
    section < keyGroupSections && (keyed === undefined || !isOurs(section))
  const files: StateFile[] = []
  for (const file of part.files) files.push(await open(file, part, restore, storage))
  const saved: StateEntry[] = []
  for await (const { section, entries } of mergeStates(files, { omit })) {
    if (section >= keyGroupSections) saved.push(...entries)
    else if (keyed !== undefined) for (const entry of entries) addRow(keyed, entry, isOfOthers)
  }
  return decodeSaved(saved)
}

async function open(
  { name, bytes, checksum, kind }: FileReference,
  { component, instance }: InstanceManifest,
  { network, incarnation }: InstanceRestore,
  storage: SnapshotStorage,
): Promise<StateFile> {
  const file = await decodeState(name, storage.get(name, { expected: { bytes, checksum } }))
  const { head } = file
  // A snapshot refers to files of earlier incarnations, where it goes on from what was imported or restored.
  const isOf = placeOf(name)?.incarnation ?? incarnation
  const isIts = head.network === network && head.incarnation === isOf && head.kind === kind
  if (isIts && head.component === component && head.instance === instance) return file
  await file.chunks.return()
  const what = `the state of ${head.component}[${head.instance}] of network "${head.network}"`
  throw new VertigoError(
    'SNAPSHOT_FOREIGN',
    `The file ${name} holds ${what}, not that of ${component}[${instance}].`,
  )
}

/** `isNew`: no file of its own has it, so that the next part has to. */
function addRow(keyed: KeyedState, { parts }: StateEntry, isNew: boolean): void {
  let key: unknown
  for (const part of parts) {
    const entry = readRow(part)
    key = entry.key
    applyEntry(keyed, entry)
  }
  if (!isNew || keyed.tracker.epoch === noEpoch) return
  keyed.tracker.note(keyed.row(encodeKey(key), key))
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
  if (all.some(({ instanceState }) => instanceState !== undefined))
    throw refused('they have state of the instance')
  const isOurs = (key: unknown): boolean =>
    instanceOfKeyGroup(keyGroupOf(encodeKey(key)), instances) === instance
  const timers = all.flatMap((saved) => saved.timers)
  return {
    ...nothingSaved,
    timers:
      owner.keyed === undefined ? (instance === 0 ? timers : []) : timers.filter(({ key }) => isOurs(key)),
    // Of all: the source deals them (`splits.ts`).
    positions: joined(all),
    isUndealt: true,
    lastGroupId: Math.max(0, ...all.map(({ lastGroupId }) => lastGroupId)),
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
