import * as v from 'valibot'
import { pause } from '../../base/clock.ts'
import {
  builtInKind,
  defineSource,
  type InstanceContext,
  type PollContext,
  type PollResult,
  type Port,
  port,
  type SourcePosition,
  type SourcePositions,
  type SourceReader,
} from '../../component/index.ts'
import { configObject, text, truth, wholeNumber } from '../../component/built-in-config.ts'
import { positionLost } from '../servers/position-lost.ts'
import { listOfTexts, serverFields } from './config.ts'
import { Connection, type Query, type Row } from './connection.ts'
import type { Use } from './errors.ts'
import { columnsOf, describeTable, isUnique, quoted, type Table, tableFault } from './table.ts'
import { readingTypes } from './types.ts'

const config = configObject({
  ...serverFields,
  /** As SQL has it: `orders`, `shop.orders`, `"Of mixed case"`. */
  table: text(),
  /** Columns that no two rows have the same values of, and whose values do not change. Default: the primary key. */
  key: v.optional(listOfTexts('must name at least one column')),
  /** Columns that are read. Default: all. */
  columns: v.optional(listOfTexts('must name at least one column')),
  /** Goes on with rows that are added behind the last one; the source then never ends. Default false. */
  follow: v.optional(truth(), false),
  /** With `follow`: how often to look, in milliseconds. Default 1000. */
  pollMs: v.optional(wholeNumber(1), 1000),
  /** Rows that are read together. Default 1000. */
  pageRows: v.optional(wholeNumber(1, 100_000), 1000),
})

type Config = v.InferOutput<typeof config>

/** A row, by the names of its columns. */
export type PostgresRow = Readonly<Record<string, unknown>>

/**
 * Source `postgres-source`: the rows of a table in the order of its key, each as a record with a field for each column.
 *
 * Goes on behind the last key it has read. So it sees what is inserted behind that, and neither changes nor deletions, nor a row that is
 * inserted, or committed, later with a smaller key. A table is read by one instance; further
 * ones end at once.
 *
 * Values: whole numbers of 64 bits are `bigint`, `numeric` and times without a zone are texts, `timestamptz` is a `Date` (of milliseconds),
 * `bytea` bytes.
 *
 * Errors: `TARGET_UNFIT`, `SOURCE_POSITION_LOST`, `SERVER_UNREACHABLE`, `SERVER_REFUSED`, `PACKAGE_NOT_FOUND`.
 */
export const postgresSource = builtInKind(
  'postgres-source',
  defineSource({
    description: 'Rows of a PostgreSQL table in the order of its key; follows what is added where asked.',
    outputs: { out: port<PostgresRow>() },
    config,
    rewinds: true,
    splits: (context) => listSplits(context),
    async setup(context) {
      const { clock, signal, component, positions, splits = [] } = context
      const use: Use = { component, what: `the table "${context.config.table}"` }
      const connection = await connect(context, signal, use)
      try {
        const plan = await connection.queries((query) => makePlan(query, context.config, use))
        const start = keyAt(positions ?? {}, plan, use)
        const wait = (ms: number): Promise<void> => pause(clock, ms, signal)
        const mine = splits.includes(plan.split)
        return new TableReader({ connection, plan, config: context.config, mine, start, wait, signal })
      } catch (error) {
        await connection.close()
        throw error
      }
    },
  }),
)

type Context = Pick<InstanceContext<{}, Config>, 'component' | 'config' | 'log' | 'clock'>

async function connect({ component, config: own, clock, log }: Context, signal: AbortSignal, use: Use) {
  const types = await readingTypes(component)
  return Connection.open({ clock, log, signal, retryMs: own.retryMs, server: own, use, types })
}

/** The table. Errors: SOURCE_POSITION_LOST where positions are of another one. */
async function listSplits(
  context: Context & { readonly positions: SourcePositions | undefined },
): Promise<string[]> {
  const use: Use = { component: context.component, what: `the table "${context.config.table}"` }
  // Nobody asks it to end before it is done.
  const connection = await connect(context, new AbortController().signal, use)
  try {
    const plan = await connection.queries((query) => makePlan(query, context.config, use))
    keyAt(context.positions ?? {}, plan, use)
    return [plan.split]
  } finally {
    await connection.close()
  }
}

type Outputs = { readonly out: Port<PostgresRow> }

/** The values of a row's key as the server writes them, so that it reads the same values again. */
type KeyTexts = readonly string[]

interface Plan {
  /** Names the table for as long as it exists. */
  readonly split: string
  /** From the beginning; without parameters. */
  readonly first: string
  /** Behind a key, whose texts are the parameters. */
  readonly next: string
  readonly keyNames: readonly string[]
}

const version = 1
const keyField = 'vertigo key'

