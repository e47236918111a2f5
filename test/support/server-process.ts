import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'

/** A server that a test starts, kills and starts again. It ends with this process, however that ends. */
export interface ServerCommand {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Where what it says goes. */
  readonly log: string
  /** Who it runs as; default: who runs the test. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Where the tool is missing, an exit of this process has to do. */
const withParent = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))

export class ServerProcess {
  readonly #command: ServerCommand
  #process: ChildProcess | undefined

  constructor(command: ServerCommand) {
    this.#command = command
  }

  start(): void {
    const { program, args, env, log, user } = this.#command
    const file = openSync(log, 'a')
    // A change of the user clears what `setpriv` has set, so that comes last.
    const identity =
      user === undefined ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups']
    const [command, all] =
      withParent === undefined
        ? [program, args]
        : [withParent, [...identity, '--pdeathsig', 'KILL', '--', program, ...args]]
    try {
      this.#process = spawn(command, all, {
        stdio: ['ignore', file, file],
        env: { ...process.env, ...env },
        ...(withParent === undefined ? user : {}),
      })
    } finally {
      closeSync(file)
    }
    const child = this.#process
    running.add(child)
    child.once('exit', () => running.delete(child))
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  get hasEnded(): boolean {
    const child = this.#process
    return child === undefined || child.exitCode !== null || child.signalCode !== null
  }

  /** What it has said, for an error. */
  said(): string {
    return existsSync(this.#command.log) ? readFileSync(this.#command.log, 'utf8').slice(-3_000) : ''
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal)
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}

/**
 * A port that nobody uses. It is none of those that the system gives to whoever asks for any, and to connections: else it could be
 * somebody's until the server listens, or while it is down between two of its lives.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = portMin + randomInt(portEnd - portMin)
    if (!given.has(port) && (await isFree(port))) {
      given.add(port)
      return port
    }
  }
}

/** So many different ones. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) ports.push(await freePort())
  return ports
}

const given = new Set<number>()
/** Below are those of well-known servers. */
const portMin = 10_000
const portEnd = firstOfTheSystem()

function firstOfTheSystem(): number {
  const usual = 32_768
  const file = '/proc/sys/net/ipv4/ip_local_port_range'
  const first = existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : usual
  // Where they begin lower, there is not much to choose from.
  return first > portMin + 10_000 ? first : usual
}

/** At all addresses. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port)
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
    throw error
  }
  const closed = once(server, 'close')
  server.close()
  await closed
  return true
}

/** The numbers of a user of this machine. */
export function userNamed(
  ...names: readonly string[]
): { readonly uid: number; readonly gid: number } | undefined {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const name of names) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(':') ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  return undefined
}
