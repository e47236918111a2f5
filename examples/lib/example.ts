/** What the checks of the examples share: a folder for the output, and the command `vertigo`. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

export interface Example {
  /** An empty folder, removed afterwards. */
  readonly folder: string
  /** A file to read in place of the default input, where the example takes one. */
  readonly file: string | undefined
  /**
   * Runs the command in the folder of the example: `vertigo('run', 'network.yaml')`. What it prints is shown when it
   * fails.
   */
  readonly vertigo: (...args: readonly string[]) => Promise<void>
}

/**
 * Runs a check as a program: `node check.ts [--vertigo <path of the command>] [--file <input>]`. Without `--vertigo`
 * the command runs from the sources of this repository. Ends with exit code 1 where `check` throws.
 */
export async function checkExample(home: string, check: (example: Example) => Promise<void>): Promise<void> {
  const { values } = parseArgs({ options: { vertigo: { type: 'string' }, file: { type: 'string' } } })
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-example-'))
  try {
    await check({ folder, file: values.file, vertigo: (...args) => runCommand(values.vertigo, args, home) })
  } catch (error) {
    // A difference speaks for itself; where else something went wrong, the stack helps.
    console.error(error instanceof assert.AssertionError ? error.message : error)
    process.exitCode = 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function runCommand(command: string | undefined, args: readonly string[], cwd: string): Promise<void> {
  const sources = join(import.meta.dirname, '../../src/cli/main.ts')
  const child =
    command === undefined
      ? spawn(process.execPath, ['--conditions=vertigo-src', sources, ...args], { cwd })
      : spawn(command, args, { cwd })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`\`vertigo ${args.join(' ')}\` ended with exit code ${code}:\n${output}`)
}

/** The lines of a text file. */
export function readLines(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1)
}

/** The values of a file of JSON lines. */
export function readJsonLines<T>(file: string): T[] {
  return readLines(file).map((line) => JSON.parse(line) as T)
}
