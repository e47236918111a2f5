/** Runs the files of a tier: those that need the machine for themselves, and then the others in lanes beside each other. */
import { matchesGlob } from 'node:path'
import { run, type RunOptions, type RunResult } from '../lib/process.ts'
import { buildForTests, builtVariable } from '../lib/built-for-tests.ts'
import { durationsFile } from './durations.ts'
import { parseClosingLine } from './tally.ts'

export interface TierOptions {
  /** For the whole tier; one file gets half of it. */
  readonly timeoutMs: number
  /** Files of a lane that run at the same time. Default 1, for tests that need the cores for themselves. */
  readonly concurrency?: number
  /**
   * Patterns of files that make a second lane. A lane takes its files in the order of their names; two lanes that are
   * about as long leave no long file for the end.
   */
  readonly besides?: readonly string[]
  /**
   * The files of a lane share one process, in place of one for each, and there are `concurrency` lanes. For tests that leave
   * nothing behind: most of what a file of pure code takes is to load the code. Default false.
   */
  readonly together?: boolean
  /**
   * Files that are about times which a busy machine does not keep: one by one, before the lanes. They wait most of the time, which is
   * that of a step that yields.
   */
  readonly alone?: readonly string[]
  /** What its processes load is bundled before. Default false. */
  readonly bundled?: boolean
}

/** Of the files in which lanes note their durations: no two use the same. */
let notesNumber = 0

export async function runTests(
  files: readonly string[],
  { timeoutMs, concurrency = 1, besides = [], alone = [], together = false, bundled = false }: TierOptions,
  options: RunOptions,
): Promise<RunResult> {
  const lost = [...besides, ...alone].filter((pattern) => !files.some((file) => matchesGlob(file, pattern)))
  if (lost.length > 0) return failed(`no test file is ${lost.join(', ')}`, options)
  const among = (patterns: readonly string[]) => (file: string) =>
    patterns.some((pattern) => matchesGlob(file, pattern))
  const single = files.filter(among(alone))
  const shared = files.filter((file) => !single.includes(file))
  const lanes = together
    ? Array.from({ length: concurrency }, (_, lane) => shared.filter((__, at) => at % concurrency === lane))
    : [shared.filter((file) => !among(besides)(file)), shared.filter(among(besides))]
  const endsMs = performance.now() + timeoutMs
  const builtEnv: Record<string, string> = {}
  try {
    if (bundled) builtEnv[builtVariable] = await buildForTests()
  } catch (error) {
    return failed(`what its processes load cannot be bundled: ${String(error)}`, options)
  }
  const lane = (chosen: readonly string[], atOnce: number | 'together'): Promise<RunResult> => {
    const blocks = new Blocks(options.onLine)
    const leftMs = Math.max(1, endsMs - performance.now())
    const notes = process.env[durationsFile]
    const env = {
      ...builtEnv,
      ...(notes !== undefined && { [durationsFile]: `${notes}-${notesNumber++}` }),
    }
    const how = { ...options, env, timeoutMs: leftMs, onLine: (line: string) => blocks.line(line) }
    return run(process.execPath, runnerArgs(chosen, atOnce, timeoutMs / 2), how).finally(() => blocks.flush())
  }
  const results = single.length === 0 ? [] : [await lane(single, 1)]
  const full = lanes.filter((chosen) => chosen.length > 0)
  results.push(
    ...(await Promise.all(full.map((chosen) => lane(chosen, together ? 'together' : concurrency)))),
  )
  const uncounted = results.find(({ stdout }) => !stdout.split('\n').some((line) => parseClosingLine(line)))
  if (uncounted !== undefined) options.onLine?.('some files ended without saying what passed')
  const bad = results.find(({ code }) => code !== 0)
  return {
    code: bad === undefined ? Number(uncounted !== undefined) : bad.code,
    output: results.map(({ output }) => output).join(''),
    stdout: results.map(({ stdout }) => stdout).join(''),
    timedOut: results.some(({ timedOut }) => timedOut),
  }
}

function failed(why: string, { onLine }: RunOptions): RunResult {
  onLine?.(why)
  return { code: 1, output: why, stdout: why, timedOut: false }
}

function runnerArgs(files: readonly string[], atOnce: number | 'together', timeoutMs: number): string[] {
  return [
    '--conditions=vertigo-src',
    ...(process.env[durationsFile] === undefined ? [] : ['--import=./scripts/gate/file-usage.ts']),
    '--test',
    atOnce === 'together' ? '--test-isolation=none' : `--test-concurrency=${atOnce}`,
    `--test-timeout=${timeoutMs}`,
    '--test-reporter=./scripts/gate/reporter.ts',
    '--test-reporter-destination=stdout',
    ...files,
  ]
}

/** Hands on a line together with the indented ones behind it: lanes shall not mix what they say of a failure. */
class Blocks {
  readonly #onLine: ((line: string) => void) | undefined
  #block: string[] = []

  constructor(onLine: ((line: string) => void) | undefined) {
    this.#onLine = onLine
  }

  line(line: string): void {
    if (line !== '' && !line.startsWith(' ')) this.flush()
    this.#block.push(line)
  }

  flush(): void {
    for (const line of this.#block) this.#onLine?.(line)
    this.#block = []
  }
}
