import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { freePort, ServerProcess } from './server-process.ts'

/** A real NATS server with JetStream for tests, whose streams are in a temporary folder. */
export class NatsServer {
  readonly url: string
  readonly #monitor: string
  readonly #folder: string
  readonly #process: ServerProcess

  private constructor(folder: string, port: number, monitorPort: number, process: ServerProcess) {
    this.url = `nats://127.0.0.1:${port}`
    this.#monitor = `http://127.0.0.1:${monitorPort}/healthz`
    this.#folder = folder
    this.#process = process
  }

  /** `path`: the program; `provideNats` gives it. */
  static async start(path: string): Promise<NatsServer> {
    const folder = await mkdtemp(join(tmpdir(), 'vertigo-nats-'))
    const [port, monitorPort] = [await freePort(), await freePort()]
    const args = [
      '-a',
      '127.0.0.1',
      '-p',
      String(port),
      '-m',
      String(monitorPort),
      '-js',
      '-sd',
      join(folder, 'data'),
    ]
    const server = new NatsServer(
      folder,
      port,
      monitorPort,
      new ServerProcess({ program: path, args, log: join(folder, 'log') }),
    )
    try {
      await server.run()
      return server
    } catch (error) {
      const said = server.#process.said()
      await server.stop()
      throw new Error(`nats-server did not start:\n${said}`, { cause: error })
    }
  }

  /** Again with what it kept, after `kill`. */
  async run(): Promise<void> {
    if (this.#process.hasEnded) this.#process.start()
    await eventually('nats-server answers', async () => (await fetch(this.#monitor)).ok, 60_000)
  }

  /** At once, as if the power had failed. */
  kill(): Promise<void> {
    return this.#process.kill('SIGKILL')
  }

  async stop(): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
}
