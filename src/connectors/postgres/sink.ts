import * as v from 'valibot'
import type { Clock } from '../../base/clock.ts'
import {
  builtInKind,
  defineComponent,
  port,
  type Sink,
  type SinkBatch,
  type SinkSnapshot,
} from '../../component/index.ts'
import { configObject, oneOf, text, wholeNumber } from '../../component/built-in-config.ts'
import { batchField } from '../servers/config.ts'
import { checkKnows } from '../servers/published.ts'
import { WriteTimer } from '../servers/write-timer.ts'
import { listOfTexts, serverFields } from './config.ts'
import { Connection } from './connection.ts'
import type { Use } from './errors.ts'
import { RowEncoder } from './row-encoder.ts'
import { type RowBlock, RowGatherer } from './rows.ts'
import { SnapshotsTable } from './snapshots-table.ts'
import { type Column, columnsOf, describeTable, isUnique, type Table, tableFault } from './table.ts'
import { TableWriter } from './table-writer.ts'

const config = configObject({
  ...serverFields,
  /** As SQL has it: `counts`, `stats.counts`, `"Of mixed case"`. It has to exist. */
  table: text(),
  /** `append` inserts each message; `upsert` writes it over the row with the same key. Default `append`. */
  mode: v.optional(oneOf('append', 'upsert'), 'append'),
  /** For `upsert`: columns with a unique index over them. Default: the primary key. */
  key: v.optional(listOfTexts('must name at least one column')),
  /** Columns that are written. Default: all that the server does not fill in by itself. */
  columns: v.optional(listOfTexts('must name at least one column')),
  /** Where the database keeps which snapshot it has; made where it is missing. Default `vertigo_snapshots`. */
  snapshotsTable: v.optional(
    v.pipe(
      text(),
      v.regex(
        /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/,
        'must be a name of small letters, digits and `_`, with its schema where one likes',
      ),
    ),
    'vertigo_snapshots',
  ),
  /** Without snapshots: rows that are written together. Default 500. */
  batchRows: batchField,
  /** Without snapshots: how long a row waits for others, in milliseconds. Default 100. */
  flushMs: v.optional(wholeNumber(0, 60_000), 100),
})

type Config = v.InferOutput<typeof config>

/**
 * Sink `postgres-sink`: writes each message as a row of a table; its fields are the columns.
 *
 * Where snapshots are taken, the rows of a snapshot are written after its commit, in one transaction with the snapshot's id
 * (table `vertigo_snapshots`): each row once, whatever fails, also into tables without a key. Else rows are written in
 * batches as they come.
 *
 * Table, columns and key are looked at before anything runs, and what a message holds when it arrives (`MESSAGE_UNFIT`). What
 * only the server can judge (`CHECK`, foreign keys, triggers, a key that is there already) shows when a snapshot is
 * published: then the network fails with `SINK_REFUSED`, and publishes the rows again when it runs again.
 *
 * Errors: `TARGET_UNFIT`, `SINK_REFUSED`, `SINK_AHEAD`, `SINK_TARGET_LOST`, `SERVER_UNREACHABLE`, `SERVER_REFUSED`, `PACKAGE_NOT_FOUND`, `MESSAGE_UNFIT`.
 */
export const postgresSink = builtInKind(
  'postgres-sink',
  defineComponent({
    description:
      'Writes messages as rows of a PostgreSQL table, each once: with the commit of snapshots, in one transaction.',
    inputs: { in: port() },
    config,
    async setup(context) {
      const { clock, log, signal, component } = context
      const { table: name, retryMs } = context.config
      const use: Use = { component, what: `the table "${name}"` }
      const connection = await Connection.open({ clock, log, signal, retryMs, server: context.config, use })
      try {
        const target = await connection.queries(async (query) => {
          const table = await describeTable(query, name, use)
          return { table, ...choose(table, context.config, use) }
        })
        const output = new Output(connection, target, context.config, use)
        return context.publishes === 'with-snapshots'
          ? await publishing(output, connection)
          : writingAtOnce(output, connection, context.config, clock)
      } catch (error) {
        await connection.close()
        throw error
      }
    },
  }),
)

interface Target {
  readonly table: Table
  readonly columns: readonly Column[]
  /** Empty: rows are appended. */
  readonly key: readonly string[]
}

