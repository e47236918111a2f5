/**
 * The faults of `test/integration/store-faults`, over and over with growing seeds, for as long as one likes.
 *
 *   npm run soak -- --minutes 60 [--backend lmdb|etcd] [--seed 1]
 *
 * A line for each scenario says its seed, the faults it survived and what was checked. It ends where a check fails, with exit
 * code 1 and the seed.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { EtcdCluster } from '../test/support/etcd-cluster.ts'
import { memberFault } from '../test/integration/store-faults/members.ts'
import {
  countRounds,
  type FaultRun,
  holderRounds,
  queueRounds,
  registerRounds,
  type Survived,
} from '../test/integration/store-faults/rounds.ts'
import { provideEtcd } from './servers/etcd.ts'

interface Subject {
  run(seed: number, name: string): FaultRun
  close(): Promise<void> | void
}

const scenarios: Readonly<Record<string, (run: FaultRun) => Promise<Survived>>> = {
  election: (run) => holderRounds(run, 'lead'),
  lock: (run) => holderRounds(run, 'lock'),
  counter: countRounds,
  queue: queueRounds,
  registers: registerRounds,
}
/** Of one scenario. A history of many more takes long to check. */
const rounds = 20

const subjects: Readonly<Record<string, () => Promise<Subject>>> = {
  async lmdb() {
    const home = mkdtempSync(join(tmpdir(), 'vertigo-soak-'))
    return {
      run: (seed, name) => ({ url: `lmdb:${home}/${name}-${seed}`, actors: 4, rounds, ttlMs: 300, seed }),
      close: () => rmSync(home, { recursive: true, force: true }),
    }
  },
  async etcd() {
    const provided = await provideEtcd('distribution')
    if ('missing' in provided) throw new Error(provided.missing)
    const cluster = await EtcdCluster.start({ path: provided.path, members: 3 })
    const endpoints = cluster.endpoints.join(',')
    return {
      run: (seed, name) => ({
        url: `etcd://${endpoints}/soak-${name}-${seed}`,
        actors: 3,
        rounds,
        ttlMs: 1_000,
        seed,
        storeFault: (random) => memberFault(cluster, random),
      }),
      close: () => cluster.stop(),
    }
  },
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    backend: { type: 'string', default: 'lmdb' },
    seed: { type: 'string', default: '1' },
  },
})
const minutes = Number(values.minutes)
const firstSeed = Number(values.seed)
const open = subjects[values.backend]
if (open === undefined || !(minutes > 0) || !Number.isSafeInteger(firstSeed)) {
  console.error('npm run soak -- --minutes <n> [--backend lmdb|etcd] [--seed <whole number>]')
  process.exitCode = 2
} else {
  const subject = await open()
  try {
    process.exitCode = (await soak(subject)) ? 0 : 1
  } finally {
    await subject.close()
  }
}

/** Whether every check held. What is begun when the time is over comes to its end. */
async function soak(subject: Subject): Promise<boolean> {
  const endMs = performance.now() + minutes * 60_000
  const total = { scenarios: 0, faults: 0, checked: 0 }
  for (let seed = firstSeed; performance.now() < endMs; seed++)
    for (const [name, scenario] of Object.entries(scenarios)) {
      const repeat = `npm run soak -- --minutes 1 --backend ${values.backend} --seed ${seed}`
      try {
        const { faults, checked } = await scenario(subject.run(seed, name))
        console.log(`seed ${seed}  ${name.padEnd(9)}  ${faults} faults survived, ${checked} checked`)
        total.scenarios++
        total.faults += faults
        total.checked += checked
      } catch (error) {
        console.error(`seed ${seed}  ${name.padEnd(9)}  FAILED; begin there again: ${repeat}`)
        console.error(error)
        return false
      }
      if (performance.now() >= endMs) break
    }
  console.log(
    `${total.scenarios} scenarios over ${values.backend}: ${total.faults} faults survived, ${total.checked} checked, 0 failed`,
  )
  return true
}
