/**
 * A connection to PostgreSQL that is made anew where it was lost.
 *
 * Between two calls nothing is open but the connection: no transaction outlives `transaction`, whichever way that ends.
 */
import type * as Pg from 'pg'
import { asError } from '../../base/errors.ts'
import { loadPackage } from '../servers/load-package.ts'
import { type Patience, withPatience } from '../servers/retry.ts'
import type { ServerConfig } from './config.ts'
import { postgresError, type Use } from './errors.ts'

type Package = (typeof Pg)['default']

/** A row, by the names of its columns. */
export type Row = Readonly<Record<string, unknown>>

/** Runs a statement with its parameters. */
export type Query = (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>

/**
 * The server ends a session that is idle in a transaction for so long. Whoever stopped in the middle of one (a frozen process, a
 * machine that is gone) would hold its locks, and hold up who writes in its place.
 */
const idleInTransactionMsMax = 20_000

export interface ConnectionOptions extends Patience {
  readonly server: ServerConfig
  readonly use: Use
  readonly types?: Pg.CustomTypesConfig
}

export class Connection {
  readonly #options: ConnectionOptions
  readonly #package: Package
  #client: Pg.Client | undefined
  #closed = false

  private constructor(options: ConnectionOptions, loaded: Package) {
    this.#options = options
    this.#package = loaded
  }

  /** Errors: PACKAGE_NOT_FOUND. It connects with the first call. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const { default: loaded } = await loadPackage('pg', options.use.component, () => import('pg'))
    return new Connection(options, loaded)
  }

  /** One statement, tried again while the server does not answer: so it must be repeatable. */
  query(text: string, values?: readonly unknown[]): Promise<readonly Row[]> {
    return this.#patiently((query) => query(text, values))
  }

  /** Several statements, each by itself; tried again as a whole. */
  queries<T>(run: (query: Query) => Promise<T>): Promise<T> {
    return this.#patiently(run)
  }

  /**
   * A transaction, tried again as a whole while the server does not answer. Whether the last try was committed is not known then, so
   * `run` has to look for itself, inside of the transaction, whether its work is done.
   */
  transaction<T>(run: (query: Query) => Promise<T>): Promise<T> {
    return this.#patiently((query) => inTransaction(query, run))
  }

  /** The same, tried once, for callers that try again by themselves. */
  transactionOnce<T>(run: (query: Query) => Promise<T>): Promise<T> {
    return this.#attempt((query) => inTransaction(query, run))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#drop()
  }

  #patiently<T>(run: (query: Query) => Promise<T>): Promise<T> {
    return withPatience(this.#options, this.#options.use.component, () => this.#attempt(run))
  }

  async #attempt<T>(run: (query: Query) => Promise<T>): Promise<T> {
    try {
      const client = await this.#connected()
      return await run(async (text, values) => (await client.query(text, values as unknown[])).rows as Row[])
    } catch (thrown) {
      const error = postgresError(thrown, this.#options.use)
      // Whatever it is in the middle of, the server ends with the connection.
      if (error.retryable) await this.#drop()
      throw error
    }
  }

  async #connected(): Promise<Pg.Client> {
    if (this.#closed) throw new Error('the connection was closed')
    if (this.#client !== undefined) return this.#client
    const client = new this.#package.Client(this.#clientConfig())
    // Nobody may be asking it anything when the connection breaks; whoever asks next is told.
    client.on('error', () => {
      if (this.#client === client) this.#client = undefined
    })
    try {
      await client.connect()
    } catch (error) {
      await client.end().catch(() => undefined)
      throw error
    }
    this.#client = client
    return client
  }

  #clientConfig(): Pg.ClientConfig {
    const { server, types, use } = this.#options
    return {
      connectionString: server.url,
      application_name: `vertigo ${use.component}`,
      connectionTimeoutMillis: server.connectTimeoutMs,
      statement_timeout: server.statementTimeoutMs,
      // For a server that says nothing at all: a little longer, so that its own word comes first.
      query_timeout: server.statementTimeoutMs + 5_000,
      lock_timeout: server.statementTimeoutMs,
      idle_in_transaction_session_timeout: idleInTransactionMsMax,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      ...(types === undefined ? {} : { types }),
    }
  }

  async #drop(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    if (client === undefined) return
    try {
      await client.end()
    } catch (error) {
      this.#options.log.debug(`a connection to PostgreSQL did not end well: ${asError(error).message}`)
    }
  }
}

async function inTransaction<T>(query: Query, run: (query: Query) => Promise<T>): Promise<T> {
  await query('BEGIN')
  try {
    // Where the server would say that something is durable before it is, for all who use it.
    await query(
      `SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`,
    )
    const result = await run(query)
    await query('COMMIT')
    return result
  } catch (error) {
    // Where that fails too, the connection is of no use, and the error that led here says so.
    await query('ROLLBACK').catch(() => undefined)
    throw error
  }
}
