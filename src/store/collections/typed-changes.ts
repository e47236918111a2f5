import type { SharedChange, SharedChanges, SharedWatchOptions } from '../../component/shared.ts'
import { callOptions } from '../recipes/backoff.ts'
import { type EntryChange, follow } from '../recipes/changes.ts'
import { decodeValue } from '../envelope.ts'
import type { CollectionStore } from './paced-store.ts'

/** Says where in the collection a change happened; undefined for keys that hold no element. */
export type Locate<At extends object> = (key: string) => At | undefined

/** The changes under a prefix as typed events. */
export async function typedChanges<V, At extends object>(
  store: CollectionStore,
  prefix: string,
  locate: Locate<At>,
  { on, initial = false, signal }: SharedWatchOptions = {},
): Promise<SharedChanges<SharedChange<V, At>>> {
  const following = await follow(store, prefix, callOptions(signal))
  const { entries, revision } = following
  async function* events(): AsyncGenerator<SharedChange<V, At>, void, undefined> {
    try {
      if (initial) {
        for (const entry of entries) {
          const change = typed<V, At>(locate, { ...entry, revision, entry, previous: undefined })
          if (change !== undefined && isWanted(change.type, on)) yield change
        }
      }
      for await (const { changes } of following) {
        for (const one of changes) {
          const change = typed<V, At>(locate, one)
          if (change !== undefined && isWanted(change.type, on)) yield change
        }
      }
    } finally {
      following.close()
    }
  }
  return { revision, close: () => following.close(), [Symbol.asyncIterator]: events }
}

function typed<V, At extends object>(
  locate: Locate<At>,
  { key, revision, entry, previous }: EntryChange,
): SharedChange<V, At> | undefined {
  const at = locate(key)
  if (at === undefined) return undefined
  const value = entry && (decodeValue(entry) as V)
  const old = previous && (decodeValue(previous) as V)
  if (entry === undefined) return previous && { type: 'delete', ...at, old: old as V, revision }
  if (previous === undefined) return { type: 'create', ...at, value: value as V, revision }
  return { type: 'update', ...at, value: value as V, old: old as V, revision }
}

function isWanted(type: 'create' | 'update' | 'delete', on: SharedWatchOptions['on']): boolean {
  return on === undefined || on === type || (on === 'change' && type !== 'delete')
}
