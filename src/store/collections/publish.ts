import { VertigoError } from '../../base/errors.ts'
import { isRecord } from '../../base/values.ts'
import type { SharedBatch, SharedWrite } from '../../component/shared.ts'
import { compareSinkSnapshots, type SinkSnapshot } from '../../component/sink.ts'
import { decodeInteger, decodeValue, encodeValue } from '../envelope.ts'
import { transactionBytesMax } from '../limits.ts'
import { isUnchanged, put, remove } from '../operations.ts'
import { compareAndSet, conflict } from '../recipes/backoff.ts'
import type { Compare, Entry, Operation } from '../store.ts'
import type { CollectionMeans } from './collection.ts'
import { collectionPrefix, counterKey, mapKey, publishedKey } from './keys.ts'

/**
 * Changes of collections that a sink publishes with a snapshot.
 *
 * - PU-1 What is changed and the note that it is are one transaction. A batch that does not fit one is several, each of which says how many
 *   are done; whoever brings the batch again goes on there. A batch is divided in the same way whoever brings it.
 * - PU-2 Of several changes of a key, the last one counts; of several additions to a counter, the sum.
 */
interface Note extends SinkSnapshot {
  /** Parts of it that are done, and how many it has. */
  readonly done: number
  readonly of: number
  /** All of whose changes were made before. */
  readonly before: SinkSnapshot | null
}

/** Half of what a transaction may have: each addition to a counter compares as well. */
const changesMax = 100
const bytesMax = transactionBytesMax / 2

type Change =
  | { readonly type: 'put'; readonly key: string; readonly bytes: Uint8Array }
  | { readonly type: 'remove'; readonly key: string }
  | { readonly type: 'add'; readonly key: string; readonly delta: number }

export async function publishedBy(
  { store }: CollectionMeans,
  writer: string,
): Promise<SinkSnapshot | undefined> {
  const note = noteOf((await store.get(publishedKey(writer))).entry)
  if (note === undefined) return undefined
  if (note.done < note.of) return note.before ?? undefined
  return { incarnation: note.incarnation, id: note.id }
}

export async function publishBatch(means: CollectionMeans, batch: SharedBatch): Promise<void> {
  const parts = partsOf(batch.changes)
  const { clock, random } = means
  const contention = { clock, random, what: `What ${batch.writer} publishes` }
  let isDone = false
  while (!isDone) isDone = await compareAndSet(contention, () => publishPart(means, batch, parts))
}

/** True when nothing is left to do. */
async function publishPart(
  { store }: CollectionMeans,
  { writer, snapshot }: SharedBatch,
  parts: readonly (readonly Change[])[],
): Promise<boolean | typeof conflict> {
  const key = publishedKey(writer)
  const { entry } = await store.get(key)
  const note = noteOf(entry)
  const order = note === undefined ? 1 : compareSinkSnapshots(snapshot, note)
  if (note !== undefined && note.incarnation > snapshot.incarnation)
    throw new VertigoError(
      'SINK_AHEAD',
      `The store has changes of ${writer} with snapshot ${note.id} of incarnation ${note.incarnation}; somebody else writes under that name.`,
    )
  if (order < 0 || (order === 0 && note!.done >= note!.of)) return true
  const done = order === 0 ? note!.done : 0
  const next: Note = {
    incarnation: snapshot.incarnation,
    id: snapshot.id,
    done: done + 1,
    of: parts.length,
    before: order === 0 ? note!.before : note === undefined ? null : lastWhole(note),
  }
  const { compare, then } = await operationsOf(store, parts[done] ?? [])
  const { succeeded } = await store.transact(
    { compare: [isUnchanged(key, entry), ...compare], then: [put(key, encodeValue(next)), ...then] },
    { repeat: 'once' },
  )
  return succeeded ? next.done >= next.of : conflict
}

function lastWhole({ incarnation, id, done, of, before }: Note): SinkSnapshot | null {
  return done < of ? before : { incarnation, id }
}

async function operationsOf(
  store: CollectionMeans['store'],
  changes: readonly Change[],
): Promise<{ readonly compare: readonly Compare[]; readonly then: readonly Operation[] }> {
  const compare: Compare[] = []
  const then: Operation[] = []
  for (const change of changes) {
    if (change.type === 'put') then.push(put(change.key, change.bytes))
    else if (change.type === 'remove') then.push(remove(change.key))
    else {
      const { entry } = await store.get(change.key)
      const sum = (entry === undefined ? 0 : decodeInteger(entry)) + change.delta
      compare.push(isUnchanged(change.key, entry))
      then.push(put(change.key, encodeValue(sum)))
    }
  }
  return { compare, then }
}

/** PU-1, PU-2. At least one, which may be empty. */
function partsOf(writes: readonly SharedWrite[]): readonly (readonly Change[])[] {
  const byKey = new Map<string, Change>()
  for (const write of writes) {
    const change = changeOf(write)
    const known = byKey.get(change.key)
    const sum = change.type === 'add' && known?.type === 'add' ? known.delta + change.delta : undefined
    byKey.set(change.key, sum === undefined || change.type !== 'add' ? change : { ...change, delta: sum })
  }
  const parts: Change[][] = [[]]
  let bytes = 0
  for (const change of byKey.values()) {
    const own = change.key.length + (change.type === 'put' ? change.bytes.byteLength : 0)
    const last = parts.at(-1)!
    if (last.length > 0 && (last.length >= changesMax || bytes + own > bytesMax)) {
      parts.push([change])
      bytes = own
    } else {
      last.push(change)
      bytes += own
    }
  }
  return parts
}

function changeOf(write: SharedWrite): Change {
  if (write.type === 'add') {
    if (!Number.isSafeInteger(write.delta))
      throw new VertigoError('USAGE', `A counter counts in whole numbers up to 2^53, not ${write.delta}.`)
    return {
      type: 'add',
      key: counterKey(collectionPrefix('counter', write.counter)),
      delta: write.delta,
    }
  }
  const key = mapKey(collectionPrefix('map', write.map), write.key)
  return write.type === 'put'
    ? { type: 'put', key, bytes: encodeValue(write.value) }
    : { type: 'remove', key }
}

function noteOf(entry: Entry | undefined): Note | undefined {
  if (entry === undefined) return undefined
  const read = decodeValue(entry)
  const isNote =
    isRecord(read) && ['incarnation', 'id', 'done', 'of'].every((name) => Number.isSafeInteger(read[name]))
  if (isNote) return read as unknown as Note
  throw new VertigoError('STORE_VALUE_INVALID', `What stands under ${entry.key} is no note of a sink.`)
}
