import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { delimiter } from 'node:path'
import { inRoot, root } from './paths.ts'

export interface RunOptions {
  /** Default: the folder of the repository. */
  readonly cwd?: string
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  /** Default: no limit. */
  readonly timeoutMs?: number
  /** Gets the output line by line while the program runs. Default: nobody. */
  readonly onLine?: (line: string) => void
  /** It and what it starts take only the processors' time that others leave. Default false. */
  readonly yields?: boolean
}

export interface RunResult {
  /** Exit code; null where a signal ended the program. */
  readonly code: number | null
  /** What it wrote to standard output and standard error, as it came. */
  readonly output: string
  /** What it wrote to standard output alone. */
  readonly stdout: string
  readonly timedOut: boolean
}

/** Time that a program which is over its limit gets to say what it was doing. */
const interruptGraceMs = 5_000

/** Groups of processes that still run; they are ended with this process. */
const running = new Set<number>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const group of running) killGroup(group, 'SIGKILL')
    process.exit(signal === 'SIGINT' ? 130 : 143)
  })
}

/**
 * Runs a program to its end, without standard input. It is the head of a process group of its own, so that a limit in
 * time ends everything it started. The tools of the repository come first on its PATH, Node included.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const child = spawn(command, args, {
    cwd: options.cwd ?? root,
    env: {
      ...process.env,
      PATH: inRoot('node_modules', '.bin') + delimiter + (process.env['PATH'] ?? ''),
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const group = child.pid
  if (group !== undefined) running.add(group)
  if (group !== undefined && options.yields === true) yieldToOthers(group)
  let output = ''
  let stdout = ''
  let timedOut = false
  // One for each: a line of the one shall not begin in the middle of a line of the other.
  const lines = { stdout: new LineSplitter(options.onLine), stderr: new LineSplitter(options.onLine) }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    stdout += text
    lines.stdout.push(text)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text
    lines.stderr.push(text)
  })
  // What it left running holds its output open, and nobody waits for it.
  if (group !== undefined) child.once('exit', () => killGroup(group, 'SIGKILL'))
  const limits: NodeJS.Timeout[] = []
  if (options.timeoutMs !== undefined && group !== undefined) {
    limits.push(
      setTimeout(() => {
        timedOut = true
        child.kill('SIGINT')
        limits.push(setTimeout(() => killGroup(group, 'SIGKILL'), interruptGraceMs))
      }, options.timeoutMs),
    )
  }
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, output, stdout, timedOut }
  } finally {
    for (const limit of limits) clearTimeout(limit)
    if (group !== undefined) running.delete(group)
    lines.stdout.end()
    lines.stderr.end()
  }
}

/** Runs a script of the repository with the Node that runs this one. */
export function runScript(
  path: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return run(process.execPath, ['--conditions=vertigo-src', path, ...args], options)
}

/** Like `run`, for a program that has to succeed: otherwise an error with everything it said. */
export async function runOrThrow(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const result = await run(command, args, options)
  if (result.timedOut) throw new Error(`\`${command} ${args.join(' ')}\` took too long.\n${result.output}`)
  if (result.code !== 0)
    throw new Error(`\`${command} ${args.join(' ')}\` failed (${result.code}).\n${result.output}`)
  return result
}

/**
 * Where Linux shares out time by sessions first, which it does on most desktops, the priority of a process counts only within
 * its session: there, that of the session is lowered as well.
 */
function yieldToOthers(leader: number): void {
  try {
    setPriority(leader, constants.priority.PRIORITY_LOW)
    const ofSession = `/proc/${leader}/autogroup`
    if (existsSync(ofSession)) writeFileSync(ofSession, String(constants.priority.PRIORITY_LOW))
  } catch {
    // It is gone already, or may not: then it takes its share.
  }
}

function killGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal)
  } catch {
    // Nothing of the group is left.
  }
}

class LineSplitter {
  readonly #onLine: ((line: string) => void) | undefined
  #rest = ''

  constructor(onLine: ((line: string) => void) | undefined) {
    this.#onLine = onLine
  }

  push(text: string): void {
    if (this.#onLine === undefined) return
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#onLine(line)
  }

  end(): void {
    if (this.#rest !== '') this.#onLine?.(this.#rest)
    this.#rest = ''
  }
}
