import { asError } from '../../src/base/errors.ts'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, Hopeless } from './eventually.ts'
import { freePorts } from './server-process.ts'
import { untilStopped } from './stopped.ts'

/** Clusters of real etcd members, for tests and benchmarks. */

export interface EtcdClusterOptions {
  /** The program. */
  readonly path: string
  /** Default 1. */
  readonly members?: number
  /** Default 50. */
  readonly heartbeatMs?: number
  /** Default 300. */
  readonly electionMs?: number
  /** More arguments for each member. */
  readonly args?: readonly string[]
  /** Clients speak TLS: the scheme of client addresses. Default `http`. */
  readonly clientScheme?: 'http' | 'https'
  /** One for each member, where they do not share the loopback address: its address, and what its command begins with. */
  readonly hosts?: readonly EtcdHost[]
}

export interface EtcdHost {
  readonly address: string
  readonly command: readonly string[]
}

/** For an answer: a write waits for the disk, and passwords are checked slowly on purpose. */
const answerMsMax = 20_000
/** For one look at how a member is, of which there are more: it may stand still. */
const lookMsMax = 2_000
/** For members to be there and to lead. Each of them waits for the disk. */
const readyMsMax = 60_000

const running = new Set<EtcdMember>()
process.on('exit', () => {
  for (const member of running) member.signal('SIGKILL')
})

/** Ends with this process, however that ends; where the tool is missing, an exit of this process has to do. */
const withParent = ['/usr/bin/setpriv', '/bin/setpriv'].some((path) => existsSync(path))
  ? ['setpriv', '--pdeathsig', 'KILL']
  : []

export class EtcdMember {
  /** `host:port` for clients. */
  readonly endpoint: string
  readonly url: string
  readonly name: string
  readonly #command: readonly string[]
  readonly #log: string
  #process: ChildProcess | undefined

  constructor(name: string, url: string, command: readonly string[], log: string) {
    this.name = name
    this.url = url
    this.endpoint = new URL(url).host
    this.#command = command
    this.#log = log
  }

  start(): void {
    const [program = '', ...args] = this.#command
    const log = openSync(this.#log, 'a')
    try {
      this.#process = spawn(program, args, { stdio: ['ignore', log, log] })
    } finally {
      closeSync(log)
    }
    running.add(this)
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal)
  }

  /** Stands still: keeps its connections and says nothing, from when this returns. */
  pause(): void {
    this.signal('SIGSTOP')
    untilStopped(this.#process?.pid)
  }

  resume(): void {
    this.signal('SIGCONT')
  }

  async kill(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    running.delete(this)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  get hasEnded(): boolean {
    const child = this.#process
    return child === undefined || child.exitCode !== null || child.signalCode !== null
  }

  log(): Promise<string> {
    return readFile(this.#log, 'utf8')
  }

  /** Calls etcd's JSON gateway: what an operator does, apart from the client under test. */
  async admin(path: string, body: object = {}, timeoutMs = answerMsMax): Promise<AdminAnswer> {
    const response = await fetch(`${this.url}/v3/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    })
    const answer = (await response.json()) as AdminAnswer
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`)
    return answer
  }

  /** One look. */
  status(): Promise<AdminAnswer> {
    return this.admin('maintenance/status', {}, lookMsMax)
  }

  async isLeader(): Promise<boolean> {
    const { header, leader } = await this.status()
    return leader !== undefined && leader !== '0' && leader === header?.member_id
  }
}

export interface AdminAnswer {
  readonly header?: { readonly member_id?: string; readonly revision?: string; readonly raft_term?: string }
  readonly leader?: string
  readonly kvs?: readonly { readonly key: string; readonly value?: string; readonly mod_revision: string }[]
  readonly count?: string
  readonly token?: string
}

export class EtcdCluster {
  readonly members: readonly EtcdMember[]
  readonly #folder: string

  private constructor(members: readonly EtcdMember[], folder: string) {
    this.members = members
    this.#folder = folder
  }

  static async start(options: EtcdClusterOptions): Promise<EtcdCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'vertigo-etcd-'))
    const cluster = new EtcdCluster(await describeMembers(options, folder), folder)
    try {
      for (const member of cluster.members) member.start()
      await cluster.ready(options.clientScheme ?? 'http')
      return cluster
    } catch (error) {
      const logs = await Promise.all(cluster.members.map((member) => member.log().catch(() => '')))
      await cluster.stop()
      throw new Error(`etcd did not start:\n${logs.map((log) => log.slice(-1_500)).join('\n')}`, {
        cause: error,
      })
    }
  }

