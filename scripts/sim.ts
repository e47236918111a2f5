/**
 * The simulation of clusters, for as many seeds as one likes.
 *
 *   npm run sim -- --seeds 10000 [--first 1]
 *   npm run sim -- --first 17 --trace        one seed, with all that happens in it
 *   npm run sim -- --snapshots --seeds 10000 networks with snapshots: what they have at their end is that of a plain loop
 *   npm run sim -- --networks --seeds 10000  the same in one process, without a cluster
 *   npm run sim -- --crashes                 a cluster's life, with an end of whoever does it at each of its steps; and that of a
 *                                            network with snapshots (alone with --snapshots)
 *   npm run sim -- --faults kill,drain       these kinds of faults only (src/testkit/cluster/faults.ts)
 *
 * A seed that fails is named with what was violated; the exit code is 1 then.
 */
import { parseArgs } from 'node:util'
import { crashRun } from '../test/sim/crash-run.ts'
import { crashesOf, crashText } from '../test/sim/crashes.ts'
import { runSeed } from '../test/sim/run-seed.ts'
import { exactCrashRun } from '../test/sim/snapshots/exact-crash-run.ts'
import { runSnapshots } from '../test/sim/snapshots/run.ts'
import { runExactSeed } from '../test/sim/snapshots/exact-seed.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    first: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    faults: { type: 'string' },
    crashes: { type: 'boolean', default: false },
    snapshots: { type: 'boolean', default: false },
    networks: { type: 'boolean', default: false },
  },
})

if (values.crashes) await crashes()
else await seeds()

async function crashes(): Promise<void> {
  let failed = 0
  for (const run of values.snapshots ? [exactCrashRun] : [crashRun, exactCrashRun]) {
    const { points } = await run()
    const all = crashesOf(points)
    for (const crash of all) {
      const { violations } = await run(crash)
      if (violations.length === 0) continue
      failed++
      console.log(`${crashText(crash)}:`)
      for (const violation of violations) console.log(`  ${violation}`)
    }
    console.log(`${points.length} steps, ${all.length} crashes, ${failed} failed`)
  }
  if (failed > 0) process.exitCode = 1
}

async function seeds(): Promise<void> {
  const only = values.faults === undefined ? {} : { faults: values.faults.split(',') }
  const options = { ...only, ...(values.trace && { trace: (line: string) => console.log(line) }) }
  const run = values.networks ? runNetworks : values.snapshots ? runExactSeed : runSeed
  const first = Number(values.first)
  const count = values.trace ? 1 : Number(values.seeds)
  let failed = 0
  const sum: Record<string, number> = {}
  for (let seed = first; seed < first + count; seed++) {
    const { violations, seed: _, hash: __, ...numbers } = await run(seed, options)
    for (const [key, number] of Object.entries(numbers)) sum[key] = (sum[key] ?? 0) + number
    if (violations.length === 0) continue
    failed++
    console.log(`seed ${seed} fails:`)
    for (const violation of violations) console.log(`  ${violation}`)
  }
  console.log(`${count} seeds, ${failed} failed; ${JSON.stringify(sum)}`)
  if (failed > 0) process.exitCode = 1
}

async function runNetworks(seed: number): Promise<Awaited<ReturnType<typeof runSnapshots>> & Failed> {
  const nothing = { committed: 0, aborted: 0, kills: 0, rescalings: 0, withChannelState: 0, messages: 0 }
  try {
    return { ...(await runSnapshots(seed)), ...ofSeed(seed, []) }
  } catch (error) {
    return {
      ...nothing,
      ...ofSeed(seed, [error instanceof Error ? (error.stack ?? error.message) : String(error)]),
    }
  }
}

interface Failed {
  readonly seed: number
  readonly violations: readonly string[]
  readonly hash: number
}

function ofSeed(seed: number, violations: readonly string[]): Failed {
  return { seed, violations, hash: 0 }
}
