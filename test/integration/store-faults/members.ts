import { sleep, systemClock } from '../../../src/base/clock.ts'
import type { Random } from '../../../src/base/random.ts'
import type { EtcdCluster } from '../../support/etcd-cluster.ts'

/** One member at a time, the leader as often as another one; a majority stays. */
export async function memberFault(cluster: EtcdCluster, random: Random): Promise<void> {
  const { members } = cluster
  const victim = random.int(2) === 0 ? await cluster.leader() : members[random.int(members.length)]!
  switch (random.int(3)) {
    case 0:
      await victim.kill()
      await sleep(systemClock, random.int(800))
      victim.start()
      // It has to be back before the next one goes, or there would be no majority.
      await cluster.whole()
      return
    case 1:
      victim.pause()
      await sleep(systemClock, random.int(1500))
      victim.resume()
      await cluster.whole()
      return
    default:
      await cluster.compact()
  }
}
