import { VertigoError } from '../../base/errors.ts'
import { didYouMean } from '../../base/suggest.ts'
import type { Query } from './connection.ts'
import type { Use } from './errors.ts'

export interface Column {
  readonly name: string
  /** As SQL has it, with its modifiers: `numeric(10,2)`, `text[]`. */
  readonly type: string
  /** Of the base type, where it is a domain: `int4`, `timestamptz`; of an array, `_int4`. */
  readonly base: string
  /** Names of an enumeration's values. */
  readonly labels?: readonly string[]
  readonly notNull: boolean
  /** It has a value where none is given. */
  readonly hasDefault: boolean
  /** The server alone gives it: `GENERATED ALWAYS`. */
  readonly generated: boolean
}

export interface Table {
  /** For statements: qualified, and quoted where needed. */
  readonly sql: string
  readonly oid: string
  /** In their order in the table. */
  readonly columns: ReadonlyMap<string, Column>
  readonly primaryKey: readonly string[]
  /** Sets of columns that a unique index without conditions or expressions is over. */
  readonly uniqueKeys: readonly (readonly string[])[]
}

const findTable = `
SELECT c.oid::text AS oid, format('%I.%I', n.nspname, c.relname) AS sql, c.relkind AS kind
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass($1)`

const findColumns = `
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, b.typname AS base,
  a.attnotnull AS "notNull", a.atthasdef OR a.attidentity <> '' AS "hasDefault",
  a.attgenerated <> '' OR a.attidentity = 'a' AS generated,
  (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = b.oid) AS labels
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum`

const findKeys = `
SELECT i.indisprimary AS "isPrimary",
  (SELECT json_agg(a.attname ORDER BY k.place)
   FROM unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
   JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
   WHERE k.place <= i.indnkeyatts) AS columns
FROM pg_index i
WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND i.indimmediate`

/** What the server knows of a table. Errors: TARGET_UNFIT where there is none. */
export async function describeTable(query: Query, name: string, use: Use): Promise<Table> {
  const [found] = await query(findTable, [name])
  if (found === undefined)
    throw tableFault(use, `there is no table "${name}" in the database`, 'Create it, or correct the name.')
  if (!['r', 'p', 'v', 'f'].includes(String(found['kind'])))
    throw tableFault(use, `"${name}" is no table`, 'Name a table.')
  const oid = String(found['oid'])
  const columns = (await query(findColumns, [oid])) as readonly unknown[] as readonly Column[]
  const keys = (await query(findKeys, [oid])) as readonly unknown[] as readonly {
    readonly isPrimary: boolean
    readonly columns: readonly string[] | null
  }[]
  return {
    sql: String(found['sql']),
    oid,
    columns: new Map(columns.map((column) => [column.name, column])),
    primaryKey: keys.find(({ isPrimary }) => isPrimary)?.columns ?? [],
    uniqueKeys: keys.flatMap(({ columns: ofKey }) => (ofKey === null ? [] : [ofKey])),
  }
}

/** Those of the names that the table has. Errors: TARGET_UNFIT for any other. */
export function columnsOf(
  table: Table,
  names: readonly string[],
  use: Use,
  field: string,
): readonly Column[] {
  return names.map((name) => {
    const column = table.columns.get(name)
    if (column !== undefined) return column
    const hint = didYouMean(name, [...table.columns.keys()])
    throw tableFault(
      use,
      `${use.what} has no column "${name}" (config field "${field}")`,
      `Correct the name.${hint === '' ? ` The columns are: ${[...table.columns.keys()].join(', ')}.` : hint}`,
    )
  })
}

/** Whether each set of values of these columns is in the table at most once. */
export function isUnique(table: Table, names: readonly string[]): boolean {
  return table.uniqueKeys.some(
    (key) => key.length === names.length && key.every((name) => names.includes(name)),
  )
}

export function tableFault({ component }: Use, text: string, remedy: string): VertigoError {
  return new VertigoError('TARGET_UNFIT', `${component}: ${text}.`, { place: { component }, remedy })
}

/** A name as SQL reads it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
