import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { freePort } from './server-process.ts'

/** A real server of object storage for tests, with one bucket, whose objects are in a file. */
export class S3Server {
  static readonly bucket = 'snapshots'
  readonly endpoint: string
  readonly #path: string
  readonly #folder: string
  #process: ChildProcess | undefined

  private constructor(path: string, folder: string, port: number) {
    this.#path = path
    this.#folder = folder
    this.endpoint = `http://127.0.0.1:${port}`
  }

  /** `path`: the program, `provideS3` gives it. */
  static async start(path: string): Promise<S3Server> {
    const server = new S3Server(path, await mkdtemp(join(tmpdir(), 'vertigo-s3-')), await freePort())
    await server.run()
    return server
  }

  /** Again with what it kept, after `kill`. */
  async run(): Promise<void> {
    const host = new URL(this.endpoint).host
    const db = join(this.#folder, 'objects.db')
    const args = [
      '-host',
      host,
      '-backend',
      'bolt',
      '-bolt.db',
      db,
      '-initialbucket',
      S3Server.bucket,
      '-quiet',
    ]
    const child = spawn(this.#path, args, { stdio: 'ignore' })
    this.#process = child
    process.once('exit', () => child.kill('SIGKILL'))
    await eventually('the S3 server answers', async () => (await fetch(this.endpoint)).status > 0)
  }

  async kill(): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  async stop(): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
