import { after, before, describe, test } from 'node:test'
import { provideEtcd } from '../../../scripts/servers/etcd.ts'
import { EtcdCluster } from '../../support/etcd-cluster.ts'
import { memberFault } from './members.ts'
import { countRounds, type FaultRun, holderRounds, queueRounds, registerRounds } from './rounds.ts'

const provided = await provideEtcd('distribution')

describe(
  'processes over three members of etcd; both are killed and stopped, and the history is cut',
  { skip: 'missing' in provided ? provided.missing : false },
  () => {
    let cluster: EtcdCluster
    before(async () => {
      if ('path' in provided)
        cluster = await EtcdCluster.start({
          path: provided.path,
          members: 3,
          heartbeatMs: 50,
          electionMs: 300,
        })
    })
    after(() => cluster?.stop())

    const run = (rounds: number, seed: number): FaultRun => ({
      url: `etcd://${cluster.endpoints.join(',')}/faults-${seed}`,
      actors: 3,
      rounds,
      ttlMs: 1000,
      seed,
      storeFault: (random) => memberFault(cluster, random),
    })
    test('an election has one leader at a time, over 200 faults', async () =>
      void (await holderRounds(run(170, 1), 'lead')))
    test('a lock has one holder at a time', async () => void (await holderRounds(run(40, 2), 'lock')))
    test('a counter holds what was acknowledged', async () => void (await countRounds(run(40, 3))))
    test('an element of a queue is taken once', async () => void (await queueRounds(run(40, 4))))
    test('histories are linearizable', async () => void (await registerRounds(run(60, 5))))
  },
)
