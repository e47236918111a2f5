/**
 * The table that says which snapshot of each writer the database has: its row is written in the transaction that writes the
 * snapshot's rows.
 *
 * - PG-1 A writer's rows of a snapshot are in the database if, and only if, the writer's row here has that snapshot or a later one.
 * - PG-2 Whoever writes as a writer holds the lock of its row until the end of the transaction: of two (one of them replaced and not
 *   yet aware of it), the second sees what the first one has done.
 */
import type { SinkSnapshot } from '../../component/index.ts'
import { isThere } from '../servers/published.ts'
import type { Query } from './connection.ts'
import type { Use } from './errors.ts'
import { quoted } from './table.ts'

/** For one `CREATE TABLE IF NOT EXISTS` at a time: two at once are an error in PostgreSQL. Any number that nobody else uses. */
const creationLock = '7310579621'

export class SnapshotsTable {
  readonly #sql: string
  readonly #use: Use

  /** `name`: may be qualified with a schema. */
  constructor(name: string, use: Use) {
    this.#sql = name.split('.').map(quoted).join('.')
    this.#use = use
  }

  /** Makes the table where it is missing. */
  async create(query: Query): Promise<void> {
    const [found] = await query('SELECT to_regclass($1) IS NOT NULL AS there', [this.#sql])
    if (found?.['there'] === true) return
    await query('BEGIN')
    try {
      await query(`SELECT pg_advisory_xact_lock(${creationLock})`)
      await query(`CREATE TABLE IF NOT EXISTS ${this.#sql} (
  writer text PRIMARY KEY,
  incarnation bigint NOT NULL,
  id bigint NOT NULL,
  written_at timestamptz NOT NULL DEFAULT now()
)`)
      await query('COMMIT')
    } catch (error) {
      await query('ROLLBACK')
      throw error
    }
  }

  async read(query: Query, writer: string): Promise<SinkSnapshot | undefined> {
    const [row] = await query(`SELECT incarnation::text, id::text FROM ${this.#sql} WHERE writer = $1`, [
      writer,
    ])
    return snapshotOf(row)
  }

  /**
   * Says, inside of a transaction, whether the rows of a snapshot are still to be written, and that they are: until the end of the
   * transaction nobody else writes as this writer. Errors: SINK_AHEAD.
   */
  async claim(query: Query, writer: string, snapshot: SinkSnapshot): Promise<boolean> {
    // A new writer's row, with the snapshot before all: so that there is one to lock.
    await query(
      `INSERT INTO ${this.#sql} (writer, incarnation, id) VALUES ($1, -1, -1) ON CONFLICT DO NOTHING`,
      [writer],
    )
    const [row] = await query(
      `SELECT incarnation::text, id::text FROM ${this.#sql} WHERE writer = $1 FOR UPDATE`,
      [writer],
    )
    const there = snapshotOf(row)
    if (isThere(there, snapshot, writer, this.#use)) return false
    await query(`UPDATE ${this.#sql} SET incarnation = $2, id = $3, written_at = now() WHERE writer = $1`, [
      writer,
      snapshot.incarnation,
      snapshot.id,
    ])
    return true
  }
}

function snapshotOf(row: Readonly<Record<string, unknown>> | undefined): SinkSnapshot | undefined {
  if (row === undefined) return undefined
  const incarnation = Number(row['incarnation'])
  return incarnation < 0 ? undefined : { incarnation, id: Number(row['id']) }
}
