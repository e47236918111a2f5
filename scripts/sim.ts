/**
 * The simulation of clusters, for as many seeds as one likes.
 *
 *   npm run sim -- --seeds 10000 [--first 1]
 *   npm run sim -- --first 17 --trace        one seed, with all that happens in it
 *   npm run sim -- --faults kill,drain       these kinds of faults only (src/testkit/cluster/faults.ts)
 *
 * A seed that fails is named with what was violated; the exit code is 1 then.
 */
import { parseArgs } from 'node:util'
import { runSeed } from '../test/sim/run-seed.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    first: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    faults: { type: 'string' },
  },
})

const only = values.faults === undefined ? {} : { faults: values.faults.split(',') }
const first = Number(values.first)
const seeds = values.trace ? 1 : Number(values.seeds)
let failed = 0
const sum = { steps: 0, handled: 0, changes: 0, faults: 0, writes: 0, lost: 0 }
for (let seed = first; seed < first + seeds; seed++) {
  const result = await runSeed(seed, {
    ...only,
    ...(values.trace && { trace: (line: string) => console.log(line) }),
  })
  for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += result[key]
  if (result.violations.length === 0) continue
  failed++
  console.log(`seed ${seed} fails:`)
  for (const violation of result.violations) console.log(`  ${violation}`)
}
console.log(`${seeds} seeds, ${failed} failed; ${JSON.stringify(sum)}`)
if (failed > 0) process.exitCode = 1
