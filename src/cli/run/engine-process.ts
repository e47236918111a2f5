/**
 * The process that runs the engine for `vertigo run`. Node takes a while to start, so the process is begun as soon as the
 * command is seen to be one that needs it, before the rest of the command line is loaded and read.
 *
 * - EP-1 A process that is begun early knows nothing: what it is to run comes by its first message (CP-1).
 * - EP-2 One that nobody takes, since the command line is wrong, is ended; at the latest with this process (CP-4).
 * - EP-3 Nobody takes one that has failed or ended, or whose output goes elsewhere: a new one is started, and what becomes of
 *   that is told.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { nodeFlags } from '../../base/node-flags.ts'
import { needlessWarning } from './needless-warning.ts'

/** Where the child's standard output goes: with `--json` to standard error, since ours holds events only. */
export type EngineOutput = 1 | 2

interface Begun {
  readonly child: ChildProcess
  readonly output: EngineOutput
}

const childModule = new URL(
  import.meta.url.endsWith('.ts') ? 'engine-child.ts' : 'engine-child.js',
  import.meta.url,
)

let begun: Begun | undefined

/** Begins a process for a command line that will most probably take it, and gives it. */
export function beginEngine(args: readonly string[]): ChildProcess | undefined {
  const [command, ...rest] = args
  if (command !== 'run' || rest.some(isElsewhere)) return undefined
  const output = rest.includes('--json') ? 2 : 1
  const child = start(output)
  child.on('error', ignored)
  begun = { child, output }
  return child
}

/** Help needs no engine, nor do `--workers 0` and `--workers=0`, which run it in this process. */
function isElsewhere(arg: string, at: number, args: readonly string[]): boolean {
  return (
    arg === '--help' || arg === '-h' || arg === '--workers=0' || (arg === '--workers' && args[at + 1] === '0')
  )
}

export function takeEngine(output: EngineOutput): ChildProcess {
  const taken = begun
  begun = undefined
  if (taken === undefined) return start(output)
  const { child } = taken
  child.off('error', ignored)
  const lives = child.pid !== undefined && child.exitCode === null && child.signalCode === null
  if (lives && taken.output === output) return child
  child.on('error', ignored)
  child.kill('SIGKILL')
  return start(output)
}

/** After the command line: a process that nobody has taken by then is not needed. */
export function dropEngine(): void {
  begun?.child.kill('SIGKILL')
  begun = undefined
}

/** The one that is started in its place will fail as well, and that is told. */
function ignored(): void {
  // Nothing to be done.
}

function start(output: EngineOutput): ChildProcess {
  return spawn(
    process.execPath,
    [
      ...nodeFlags(),
      // Threads take it over. In this process `guardUserCode` does it.
      `--disable-warning=${needlessWarning}`,
      fileURLToPath(childModule),
    ],
    { stdio: ['inherit', output, 'pipe', 'ipc'] },
  )
}
