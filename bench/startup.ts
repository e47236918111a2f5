import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildPackage } from '../scripts/lib/package-build.ts'
import { type Benchmark, type Row, atMost } from './lib/benchmark.ts'
import { type Quartiles, quartiles } from './lib/statistics.ts'

/**
 * From `vertigo run` to the first message on its standard output, by the package as it is built; beside it, what Node
 * itself takes to start, and to start with a worker thread. Built apart from `dist`, so that what is measured is what
 * is there now and nobody's build is disturbed.
 */

const root = fileURLToPath(new URL('..', import.meta.url))
const home = join(root, '.cache/bench/package')

const network = `
name: startup
components:
  numbers: { kind: generator, config: { count: 3 } }
  print: { kind: stdout }
connections:
  - { from: numbers.out, to: print.in }
`

const ways = {
  'vertigo run': ['dist/cli/main.js', 'run', 'startup.yaml'],
  'node and a worker thread': [
    '-e',
    "new (require('node:worker_threads').Worker)('console.log(0)', { eval: true })",
  ],
  node: ['-e', 'console.log(0)'],
} as const

export const startup: Benchmark = {
  name: 'startup',
  subject: 'Time from the start of the command to the first message on standard output',
  async run({ quick }) {
    await build()
    const rounds = quick ? 5 : 15
    const times = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]))
    for (let round = -1; round < rounds; round++) {
      for (const [name, parameters] of Object.entries(ways)) {
        const ms = await firstOutputMs(parameters)
        if (round >= 0) times.get(name)!.push(ms)
      }
    }
    const all = [...times].map(([name, ms]) => ({ name, best: Math.min(...ms), ...quartiles(ms) }))
    const vertigo = all[0]!
    return {
      rows: all.map((one) => row(one, rounds)),
      targets: [
        atMost('at most 300 ms, median', vertigo.median, 300, ' ms'),
        atMost('at most 300 ms, best', vertigo.best, 300, ' ms'),
      ],
    }
  },
}

function row(
  { name, best, low, median, high }: Quartiles & { name: string; best: number },
  rounds: number,
): Row {
  return {
    contestant: name,
    figure: `${median.toFixed(0)} ms`,
    quartiles: `${low.toFixed(0)} to ${high.toFixed(0)}, best ${best.toFixed(0)}`,
    rounds,
  }
}

async function build(): Promise<void> {
  rmSync(home, { recursive: true, force: true })
  mkdirSync(home, { recursive: true })
  await buildPackage(join(home, 'dist'))
  cpSync(join(root, 'package.json'), join(home, 'package.json'))
  writeFileSync(join(home, 'startup.yaml'), network)
}

function firstOutputMs(parameters: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const child = spawn(process.execPath, parameters, { cwd: home, stdio: ['ignore', 'pipe', 'pipe'] })
    let firstMs: number | undefined
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text
    })
    child.stdout.once('data', () => {
      firstMs = performance.now() - started
    })
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0 && firstMs !== undefined) resolve(firstMs)
      else reject(new Error(`${parameters.join(' ')} ended with code ${code}: ${errors}`))
    })
  })
}