async function makePlan(
  query: Query,
  { table: name, key, columns, pageRows }: Config,
  use: Use,
): Promise<Plan> {
  const table = await describeTable(query, name, use)
  const keyNames = chooseKey(table, key, use)
  const read = columns === undefined ? [...table.columns.values()] : columnsOf(table, columns, use, 'columns')
  const [identity] = await query(
    'SELECT system_identifier::text AS system, current_database() AS database FROM pg_control_system()',
  )
  const order = keyNames.map(quoted).join(', ')
  const keys = keyNames.map((each) => `${quoted(each)}::text`).join(', ')
  const list = read.map(({ name: each }) => quoted(each)).join(', ')
  const select = `SELECT ${list}, ARRAY[${keys}] AS ${quoted(keyField)} FROM ${table.sql}`
  const parameters = keyNames.map((each, index) => `$${index + 1}::text::${table.columns.get(each)!.type}`)
  const end = `ORDER BY ${order} LIMIT ${pageRows}`
  return {
    split: `postgres/${String(identity?.['system'])}/${String(identity?.['database'])}/${table.oid}`,
    first: `${select} ${end}`,
    next: `${select} WHERE (${order}) > (${parameters.join(', ')}) ${end}`,
    keyNames,
  }
}

function chooseKey(table: Table, key: readonly string[] | undefined, use: Use): readonly string[] {
  const chosen = key ?? table.primaryKey
  if (chosen.length === 0)
    throw tableFault(use, `${use.what} has no primary key`, 'Give it one, or name a `key` of its columns.')
  const columns = columnsOf(table, chosen, use, 'key')
  const nullable = columns.find(({ notNull }) => !notNull)
  if (nullable !== undefined)
    throw tableFault(
      use,
      `the column "${nullable.name}" of the key may be null`,
      'Use columns that are `NOT NULL`.',
    )
  if (!isUnique(table, chosen))
    throw tableFault(
      use,
      `${use.what} has no unique index over ${chosen.join(', ')}`,
      'Make one, or use another `key`.',
    )
  return chosen
}

/** Errors: SOURCE_POSITION_LOST where the position is of another table, or of another key. */
function keyAt(
  positions: SourcePositions,
  { split, keyNames }: Plan,
  { component, what }: Use,
): KeyTexts | undefined {
  const [given] = Object.keys(positions)
  if (given === undefined) return undefined
  const at: SourcePosition | undefined = positions[split]
  if (at === undefined)
    throw positionLost(
      component,
      `${what} is another one than was read: it was made anew, or is in another database`,
    )
  const position = at.position as {
    readonly key?: readonly string[]
    readonly names?: readonly string[]
  } | null
  if (at.version !== version || position?.names?.join('\n') !== keyNames.join('\n'))
    throw positionLost(component, `${what} was read by another key`)
  return position.key
}

interface ReaderOptions {
  readonly connection: Connection
  readonly plan: Plan
  readonly config: Config
  readonly mine: boolean
  readonly start: KeyTexts | undefined
  readonly wait: (ms: number) => Promise<void>
  readonly signal: AbortSignal
}

class TableReader implements SourceReader<Outputs> {
  readonly #options: ReaderOptions
  #page: readonly Row[] = []
  #at = 0
  /** Of the last row that was emitted. */
  #key: KeyTexts | undefined
  /** The page is the last one there is at the moment. */
  #last = false

  constructor(options: ReaderOptions) {
    this.#options = options
    this.#key = options.start
  }

  poll(max: number, { emit }: PollContext<Outputs>): PollResult | Promise<PollResult> {
    const { mine, config: configuration } = this.#options
    if (!mine) return 'done'
    if (this.#at === this.#page.length) {
      if (this.#last && !configuration.follow) return 'done'
      return this.#turn()
    }
    const end = Math.min(this.#page.length, this.#at + max)
    for (; this.#at < end; this.#at++) {
      const { [keyField]: key, ...row } = this.#page[this.#at]!
      this.#key = key as KeyTexts
      emit.out(row)
    }
    return 'more'
  }

  positions(): SourcePositions {
    const { mine, plan } = this.#options
    if (!mine) return {}
    return { [plan.split]: { version, position: { key: this.#key, names: plan.keyNames } } }
  }

  close(): Promise<void> {
    return this.#options.connection.close()
  }

  async #turn(): Promise<PollResult> {
    const { connection, plan, config: configuration, wait, signal } = this.#options
    if (this.#last) await wait(configuration.pollMs)
    if (signal.aborted) return 'done'
    this.#page =
      this.#key === undefined
        ? await connection.query(plan.first)
        : await connection.query(plan.next, this.#key)
    this.#at = 0
    this.#last = this.#page.length < configuration.pageRows
    return 'more'
  }
}
