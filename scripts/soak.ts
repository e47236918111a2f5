/**
 * Faults over and over with growing seeds, for as long as one likes: those of `test/integration/store-faults`, and those of
 * `test/integration/exactly-once`, where a network has to give what a plain loop gives.
 *
 *   npm run soak -- --minutes 60 [--subject all|store|network] [--backend lmdb|etcd] [--seed 1]
 *
 * A line for each scenario says its seed, the faults it survived and what was checked. It ends where a check fails, with exit
 * code 1 and the seed.
 */
import { parseArgs } from 'node:util'
import { namespacesMissing } from '../test/support/namespaces.ts'
import { soak } from './lib/soak-loop.ts'
import { scenariosOf } from './soak/subjects.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    subject: { type: 'string', default: 'all' },
    backend: { type: 'string', default: 'lmdb' },
    seed: { type: 'string', default: '1' },
  },
})
const { subject, backend } = values
const minutes = Number(values.minutes)
const firstSeed = Number(values.seed)
const say = (line: string): void => console.log(line)
const isBackend = backend === 'lmdb' || backend === 'etcd'
const scenarios = isBackend ? scenariosOf(subject, backend, say) : undefined
if (scenarios === undefined || !(minutes > 0) || !Number.isSafeInteger(firstSeed)) {
  console.error(
    'npm run soak -- --minutes <n> [--subject all|store|network] [--backend lmdb|etcd] [--seed <whole number>]',
  )
  process.exitCode = 2
} else {
  const unpartitioned = backend === 'etcd' ? namespacesMissing() : undefined
  if (unpartitioned !== undefined) say(`without partitions: ${unpartitioned}`)
  const endMs = performance.now() + minutes * 60_000
  try {
    const held = await soak({
      scenarios: scenarios.all,
      firstSeed,
      isOver: () => performance.now() >= endMs,
      over: backend,
      commandFor: (seed, scenario) => {
        const of = scenario === 'network' ? 'network' : 'store'
        return `npm run soak -- --minutes 1 --subject ${of} --backend ${backend} --seed ${seed}`
      },
      say,
    })
    process.exitCode = held ? 0 : 1
  } finally {
    await scenarios.close()
  }
}
