import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { built } from '../support/program.ts'

export const repository = join(import.meta.dirname, '../..')

/** How long a command is waited for: the machine may be busy, and a command that hangs must not hold up everything. */
const deadlineMs = 90_000

/** The command: that of the bundles which the gate has made, as users run it; else as the repository runs it. */
export const vertigoCommand: readonly string[] =
  built === undefined
    ? [process.execPath, '--conditions=vertigo-src', join(repository, 'src/cli/main.ts')]
    : [process.execPath, join(built, 'dist/cli/main.js')]

export interface Result {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** It was killed because the test had waited for its end for too long. */
  readonly isOverdue: boolean
}

export interface Options {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** What stands on standard input. Default: nothing. */
  readonly input?: string
}

/** Runs `vertigo` to its end. */
export async function vertigo(
  t: TestContext,
  args: readonly string[],
  options: Options = {},
): Promise<Result> {
  return start(t, args, options).ended()
}

export function start(t: TestContext, args: readonly string[], options: Options = {}): Session {
  return new Session(t, [...vertigoCommand, ...args], options)
}

/** A command that runs, and what it has written so far. */
export class Session {
  readonly child: ChildProcess
  readonly #closed: Promise<readonly [number | null, NodeJS.Signals | null]>
  #stdout = ''
  #stderr = ''
  #watchers: (() => void)[] = []
  #isOverdue = false

  constructor(t: TestContext, [program = '', ...args]: readonly string[], { cwd, env, input }: Options) {
    const { NO_COLOR: _, FORCE_COLOR: __, NODE_OPTIONS: ___, NODE_TEST_CONTEXT: ____, ...outer } = process.env
    this.child = spawn(program, args, {
      cwd,
      env: { ...outer, ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    this.#closed = once(this.child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
    this.child.stdin?.end(input)
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
      for (const watch of this.#watchers) watch()
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
      for (const watch of this.#watchers) watch()
    })
    t.after(async () => {
      this.child.kill('SIGKILL')
      await this.#closed.catch(() => undefined)
    })
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Fulfilled when `pattern` is in what the command wrote to standard error or output. */
  async until(pattern: RegExp): Promise<void> {
    const has = (): boolean => pattern.test(this.#stdout) || pattern.test(this.#stderr)
    const seen = new Promise<void>((resolve) => {
      const watch = (): void => {
        if (has()) resolve()
      }
      this.#watchers.push(watch)
      watch()
    })
    await this.#inTime(Promise.race([seen, this.#closed]))
    assert.ok(has(), `${this.#howEnded} without ${pattern}:\n${this.#stdout}\n${this.#stderr}`)
  }

  async ended(): Promise<Result> {
    const [code, signal] = await this.#inTime(this.#closed)
    return { code, signal, stdout: this.#stdout, stderr: this.#stderr, isOverdue: this.#isOverdue }
  }

  get #howEnded(): string {
    return this.#isOverdue ? `was killed, after it was waited for for ${deadlineMs} ms,` : 'ended'
  }

  /** Whoever waits for something else meanwhile has a deadline of his own; it lives until the test ends. */
  async #inTime<T>(awaited: Promise<T>): Promise<T> {
    const limit = setTimeout(() => {
      this.#isOverdue = true
      this.child.kill('SIGKILL')
    }, deadlineMs)
    try {
      return await awaited
    } finally {
      clearTimeout(limit)
    }
  }
}

/** A folder with files, in which `vertigo-flow` is this repository. */
export function project(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vertigo-e2e-')))
  // What the test has started may still write there.
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  linkPackages(folder)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

export function linkPackages(folder: string): void {
  const packages = join(folder, 'node_modules')
  mkdirSync(join(packages, '@types'), { recursive: true })
  symlinkSync(built ?? repository, join(packages, 'vertigo-flow'))
  for (const name of ['valibot', 'typescript', '@types/node'])
    symlinkSync(join(repository, 'node_modules', name), join(packages, name))
}

/** Numbers without end, or `count` of them, through a component of the test's to nowhere. */
export function throughComponent(count?: number): string {
  return `name: test
components:
  numbers: { kind: generator, config: { ${count === undefined ? '' : `count: ${count}`} } }
  work: { kind: ./work.ts }
  end: { kind: take, config: { count: 0 } }
connections:
  - { from: numbers.out, to: work.in }
  - { from: work.out, to: end.in }
`
}

/** Asserts an exit code, with what was written where it is another one. */
export function assertCode({ code, signal, stdout, stderr, isOverdue }: Result, expected: number): void {
  const how = isOverdue
    ? `was killed: it had not ended within ${deadlineMs} ms`
    : `ended with ${signal ?? code}`
  assert.equal(
    code,
    expected,
    `${how}, not with ${expected}:\n${stdout.slice(-3000)}\n${stderr.slice(-3000)}`,
  )
}
