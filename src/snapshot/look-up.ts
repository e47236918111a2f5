import { Buffer } from 'node:buffer'
import { readRow } from '../state/capture.ts'
import { applyToRow } from '../state/entries.ts'
import { instanceOfKeyGroup, keyGroupOf } from '../state/keys.ts'
import { newRow, type SlotDeclaration } from '../state/row.ts'
import type { InstanceManifest, SavedState, SnapshotManifest } from './manifest.ts'
import { mergeStates } from './merge.ts'
import { openPartFiles } from './part-file.ts'
import type { StateEntry } from './state-file.ts'
import type { CallOptions, SnapshotStorage } from './storage/storage.ts'

/** What a snapshot has of one key. */
export interface FoundKey {
  readonly instance: number
  readonly key: unknown
  /** Values as they are, maps as `Map`, lists as arrays. */
  readonly states: { readonly [name: string]: unknown }
  /** When each changed last, in milliseconds since 1970; of components with a time to live. */
  readonly changedMs: { readonly [name: string]: number } | undefined
}

/** The part of the instance that a key belongs to; undefined where the component has no keyed state. */
export function ownerOf(
  { instances }: SnapshotManifest,
  component: string,
  encoded: string,
): InstanceManifest | undefined {
  const parts = instances.filter((part) => part.component === component)
  const owner = instanceOfKeyGroup(keyGroupOf(encoded), parts[0]?.instances ?? 1)
  return parts.find(({ instance }) => instance === owner)
}

/** Reads through the files of an instance for a key: as long as the state is large. Errors: as of `openPartFiles` and `mergeStates`. */
export async function lookUp(
  part: InstanceManifest,
  encoded: string,
  { network, incarnation }: SnapshotManifest,
  storage: SnapshotStorage,
  options: CallOptions = {},
): Promise<FoundKey | undefined> {
  const files = await openPartFiles(part, { network, incarnation }, storage, options)
  const wanted = Buffer.from(encoded)
  const group = keyGroupOf(encoded)
  let found: StateEntry | undefined
  // To the end, since files are verified as a whole.
  for await (const { entries } of mergeStates(files, { omit: (section) => section !== group }))
    for (const entry of entries) if (wanted.equals(entry.key)) found = entry
  return found && readKey(found, part)
}

function readKey({ parts }: StateEntry, { instance, states = [] }: InstanceManifest): FoundKey {
  const keyed = states.filter(({ scope }) => scope === 'keyed')
  const declared = keyed.map(({ type, hasTtl }): SlotDeclaration => ({
    type,
    initial: undefined,
    ttlMs: hasTtl ? 0 : undefined,
  }))
  const entries = parts.map(readRow)
  const key = entries.at(-1)?.key
  const row = newRow(key, 0, declared)
  for (const entry of entries) applyToRow(row, declared, entry, 0)
  const named = <T>(of: (at: number, state: SavedState) => T): Record<string, T> =>
    Object.fromEntries(keyed.map((state, at) => [state.name, of(at, state)]))
  const { changed } = row
  return {
    instance,
    key,
    states: named((at, { type }) => row.slots[at] ?? emptyOf(type)),
    changedMs: changed && named((at) => changed[at]!),
  }
}

function emptyOf(type: SavedState['type']): unknown {
  if (type === 'value') return undefined
  return type === 'map' ? new Map() : []
}
