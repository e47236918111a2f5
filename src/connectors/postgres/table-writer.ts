import type { Query } from './connection.ts'
import type { RowBlock } from './rows.ts'
import { quoted, type Table } from './table.ts'

/** Writes blocks of rows into a table: behind what is there, or over what has the same key. */
export class TableWriter {
  readonly #table: Table
  /** Empty: rows are appended. */
  readonly #key: readonly string[]
  readonly #statements = new Map<string, string>()

  constructor(table: Table, key: readonly string[]) {
    this.#table = table
    this.#key = key
  }

  /** In the transaction that `query` is in. */
  async write(query: Query, blocks: readonly RowBlock[]): Promise<void> {
    for (const { columns, json } of blocks) await query(this.#statement(columns), [json])
  }

  #statement(columns: string): string {
    let statement = this.#statements.get(columns)
    if (statement === undefined) {
      statement = this.#makeStatement(JSON.parse(columns) as readonly string[])
      if (this.#statements.size < 1_000) this.#statements.set(columns, statement)
    }
    return statement
  }

  /**
   * One parameter for any number of rows. The server makes the values, by the types of the columns, so that a number of any size and a
   * time with any number of digits arrive as they are.
   */
  #makeStatement(names: readonly string[]): string {
    const { sql, columns } = this.#table
    if (names.length === 0) return `INSERT INTO ${sql} SELECT FROM json_array_elements($1::json)`
    const list = names.map(quoted).join(', ')
    const types = names.map((name) => `${quoted(name)} ${columns.get(name)!.type}`).join(', ')
    if (this.#key.length === 0)
      return `INSERT INTO ${sql} (${list}) SELECT ${list} FROM json_to_recordset($1::json) AS r(${types})`
    const key = this.#key.map(quoted).join(', ')
    const others = names.filter((name) => !this.#key.includes(name)).map(quoted)
    const update =
      others.length === 0
        ? 'DO NOTHING'
        : `DO UPDATE SET ${others.map((name) => `${name} = EXCLUDED.${name}`).join(', ')}`
    // A statement may write a key only once: the last row of each counts, by what the server takes for the same key.
    return `INSERT INTO ${sql} (${list})
SELECT DISTINCT ON (${key}) ${list}
FROM ROWS FROM (json_to_recordset($1::json) AS (${types})) WITH ORDINALITY AS r(${list}, "vertigo place")
ORDER BY ${key}, "vertigo place" DESC
ON CONFLICT (${key}) ${update}`
  }
}
