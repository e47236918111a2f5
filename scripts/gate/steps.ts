/** What the gate runs, in order. */
import { existsSync, globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { run, type RunOptions, type RunResult, runScript } from '../lib/process.ts'
import { inRoot, root } from '../lib/paths.ts'
import { runTests, type TierOptions } from './run-tests.ts'

export interface Step {
  readonly name: string
  /** One line for `--list`. */
  readonly about: string
  readonly timeoutMs: number
  /** Whether the step has to count for itself: without a closing line, or with nothing counted, it failed. */
  readonly counts: boolean
  /** It only makes ready what later steps need: it counts nothing, and where it fails, those say what they lack. */
  readonly prepares?: boolean
  /** Neighbours with the same word here do not depend on each other, nor measure: they run beside each other. */
  readonly beside?: string
  /** It waits for nothing and measures nothing: it runs beside all steps behind it, in the time that they leave. */
  readonly yields?: boolean
  /** Why there is nothing to run yet, or undefined where there is. */
  absent?(): string | undefined
  run(options: RunOptions): Promise<RunResult>
}

const second = 1_000
const minute = 60 * second

/** A check that passes or fails as a whole: a script of package.json, so that the gate runs what one runs by hand. */
function npmCheck(name: string, about: string, script: string, ...args: readonly string[]): Step {
  return {
    name,
    about,
    timeoutMs: 15 * minute,
    counts: false,
    beside: 'checks',
    run: (options) => run('npm', ['run', '--silent', script, '--', ...args], options),
  }
}

/** A tier of tests: `test/<name>/**`. */
function tier(name: string, about: string, options: TierOptions): Step {
  const pattern = `test/${name}/**/*.test.ts`
  const files = globSync(pattern, { cwd: root }).toSorted()
  return {
    name,
    about,
    timeoutMs: options.timeoutMs,
    counts: true,
    absent: () => (files.length === 0 ? `no file matches ${pattern}` : undefined),
    run: (how) => runTests(files, options, how),
  }
}

/** A program of the repository that counts for itself and ends with the closing line. */
function counting(name: string, about: string, script: string, timeoutMs: number): Step {
  return {
    name,
    about,
    timeoutMs,
    counts: true,
    beside: 'programs',
    absent: () => (existsSync(inRoot(script)) ? undefined : `there is no ${script}`),
    run: (options) => runScript(script, [], options),
  }
}

const cores = availableParallelism()

export const steps: readonly Step[] = [
  // It needs nothing that is built, and never waits as those behind it do. Its limit holds them as well.
  {
    ...tier('sim', 'simulated clusters, by seed', { timeoutMs: 60 * minute, concurrency: cores }),
    yields: true,
  },
  npmCheck('format', 'every file is formatted (prettier)', 'format:check'),
  npmCheck('lint', 'lint with types, tests and scripts included (oxlint)', 'lint'),
  npmCheck('types', 'types of sources, tests, scripts, examples (tsc)', 'typecheck'),
  npmCheck('imports', 'imports point down; no cycles, no hidden clocks', 'lint:imports'),
  npmCheck('generated', 'generated files are up to date', 'generate', '--check'),
  npmCheck('build', 'the package builds', 'build'),
  {
    name: 'servers',
    about: 'servers that tests need are installed or built, where they can be had',
    timeoutMs: 20 * minute,
    counts: false,
    // Here, so that no test's time limit has to hold it.
    prepares: true,
    beside: 'checks',
    run: (options) => runScript('scripts/servers/all.ts', [], options),
  },
  tier('unit', 'pure code', { timeoutMs: 15 * minute, concurrency: cores, together: true }),
  tier('scenario', 'scripted inputs, expected traces', { timeoutMs: 15 * minute, concurrency: cores }),
  tier('conformance', 'one suite for every backend', { timeoutMs: 15 * minute, concurrency: cores }),
  // Clusters of three processes on one hand, stores on the other. More at a time than that, and nodes lose their leases.
  tier('integration', 'real processes, servers, sockets', {
    timeoutMs: 40 * minute,
    concurrency: 1,
    bundled: true,
    besides: ['test/integration/store-*/**', 'test/integration/connectors/**'],
    alone: [
      // Leases of less than a second; how soon others take over.
      'test/integration/cluster/frozen.test.ts',
      'test/integration/cluster-faults/frozen.test.ts',
      'test/integration/cluster-faults/kills.test.ts',
      'test/integration/cluster-faults/kills-in-changes.test.ts',
      // A hundred faults, of which many are the end of a lease.
      'test/integration/exactly-once/*.test.ts',
      'test/integration/store-faults/clocks.test.ts',
    ],
  }),
  // Clusters on one hand, commands that run alone on the other.
  tier('e2e', 'the command line as a user types it', {
    timeoutMs: 30 * minute,
    bundled: true,
    besides: ['completion', 'demo-examples', 'failures', 'new', 'run', 'terminal', 'usage', 'validate'].map(
      (name) => `test/e2e/${name}.test.ts`,
    ),
  }),
  counting(
    'docs',
    'code, networks, commands and links in the documents',
    'scripts/docs-check.ts',
    25 * minute,
  ),
  counting('examples', 'every example gives what it promises', 'examples/run-all.ts', 20 * minute),
  // Beside none of them: to pack the package builds it, and documents are checked with the types of the build before.
  tier('oldest-node', 'the packed package on the oldest supported Node', { timeoutMs: 25 * minute }),
]
