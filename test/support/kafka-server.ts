import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Admin, FindCoordinatorKeyTypes } from '@platformatic/kafka'
import { eventually, Hopeless } from './eventually.ts'
import { freePort, ServerProcess } from './server-process.ts'

/** Any: it names the cluster. */
const clusterId = 'VmVydGlnby1mbG93LXRlcw'

/** Of one that ends by itself while it starts. */
const startsMax = 3

/**
 * What a test asks it with, apart from what is tested. As patient as a test: after a standstill the broker has no topics until it is
 * heard of again, and to make one it waits for its disk.
 */
export function clientOf(bootstrap: string) {
  return {
    clientId: 'test',
    bootstrapBrokers: [bootstrap],
    retries: 200,
    retryDelay: 100,
    timeout: 30_000,
  }
}

/** A real Kafka for tests: one process that is broker and controller, with its data in a temporary folder. */
export class KafkaServer {
  readonly bootstrap: string
  readonly #folder: string
  readonly #process: ServerProcess

  private constructor(folder: string, bootstrap: string, process: ServerProcess) {
    this.bootstrap = bootstrap
    this.#folder = folder
    this.#process = process
  }

  /** `path`: the folder of its jars; `provideKafka` gives it. `host`: the address at which it listens. */
  static async start(
    path: string,
    settings: Readonly<Record<string, string>> = {},
    host = '127.0.0.1',
  ): Promise<KafkaServer> {
    const folder = await mkdtemp(join(tmpdir(), 'vertigo-kafka-'))
    const [port, controllerPort] = [await freePort(), await freePort()]
    const file = join(folder, 'server.properties')
    const bootstrap = `${host}:${port}`
    await writeFile(file, properties({ ...defaults(folder, bootstrap, controllerPort), ...settings }))
    // As little work before the first answer as can be.
    const java = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']
    const run = [...java, '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', join(path, '*')]
    await promisify(execFile)('java', [
      ...run,
      'kafka.tools.StorageTool',
      'format',
      '-t',
      clusterId,
      '-c',
      file,
    ])
    const server = new KafkaServer(
      folder,
      bootstrap,
      new ServerProcess({ program: 'java', args: [...run, 'kafka.Kafka', file], log: join(folder, 'log') }),
    )
    try {
      await server.run()
      return server
    } catch (error) {
      const said = server.#process.said()
      await server.stop()
      throw new Error(`Kafka did not start:\n${said}`, { cause: error })
    }
  }

  /** Again with what it kept, after `kill`. */
  async run(): Promise<void> {
    let starts = 0
    await eventually(
      'Kafka answers',
      async () => {
        if (this.#process.hasEnded) {
          // One that was killed may hold its port for a moment.
          if (starts === startsMax) throw new Hopeless(`Kafka ended: ${this.#process.said()}`)
          this.#process.start()
          starts++
        }
        return this.#isReady()
      },
      120_000,
    )
  }

  /** It takes transactions: that comes last. */
  async #isReady(): Promise<boolean> {
    const admin = new Admin({
      clientId: 'test',
      bootstrapBrokers: [this.bootstrap],
      retries: 0,
      connectTimeout: 1_000,
    })
    try {
      const found = await admin.findCoordinator({
        keyType: FindCoordinatorKeyTypes.TRANSACTION,
        keys: ['ready'],
      })
      return found.length > 0
    } finally {
      await admin.close()
    }
  }

  /** At once, as if the power had failed. */
  kill(): Promise<void> {
    return this.#process.kill('SIGKILL')
  }

  /** Stands still: keeps its connections and says nothing. */
  pause(): void {
    this.#process.signal('SIGSTOP')
  }

  resume(): void {
    this.#process.signal('SIGCONT')
  }

  async stop(): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
}

function defaults(folder: string, bootstrap: string, controllerPort: number): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://${bootstrap},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${bootstrap}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(folder, 'data'),
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'auto.create.topics.enable': 'false',
    // One broker that comes back after a kill is not to wait for others to notice.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'log.retention.check.interval.ms': '1000',
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500',
  }
}

function properties(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
