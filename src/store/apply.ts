import { makeEntry } from './backend.ts'
import { compareBytes } from './keys.ts'
import type {
  Compare,
  Comparison,
  Entry,
  Operation,
  OperationResult,
  Revision,
  Transaction,
  TransactionResult,
  WatchEvent,
} from './store.ts'

/** The keys of a backend of ours, while nobody else changes them. */
export interface KeyTable {
  get(key: string): Entry | undefined
  /** The same for what is to go, where that may be what cannot be read: then with something in its place, of version 0. */
  getToDelete?(key: string): Entry | undefined
  /** In the order of keys. May be read while what it gave is deleted. */
  range(prefix: string): readonly Entry[]
  /** The keys alone; the same otherwise. */
  keysFrom(prefix: string): readonly string[]
  put(entry: Entry): void
  delete(entry: Entry): void
}

export interface Applied {
  readonly result: TransactionResult
  /** Empty where nothing was written: then the revision is not used up. */
  readonly events: readonly WatchEvent[]
}

/** The branch that a transaction takes. */
export interface Decision {
  readonly succeeded: boolean
  readonly operations: readonly Operation[]
}

/** The first half of a transaction: reads only, so that a caller may still refuse what would be done. */
export function decide(table: Pick<KeyTable, 'get'>, transaction: Transaction): Decision {
  const succeeded = (transaction.compare ?? []).every((compare) => holds(table, compare))
  return { succeeded, operations: (succeeded ? transaction.then : transaction.otherwise) ?? [] }
}

/** The second half, as etcd does it: in order. `revision` is that of the table before. Pure but for the table. */
export function apply(
  table: KeyTable,
  { succeeded, operations }: Decision,
  revision: Revision,
  note = keepAll,
): Applied {
  const writer = new Writer(table, revision + 1, note)
  const results = operations.map((operation) => writer.perform(operation))
  const { events } = writer
  return {
    result: { succeeded, revision: events.length === 0 ? revision : revision + 1, results },
    events,
  }
}

/** Hears of each change with what was there before, and says whether that is to be kept in the event. */
export type Note = (key: string, entry: Entry | undefined, previous: Entry | undefined) => boolean

const keepAll: Note = () => true

/** Deletes the keys of a lease that has ended, in one revision. */
export function applyDeletes(
  table: KeyTable,
  keys: Iterable<string>,
  revision: Revision,
  note = keepAll,
): readonly WatchEvent[] {
  const writer = new Writer(table, revision + 1, note)
  for (const key of keys) writer.perform({ type: 'delete', key })
  return writer.events
}

class Writer {
  readonly events: WatchEvent[] = []
  private readonly table: KeyTable
  private readonly revision: Revision
  private readonly note: Note

  constructor(table: KeyTable, revision: Revision, note: Note) {
    this.table = table
    this.revision = revision
    this.note = note
  }

  perform(operation: Operation): OperationResult {
    const { table } = this
    switch (operation.type) {
      case 'get':
        return { type: 'get', entry: table.get(operation.key) }
      case 'range':
        return { type: 'range', entries: table.range(operation.prefix) }
      case 'put':
        this.put(operation)
        return { type: 'put' }
      case 'delete':
        return { type: 'delete', deleted: this.delete(operation.key) }
      case 'delete-range': {
        // One after the other: all values together may be more than there is room for.
        let deleted = 0
        for (const key of table.keysFrom(operation.prefix)) deleted += this.delete(key)
        return { type: 'delete-range', deleted }
      }
    }
  }

  private put({ key, value, lease, mends = false }: Extract<Operation, { type: 'put' }>): void {
    const { table, revision } = this
    const previous = mends ? this.toGo(key) : table.get(key)
    const createRevision =
      previous === undefined || previous.version === 0 ? revision : previous.createRevision
    const version = (previous?.version ?? 0) + 1
    const entry = makeEntry(key, value, { createRevision, modRevision: revision, version }, lease)
    table.put(entry)
    const isKept = this.note(key, entry, previous)
    this.events.push({ type: 'put', key, revision, entry, ...(previous && isKept && { previous }) })
  }

  private delete(key: string): number {
    const { table } = this
    const previous = this.toGo(key)
    if (previous === undefined) return 0
    table.delete(previous)
    const isKept = this.note(key, undefined, previous)
    this.events.push({ type: 'delete', key, revision: this.revision, ...(isKept && { previous }) })
    return 1
  }

  private toGo(key: string): Entry | undefined {
    const { table } = this
    return table.getToDelete === undefined ? table.get(key) : table.getToDelete(key)
  }
}

function holds(table: Pick<KeyTable, 'get'>, compare: Compare): boolean {
  const entry = table.get(compare.key)
  if (compare.target === 'value')
    return entry !== undefined && ordered(compareBytes(entry.value, compare.than), compare.is)
  return ordered((entry?.[compare.target] ?? 0) - compare.than, compare.is)
}

function ordered(order: number, is: Comparison): boolean {
  switch (is) {
    case '=':
      return order === 0
    case '!=':
      return order !== 0
    case '<':
      return order < 0
    case '>':
      return order > 0
  }
}