/** What is written and by which key. Errors: TARGET_UNFIT, in the words of the configuration. */
function choose(table: Table, { mode, key, columns }: Config, use: Use): Omit<Target, 'table'> {
  const written =
    columns === undefined
      ? [...table.columns.values()].filter(({ generated }) => !generated)
      : columnsOf(table, columns, use, 'columns')
  const generated = written.find((column) => column.generated)
  if (generated !== undefined)
    throw tableFault(
      use,
      `the server alone fills in the column "${generated.name}"`,
      'Leave it out of `columns`.',
    )
  const lacking = [...table.columns.values()].find(
    (column) => column.notNull && !column.hasDefault && !column.generated && !written.includes(column),
  )
  if (lacking !== undefined)
    throw tableFault(
      use,
      `the column "${lacking.name}" needs a value, and is not written`,
      'Add it to `columns`.',
    )
  if (mode === 'append') {
    if (key === undefined) return { columns: written, key: [] }
    throw tableFault(use, 'rows that are appended have no `key`', 'Set `mode: upsert`, or remove `key`.')
  }
  return { columns: written, key: chooseKey(table, key, written, use) }
}

function chooseKey(
  table: Table,
  key: readonly string[] | undefined,
  written: readonly Column[],
  use: Use,
): readonly string[] {
  const chosen = key ?? table.primaryKey
  if (chosen.length === 0)
    throw tableFault(use, `${use.what} has no primary key`, 'Give it one, or name a `key` of its columns.')
  const columns = columnsOf(table, chosen, use, 'key')
  if (!isUnique(table, chosen)) {
    throw tableFault(
      use,
      `${use.what} has no unique index over ${chosen.join(', ')}`,
      `Make one: \`CREATE UNIQUE INDEX ON ${table.sql} (${chosen.join(', ')})\`.`,
    )
  }
  const missing = columns.find((column) => !written.includes(column))
  if (missing !== undefined)
    throw tableFault(use, `the column "${missing.name}" of the key is not written`, 'Add it to `columns`.')
  return chosen
}

/** The table, and what is gathered for it. */
class Output {
  readonly #connection: Connection
  readonly #writer: TableWriter
  readonly #encoder: RowEncoder
  readonly #use: Use
  readonly gathered = new RowGatherer()
  readonly snapshots: SnapshotsTable

  constructor(connection: Connection, { table, columns, key }: Target, { snapshotsTable }: Config, use: Use) {
    this.#connection = connection
    this.#use = use
    this.#writer = new TableWriter(table, key)
    const needed = columns.map((column) =>
      key.includes(column.name) ? { ...column, notNull: true, hasDefault: false } : column,
    )
    this.#encoder = new RowEncoder(needed, use)
    this.snapshots = new SnapshotsTable(snapshotsTable, use)
  }

  add(message: unknown): void {
    this.gathered.add(this.#encoder.encode(message))
  }

  /** Without snapshots: what a lost connection leaves open is written again, so a row may be there twice. */
  async write(): Promise<void> {
    const blocks = this.gathered.take()
    await this.#connection.transaction((query) => this.#writer.write(query, blocks))
  }

  async publish({ writer, snapshot, staged }: SinkBatch<readonly RowBlock[]>): Promise<void> {
    await this.#connection.transactionOnce(async (query) => {
      if (await this.snapshots.claim(query, writer, snapshot)) await this.#writer.write(query, staged)
    })
  }

  /** `known`: what was published for certain. */
  async published(writer: string, known: SinkSnapshot | undefined): Promise<SinkSnapshot | undefined> {
    const there = await this.#connection.queries((query) => this.snapshots.read(query, writer))
    checkKnows(there, known, writer, this.#use)
    return there
  }
}

async function publishing(output: Output, connection: Connection) {
  await connection.queries((query) => output.snapshots.create(query))
  const sink: Sink<readonly RowBlock[]> = {
    prepare: () => (output.gathered.rows === 0 ? undefined : output.gathered.take()),
    isFull: () => output.gathered.isFull,
    commit: (batch) => output.publish(batch),
    recover: (writer, published) => output.published(writer, published),
  }
  return {
    on: { in: (message: unknown) => output.add(message) },
    sink: sink as Sink,
    close: () => connection.close(),
  }
}

function writingAtOnce(output: Output, connection: Connection, { batchRows, flushMs }: Config, clock: Clock) {
  const timer = new WriteTimer({ write: () => output.write(), clock, batch: batchRows, flushMs })
  return {
    on: {
      in(message: unknown): Promise<void> | undefined {
        output.add(message)
        return timer.added()
      },
    },
    drain: () => timer.finish(),
    async close(): Promise<void> {
      await timer.abandon()
      await connection.close()
    },
  }
}