  get endpoints(): readonly string[] {
    return this.members.map(({ endpoint }) => endpoint)
  }

  /** Asks the members that answer. */
  leader(): Promise<EtcdMember> {
    const look = async (): Promise<EtcdMember | undefined> => {
      const leads = await Promise.all(
        this.members.map(async (member) => !member.hasEnded && (await member.isLeader().catch(() => false))),
      )
      return this.members[leads.indexOf(true)]
    }
    return eventually('a member says that it leads', look, readyMsMax)
  }

  async follower(): Promise<EtcdMember> {
    const leader = await this.leader()
    return this.members.find((member) => member !== leader)!
  }

  /** Grows with each election among the members. */
  async term(): Promise<number> {
    const { header } = await (await this.leader()).admin('maintenance/status')
    return Number(header?.raft_term)
  }

  /** The history up to a revision is forgotten; with `Infinity` all there is but the last. Repeated until it is answered: that is harmless. */
  compact(revision = Infinity): Promise<number> {
    const compactOnce = async (): Promise<number> => {
      const member = await this.leader()
      const now = Number((await member.status()).header?.revision)
      const at = Math.min(revision, now)
      try {
        await member.admin('kv/compaction', { revision: at, physical: true })
      } catch (error) {
        // Nothing was written since the last time.
        if (!/required revision has been compacted/.test(asError(error).message)) throw error
      }
      return at
    }
    return eventually('the history is compacted', compactOnce, readyMsMax)
  }

  /** All members are there and know a leader. */
  whole(): Promise<void> {
    return this.ready('http')
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()))
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** All members know a leader and take writes. With TLS, a look into the log has to do. */
  private async ready(scheme: 'http' | 'https'): Promise<void> {
    const isReady = async (member: EtcdMember): Promise<boolean> => {
      if (member.hasEnded) throw new Hopeless(`${member.name} ended`)
      if (scheme === 'https') return /serving client traffic securely/.test(await member.log())
      const response = await fetch(`${member.url}/health`, { signal: AbortSignal.timeout(lookMsMax) })
      return ((await response.json()) as { health: string }).health === 'true'
    }
    await Promise.all(
      this.members.map((member) => eventually(`${member.name} is ready`, () => isReady(member), readyMsMax)),
    )
  }
}

async function describeMembers(
  {
    path,
    members = 1,
    heartbeatMs = 50,
    electionMs = 300,
    args = [],
    clientScheme = 'http',
    hosts,
  }: EtcdClusterOptions,
  folder: string,
): Promise<EtcdMember[]> {
  const ports = hosts === undefined ? await freePorts(members * 2) : undefined
  const places = Array.from({ length: members }, (_, index) => {
    const host = hosts?.[index]?.address ?? '127.0.0.1'
    return {
      name: `m${index}`,
      client: `${clientScheme}://${host}:${ports?.[index * 2] ?? 2379}`,
      peer: `http://${host}:${ports?.[index * 2 + 1] ?? 2380}`,
      command: hosts?.[index]?.command ?? [],
    }
  })
  const cluster = places.map(({ name, peer }) => `${name}=${peer}`).join(',')
  return places.map(({ name, client, peer, command }) => {
    const own = [
      ['--name', name],
      ['--data-dir', join(folder, name)],
      ['--listen-client-urls', client],
      ['--advertise-client-urls', client],
      ['--listen-peer-urls', peer],
      ['--initial-advertise-peer-urls', peer],
      ['--initial-cluster', cluster],
      ['--initial-cluster-state', 'new'],
      ['--heartbeat-interval', String(heartbeatMs)],
      ['--election-timeout', String(electionMs)],
      ['--pre-vote', '--logger=zap', '--enable-grpc-gateway', '--log-level=info'],
    ].flat()
    const full = [...command, ...withParent, path, ...own, ...args]
    return new EtcdMember(name, client, full, join(folder, `${name}.log`))
  })
}
