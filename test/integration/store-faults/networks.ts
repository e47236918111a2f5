import { sleep, systemClock } from '../../../src/base/clock.ts'
import type { Random } from '../../../src/base/random.ts'
import type { EtcdCluster } from '../../support/etcd-cluster.ts'
import type { Cut, HostNetwork } from '../../support/namespaces.ts'

/** Members of etcd, each on a host of its own; the hosts behind theirs are clients'. */
export interface NetworkedCluster {
  readonly cluster: EtcdCluster
  readonly network: HostNetwork
}

const isolations = ['all', 'members', 'clients', 'deaf', 'mute'] as const
const kinds = [...isolations, 'flapping', 'split'] as const

const lastsMsMin = 300
const lastsMsMax = 1_500
/** What a client sent at the beginning, and sends again at the end, is of a lease that others have seen ending. */
const clientLastsMsMin = 1_500
const clientLastsMsMax = 2_500

/**
 * The network comes apart and is healed: one member loses the others, its clients or all, in both directions or one; again
 * and again; or each member is alone, so that there is no majority. The leader is the victim as often as another one.
 * Some clients may lose all members at the same time.
 */
export async function partitionFault(at: NetworkedCluster, random: Random): Promise<void> {
  const { network, cluster } = at
  const { members } = cluster
  const victim = random.int(2) === 0 ? members.indexOf(await cluster.leader()) : random.int(members.length)
  const clients = [...network.hosts.keys()].slice(members.length)
  const lost = clients.filter(() => random.int(2) === 0)
  try {
    await Promise.all([
      comeApart(at, random, kinds[random.int(kinds.length)]!, victim),
      ...lost.map((client) => loseClient(network, random, client)),
    ])
  } finally {
    for (const index of network.hosts.keys()) await network.heal(index)
  }
  // Sometimes the next one comes before this one is overcome.
  if (random.int(3) > 0) await cluster.whole()
}

async function loseClient(network: HostNetwork, random: Random, client: number): Promise<void> {
  await network.cut(client, random.int(2) === 0 ? {} : { only: random.int(2) === 0 ? 'in' : 'out' })
  await sleep(systemClock, clientLastsMsMin + random.int(clientLastsMsMax - clientLastsMsMin))
}

async function comeApart(
  at: NetworkedCluster,
  random: Random,
  kind: (typeof kinds)[number],
  victim: number,
): Promise<void> {
  const { network, cluster } = at
  const lasts = (): Promise<void> => sleep(systemClock, lastsMsMin + random.int(lastsMsMax - lastsMsMin))
  if (kind === 'split') {
    for (const index of cluster.members.keys()) await network.cut(index, cutOf(at, 'members', index))
    await lasts()
  } else if (kind === 'flapping') {
    for (let times = 0; times < 4; times++) {
      const how = isolations[random.int(isolations.length)]!
      await network.cut(victim, cutOf(at, how, victim))
      await sleep(systemClock, random.int(400))
      await network.heal(victim)
      await sleep(systemClock, random.int(200))
    }
  } else {
    await network.cut(victim, cutOf(at, kind, victim))
    await lasts()
  }
}

function cutOf(
  { network, cluster }: NetworkedCluster,
  how: (typeof isolations)[number],
  victim: number,
): Cut {
  const addresses = network.hosts.map(({ address }) => address)
  const count = cluster.members.length
  switch (how) {
    case 'all':
      return {}
    case 'members':
      return { from: addresses.filter((_, index) => index !== victim && index < count) }
    case 'clients':
      return { from: [network.own, ...addresses.slice(count)] }
    case 'deaf':
      return { only: 'in' }
    case 'mute':
      return { only: 'out' }
  }
}
