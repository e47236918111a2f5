import { execFile } from 'node:child_process'
import { appendFile, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { eventually } from './eventually.ts'
import { freePort, ServerProcess, userNamed } from './server-process.ts'

type Row = Readonly<Record<string, unknown>>

/** A real PostgreSQL for tests, with a cluster of its own in a temporary folder. */
export class PostgresServer {
  readonly url: string
  readonly port: number
  readonly #folder: string
  readonly #process: ServerProcess
  #admin: pg.Client | undefined

  private constructor(folder: string, host: string, port: number, process: ServerProcess) {
    this.#folder = folder
    this.port = port
    this.url = `postgres://vertigo@${host}:${port}/postgres`
    this.#process = process
  }

  /** `path`: the folder of its programs; `providePostgres` gives it. `host`: the address at which it listens. */
  static async start(path: string, host = '127.0.0.1'): Promise<PostgresServer> {
    const folder = await mkdtemp(join(tmpdir(), 'vertigo-postgres-'))
    // It refuses to run as root.
    const user = process.getuid?.() === 0 ? userNamed('postgres', 'nobody') : undefined
    if (user !== undefined) await chown(folder, user.uid, user.gid)
    const data = join(folder, 'data')
    const init = ['-D', data, '-U', 'vertigo', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
    await promisify(execFile)(join(path, 'initdb'), init, {
      ...user,
      cwd: folder,
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    })
    if (host !== '127.0.0.1') await appendFile(join(data, 'pg_hba.conf'), 'host all all samenet trust\n')
    const port = await freePort()
    const settings = {
      listen_addresses: host,
      unix_socket_directories: '',
      wal_level: 'logical',
      shared_buffers: '16MB',
      max_connections: '50',
      // The log says what a failed test wants to know.
      log_min_messages: 'warning',
    }
    const args = ['-D', data, '-p', String(port)]
    for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`)
    const server = new PostgresServer(
      folder,
      host,
      port,
      new ServerProcess({ program: join(path, 'postgres'), args, log: join(folder, 'log'), user }),
    )
    try {
      await server.run()
      return server
    } catch (error) {
      const said = server.#process.said()
      await server.stop()
      throw new Error(`PostgreSQL did not start:\n${said}`, { cause: error })
    }
  }

  /** Again with what it kept, after `kill`. */
  async run(): Promise<void> {
    await eventually(
      'PostgreSQL answers',
      async () => {
        // What is left of one that was killed may hold its shared memory for a moment.
        if (this.#process.hasEnded) this.#process.start()
        await this.query('SELECT 1')
        return true
      },
      60_000,
    )
  }

  /** What a test asks, apart from what is tested. */
  async query(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    let admin = this.#admin
    if (admin === undefined) {
      const client = new pg.Client({ connectionString: this.url, application_name: 'test' })
      client.on('error', () => {
        if (this.#admin === client) this.#admin = undefined
      })
      await client.connect()
      this.#admin = client
      admin = client
    }
    return (await admin.query(text, [...values])).rows as Row[]
  }

  /** Ends all connections but that of the test. */
  async disconnectAll(): Promise<number> {
    const ended = await this.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type IN ('client backend', 'walsender')`,
    )
    return ended.length
  }

  /** At once, as if the power had failed. */
  async kill(): Promise<void> {
    this.#admin = undefined
    await this.#process.kill('SIGKILL')
  }

  async stop(): Promise<void> {
    const admin = this.#admin
    this.#admin = undefined
    await admin?.end().catch(() => undefined)
    await this.#process.kill('SIGKILL')
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
}
