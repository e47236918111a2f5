import type { Row, SlotDeclaration } from './row.ts'

/**
 * Rows as snapshots hold them. What an entry says of a value is the value; of a list or map it is all of it, or what changed
 * since the snapshot before. Entries of one key are applied in the order of their snapshots.
 *
 * - EN-1 An entry holds copies of what may change in place: it is encoded later.
 * - EN-2 `[older, newer]` applied one after the other gives the same as their merger (`mergeEntries`).
 */
export interface Entry {
  readonly key: unknown
  /** When each slot changed last; null where nothing has a time to live. */
  readonly changed: readonly number[] | null
  readonly slots: readonly unknown[]
}

/** Of lists and maps, in an entry. `null`: as it was. */
type ListPart =
  null | { readonly all: readonly unknown[] } | { readonly from: number; readonly more: readonly unknown[] }
type MapPart =
  | null
  | { readonly all: ReadonlyMap<unknown, unknown> }
  | { readonly set: ReadonlyMap<unknown, unknown>; readonly gone: readonly unknown[] }

/** What has changed of a row in its epoch; `whole`: all of it, whatever has changed. */
export function entryOf(row: Row, declared: readonly SlotDeclaration[], whole = false): Entry {
  const slots = declared.map(({ type }, at) => {
    const value = row.slots[at]
    if (type === 'value') return value
    const change = whole ? 'whole' : row.changes?.[at]
    if (type === 'list') return listPart(value as readonly unknown[] | undefined, change as number | 'whole')
    return mapPart(
      value as ReadonlyMap<unknown, unknown> | undefined,
      change as ReadonlySet<unknown> | 'whole',
    )
  })
  return { key: row.key, changed: row.changed === undefined ? null : [...row.changed], slots }
}

function listPart(items: readonly unknown[] = [], change: number | 'whole' | undefined): ListPart {
  if (change === undefined) return null
  return change === 'whole' ? { all: [...items] } : { from: change, more: items.slice(change) }
}

function mapPart(
  entries: ReadonlyMap<unknown, unknown> = new Map(),
  change: ReadonlySet<unknown> | 'whole' | undefined,
): MapPart {
  if (change === undefined) return null
  if (change === 'whole') return { all: new Map(entries) }
  const set = new Map<unknown, unknown>()
  const gone: unknown[] = []
  for (const key of change) {
    if (entries.has(key)) set.set(key, entries.get(key))
    else gone.push(key)
  }
  return { set, gone }
}

/**
 * Puts what an entry says into a row; it is not noted as a change. `nowMs`: when it changed, where it does not say so itself, since it
 * had no time to live when it was written.
 */
export function applyToRow(row: Row, slots: readonly SlotDeclaration[], entry: Entry, nowMs: number): void {
  slots.forEach(({ type }, at) => {
    const part = entry.slots[at]
    if (type === 'value') row.slots[at] = part
    else if (type === 'list') row.slots[at] = listOf(row.slots[at] as readonly unknown[], part as ListPart)
    else row.slots[at] = mapOf(row.slots[at] as ReadonlyMap<unknown, unknown>, part as MapPart)
    if (row.changed !== undefined) row.changed[at] = entry.changed?.[at] ?? nowMs
  })
}

/** Both in one, as it is written when files are merged. */
export function mergeEntries(older: Entry, newer: Entry, declared: readonly SlotDeclaration[]): Entry {
  const slots = declared.map(({ type }, at) => {
    const [before, after] = [older.slots[at], newer.slots[at]]
    if (type === 'value') return after
    if (type === 'list') return mergeLists(before as ListPart, after as ListPart)
    return mergeMaps(before as MapPart, after as MapPart)
  })
  return { key: newer.key, changed: newer.changed, slots }
}

function listOf(items: readonly unknown[] | undefined, part: ListPart): readonly unknown[] | undefined {
  if (part === null) return items
  const all = 'all' in part ? [...part.all] : [...(items ?? []).slice(0, part.from), ...part.more]
  return all.length === 0 ? undefined : all
}

function mapOf(
  entries: ReadonlyMap<unknown, unknown> | undefined,
  part: MapPart,
): ReadonlyMap<unknown, unknown> | undefined {
  if (part === null) return entries
  const all = new Map('all' in part ? part.all : entries)
  if ('set' in part) {
    for (const key of part.gone) all.delete(key)
    for (const [key, value] of part.set) all.set(key, value)
  }
  return all.size === 0 ? undefined : all
}

function mergeLists(before: ListPart, after: ListPart): ListPart {
  if (after === null) return before
  if (before === null || 'all' in after) return after
  if ('all' in before) return { all: listOf(before.all, after) ?? [] }
  // What is appended comes behind what was there: of that, none is taken away but by `all`.
  return { from: before.from, more: [...before.more.slice(0, after.from - before.from), ...after.more] }
}

function mergeMaps(before: MapPart, after: MapPart): MapPart {
  if (after === null) return before
  if (before === null || 'all' in after) return after
  if ('all' in before) return { all: mapOf(before.all, after) ?? new Map() }
  const set = new Map(before.set)
  for (const key of after.gone) set.delete(key)
  for (const [key, value] of after.set) set.set(key, value)
  const gone = [...before.gone.filter((key) => !set.has(key)), ...after.gone]
  return { set, gone: [...new Set(gone)] }
}
