import { sleep, systemClock } from '../../../src/base/clock.ts'
import type { Random } from '../../../src/base/random.ts'
import type { EtcdCluster } from '../../support/etcd-cluster.ts'
import type { Cut, HostNetwork } from '../../support/namespaces.ts'

/** Members of etcd, each on a host of its own. */
export interface NetworkedCluster {
  readonly cluster: EtcdCluster
  readonly network: HostNetwork
}

const isolations = ['all', 'members', 'clients', 'deaf', 'mute'] as const
export const partitionKinds = [...isolations, 'flapping', 'split'] as const
export type PartitionKind = (typeof partitionKinds)[number]

const lastsMsMax = 1_500
const lastsMsMin = 300

/**
 * The network comes apart and is healed: one member loses the others, its clients or all, in both directions or one; again
 * and again; or each member is alone, so that there is no majority. The leader is the victim as often as another one.
 */
export async function partitionFault(
  at: NetworkedCluster,
  random: Random,
  kind: PartitionKind = partitionKinds[random.int(partitionKinds.length)]!,
): Promise<void> {
  const { members } = at.cluster
  const victim = random.int(2) === 0 ? members.indexOf(await at.cluster.leader()) : random.int(members.length)
  try {
    await comeApart(at, random, kind, victim)
  } finally {
    for (const index of members.keys()) await at.network.heal(index)
  }
  // Sometimes the next one comes before this one is overcome.
  if (random.int(3) > 0) await at.cluster.whole()
}

async function comeApart(
  at: NetworkedCluster,
  random: Random,
  kind: PartitionKind,
  victim: number,
): Promise<void> {
  const { network, cluster } = at
  const lasts = (): Promise<void> => sleep(systemClock, lastsMsMin + random.int(lastsMsMax - lastsMsMin))
  if (kind === 'split') {
    for (const index of cluster.members.keys()) await network.cut(index, cutOf(network, 'members', index))
    await lasts()
  } else if (kind === 'flapping') {
    for (let times = 0; times < 4; times++) {
      const how = isolations[random.int(isolations.length)]!
      await network.cut(victim, cutOf(network, how, victim))
      await sleep(systemClock, random.int(400))
      await network.heal(victim)
      await sleep(systemClock, random.int(200))
    }
  } else {
    await network.cut(victim, cutOf(network, kind, victim))
    await lasts()
  }
}

function cutOf({ hosts, own }: HostNetwork, how: (typeof isolations)[number], victim: number): Cut {
  switch (how) {
    case 'all':
      return {}
    case 'members':
      return { from: hosts.filter((_, index) => index !== victim).map(({ address }) => address) }
    case 'clients':
      return { from: [own] }
    case 'deaf':
      return { only: 'in' }
    case 'mute':
      return { only: 'out' }
  }
}
