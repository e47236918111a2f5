import { machineClock, sleep } from '../../../src/base/clock.ts'
import type { Random } from '../../../src/base/random.ts'
import type { EtcdCluster } from '../../support/etcd-cluster.ts'
import { eventually } from '../../support/eventually.ts'
import type { Cut, HostNetwork } from '../../support/namespaces.ts'
import type { FaultyCluster } from '../cluster-faults/cluster.ts'
import type { NodeProcess } from '../cluster-faults/nodes.ts'
import { memberFault } from '../store-faults/members.ts'
import type { Fault } from './killer.ts'

const backMsMax = 60_000

/** Of processes. */
export function processFaults(ttlMs: number): Fault[] {
  const kill = async (victims: readonly NodeProcess[], random: Random): Promise<void> => {
    await Promise.all(victims.map((victim) => victim.kill()))
    // At once, or when others have taken over what it had.
    if (random.int(2) === 0) await sleep(machineClock, random.int(ttlMs))
    for (const victim of victims) victim.start()
    await Promise.all(victims.map((victim) => victim.joined()))
  }
  const stop =
    (ms: (random: Random) => number): Fault['run'] =>
    async ([victim], random) => {
      victim!.freeze()
      await sleep(machineClock, ms(random))
      victim!.wake()
      await isBack(victim!)
    }
  return [
    { name: 'SIGKILL of a node', weight: 6, of: 'node', run: kill },
    { name: 'SIGKILL of the manager', weight: 4, of: 'manager', run: kill },
    { name: 'SIGKILL of all nodes', weight: 2, of: 'all', run: kill },
    {
      name: 'SIGSTOP for 2 to 3 TTL',
      weight: 4,
      of: 'node',
      run: stop((random) => ttlMs * (2 + random.next())),
    },
    {
      name: 'SIGSTOP of the manager',
      weight: 2,
      of: 'manager',
      run: stop((random) => ttlMs * (2 + random.next())),
    },
    {
      name: 'SIGSTOP for less than a TTL',
      weight: 2,
      of: 'node',
      run: stop((random) => (ttlMs / 2) * random.next()),
    },
  ]
}

/** Of the members of the store, one at a time. */
export function memberFaults(etcd: EtcdCluster): Fault[] {
  const run: Fault['run'] = (_, random) => memberFault(etcd, random)
  return [{ name: 'a member of etcd is killed, stopped or compacted', weight: 5, of: 'none', run }]
}

export interface Hosts {
  readonly network: HostNetwork
  /** Host of the first node; the others' are behind it, the store's before it. */
  readonly first: number
}

/** Of the network between hosts. */
export function partitionFaults({ network, first }: Hosts, cluster: FaultyCluster, ttlMs: number): Fault[] {
  const addresses = network.hosts.map(({ address }) => address)
  const cutOf = (at: number, random: Random): Cut => {
    const own = addresses[at]!
    const [store, nodes] = [addresses.slice(0, first), addresses.slice(first).filter((one) => one !== own)]
    // What is published to is where the test is.
    const servers = [network.own]
    const from = [undefined, store, nodes, servers][random.int(4)]
    const only = ([undefined, undefined, 'in', 'out'] as const)[random.int(4)]
    return { ...(from !== undefined && { from }), ...(only !== undefined && { only }) }
  }
  const run: Fault['run'] = async ([victim], random) => {
    const at = first + cluster.nodes.indexOf(victim!)
    await network.cut(at, cutOf(at, random))
    try {
      await sleep(machineClock, ttlMs * (0.3 + 2 * random.next()))
    } finally {
      await network.heal(at)
    }
    await isBack(victim!)
  }
  return [
    { name: 'partition of a node', weight: 4, of: 'node', run },
    { name: 'partition of the manager', weight: 3, of: 'manager', run },
  ]
}

/** A member again, or as it was; what a store in a folder has ended while it stood still is started again. */
function isBack(node: NodeProcess): Promise<unknown> {
  return eventually(
    `${node.id} is a member again`,
    () => {
      if (!node.lives) node.start()
      return node.of('joined').length > node.of('fenced').length
    },
    backMsMax,
  )
}
