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
import { HostNetwork, namespacesMissing } from '../test/support/namespaces.ts'
import { memberFault } from '../test/integration/store-faults/members.ts'
import { partitionFault } from '../test/integration/store-faults/networks.ts'
import {
  countRounds,
  type FaultRun,
  holderRounds,
  queueRounds,
  registerRounds,
  type Survived,
} from '../test/integration/store-faults/rounds.ts'
import { soak } from './lib/soak-loop.ts'
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
/** A process that is started takes about a second to be at work. */
const calmMsMax = 500
/** Of etcd. As root, each is a host of its own, and the network between them comes apart. */
const members = 3
const actors = 3

const subjects: Readonly<Record<string, () => Promise<Subject>>> = {
  async lmdb() {
    const home = mkdtempSync(join(tmpdir(), 'vertigo-soak-'))
    return {
      run: (seed, name) => ({
        url: `lmdb:${home}/${name}-${seed}`,
        actors: 4,
        rounds,
        ttlMs: 300,
        seed,
        calmMsMax,
      }),
      close: () => rmSync(home, { recursive: true, force: true }),
    }
  },
  async etcd() {
    const provided = await provideEtcd('distribution')
    if ('missing' in provided) throw new Error(provided.missing)
    const unpartitioned = namespacesMissing()
    if (unpartitioned !== undefined) console.log(`without partitions: ${unpartitioned}`)
    const network = unpartitioned === undefined ? await HostNetwork.create(members + actors) : undefined
    const hosts = network && { hosts: network.hosts.slice(0, members) }
    let cluster: EtcdCluster
    try {
      cluster = await EtcdCluster.start({ path: provided.path, members, ...hosts })
    } catch (error) {
      await network?.remove()
      throw error
    }
    const endpoints = cluster.endpoints.join(',')
    return {
      run: (seed, name) => ({
        url: `etcd://${endpoints}/soak-${name}-${seed}`,
        actors,
        ...(network && { actorCommands: network.hosts.slice(members).map(({ command }) => command) }),
        rounds,
        ttlMs: 1_000,
        seed,
        storeFault: (random) =>
          network !== undefined && random.int(2) === 0
            ? partitionFault({ cluster, network }, random)
            : memberFault(cluster, random),
        storeFaultRounds: 3,
        calmMsMax,
      }),
      async close() {
        await cluster.stop()
        await network?.remove()
      },
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
  const endMs = performance.now() + minutes * 60_000
  const subject = await open()
  try {
    const held = await soak({
      scenarios,
      run: (seed, name) => subject.run(seed, name),
      firstSeed,
      isOver: () => performance.now() >= endMs,
      over: values.backend,
      commandFor: (seed) => `npm run soak -- --minutes 1 --backend ${values.backend} --seed ${seed}`,
      say: (line) => console.log(line),
    })
    process.exitCode = held ? 0 : 1
  } finally {
    await subject.close()
  }
}
