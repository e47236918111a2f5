import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sleep, systemClock } from '../src/base/clock.ts'
import { FaultyCluster, type NetworkText, nowMs } from '../test/integration/cluster-faults/cluster.ts'
import type { NodeProcess } from '../test/integration/cluster-faults/nodes.ts'
import { atMost, type Benchmark, type Row } from './lib/benchmark.ts'
import { quartiles } from './lib/statistics.ts'

/**
 * A cluster of three nodes, each a process of two workers on this machine, over a store in a folder: how long it takes until
 * all that ran on a node that is killed, or stands still, runs elsewhere and gets and sends messages that were made
 * after that moment; what the cluster costs when nothing happens; how long a large network takes to run.
 *
 * There is no peer beside it: what others do within their defaults of 10 to 60 s is no contest. Nodes run from the sources.
 */

const ttlMs = 3_000
const copies = { tick: 2, hop: 3, end: 2 }
const idleInstances = 100
const idleLooksMs = 10_000
/** Of Linux, whatever the kernel's own rate. */
const ticksPerSecond = 100

export const failover: Benchmark = {
  name: 'failover',
  subject: 'What runs on a node that fails runs on others; a cluster at rest; a large network',
  async run({ quick }) {
    const folder = mkdtempSync(join(tmpdir(), 'vertigo-failover-'))
    try {
      const kills = quick ? 5 : 50
      const [worker, manager, frozen] = await withCluster(join(folder, 'kills'), (cluster) =>
        failures(cluster, { kills, freezes: quick ? 2 : 10 }),
      )
      const idle = await withCluster(join(folder, 'idle'), (cluster) => idleShares(cluster))
      const deploys: number[] = []
      for (let round = 0; round < (quick ? 1 : 5); round++)
        deploys.push(await withCluster(join(folder, `deploy-${round}`), (cluster) => deployMs(cluster)))
      const p50 = quartiles(worker).median
      return {
        rows: [
          msRow('a node is killed', worker),
          msRow('the node of the manager is killed', manager),
          msRow(`a node stands still, lease of ${ttlMs} ms`, frozen),
          percentRow(`a node at rest, ${idleInstances} instances on three`, idle),
          msRow('100 components, 400 instances: until they run', deploys),
        ],
        targets: [
          atMost('at most 500 ms after a node is killed, median', p50, 500, ' ms'),
          atMost('at most 1500 ms after a node is killed, maximum', Math.max(...worker), 1_500, ' ms'),
          atMost(
            'at most 2000 ms after the node of the manager is killed, maximum',
            Math.max(...manager),
            2_000,
            ' ms',
          ),
          atMost(
            'at most the life of the lease and 1000 ms after a node stands still, maximum',
            Math.max(...frozen),
            ttlMs + 1_000,
            ' ms',
          ),
          atMost('at most 2 % of a core for a node at rest, maximum', Math.max(...idle), 2, ' %'),
          atMost('at most 3000 ms until a large network runs, maximum', Math.max(...deploys), 3_000, ' ms'),
        ],
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function withCluster<T>(folder: string, use: (cluster: FaultyCluster) => Promise<T>): Promise<T> {
  const cluster = await FaultyCluster.start({ storeUrl: `lmdb:${folder}`, ttlMs })
  try {
    return await use(cluster)
  } finally {
    await cluster.stop()
  }
}

interface Rounds {
  readonly kills: number
  readonly freezes: number
}

async function failures(
  cluster: FaultyCluster,
  { kills, freezes }: Rounds,
): Promise<[number[], number[], number[]]> {
  await cluster.deploy(cluster.net(copies))
  await cluster.flows(nowMs(), copies)
  const worker: number[] = []
  const manager: number[] = []
  const frozen: number[] = []
  for (let round = 0; round < kills; round++) {
    worker.push(await lossMs(cluster, await cluster.hosting(), 'SIGKILL'))
    manager.push(await lossMs(cluster, await cluster.manager(), 'SIGKILL'))
  }
  for (let round = 0; round < freezes; round++)
    frozen.push(await lossMs(cluster, await cluster.hosting(), 'SIGSTOP'))
  cluster.checkPlans()
  return [worker, manager, frozen]
}

/** Until messages that were made after the loss have come by all ways of the network. */
async function lossMs(
  cluster: FaultyCluster,
  victim: NodeProcess,
  signal: 'SIGKILL' | 'SIGSTOP',
): Promise<number> {
  const lostMs = nowMs()
  if (signal === 'SIGSTOP') victim.freeze()
  else await victim.kill()
  await cluster.flows(lostMs, copies)
  const tookMs = cluster.journal.firstOfAllMs(lostMs) - lostMs
  await victim.kill()
  victim.start()
  await victim.joined()
  return tookMs
}

async function idleShares(cluster: FaultyCluster): Promise<number[]> {
  const network: NetworkText = {
    name: 'net',
    components: {
      tick: cluster.component('ticks', { periodMs: 1_000_000_000 }),
      end: cluster.component('ends', { instances: idleInstances - 1 }),
    },
    connections: [{ from: 'tick.out', to: 'end.in' }],
  }
  await cluster.deploy(network)
  await cluster.until('it runs', ({ state }) => state === 'running')
  // Compilers and collectors of garbage come to rest.
  await sleep(systemClock, idleLooksMs)
  const before = cluster.nodes.map(({ pid }) => cpuTicks(pid))
  const sinceMs = nowMs()
  await sleep(systemClock, idleLooksMs)
  const seconds = (nowMs() - sinceMs) / 1_000
  return cluster.nodes.map(({ pid }, at) => ((cpuTicks(pid) - before[at]!) / ticksPerSecond / seconds) * 100)
}

/** Of all threads, in the user's code and the kernel's. */
function cpuTicks(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

async function deployMs(cluster: FaultyCluster): Promise<number> {
  const middle = Array.from({ length: 98 }, (_, at) => `hop-${at}`)
  const names = ['tick', ...middle, 'end']
  const network: NetworkText = {
    name: 'net',
    components: {
      tick: cluster.component('ticks', { instances: 4, periodMs: 1_000_000_000 }),
      ...Object.fromEntries(middle.map((name) => [name, cluster.component('hops', { instances: 4 })])),
      end: cluster.component('ends', { instances: 4 }),
    },
    connections: names.slice(1).map((name, at) => ({ from: `${names[at]}.out`, to: `${name}.in` })),
  }
  const sinceMs = nowMs()
  await cluster.deploy(network)
  const { instances } = await cluster.until('it runs', ({ state }) => state === 'running')
  if (instances.length !== 400) throw new Error(`there are ${instances.length} instances, not 400`)
  return nowMs() - sinceMs
}

function msRow(contestant: string, values: readonly number[]): Row {
  const { low, median, high } = quartiles(values)
  return {
    contestant,
    figure: `${median.toFixed(0)} ms`,
    quartiles: `${low.toFixed(0)} to ${high.toFixed(0)}, at most ${Math.max(...values).toFixed(0)}`,
    rounds: values.length,
  }
}

function percentRow(contestant: string, values: readonly number[]): Row {
  const { low, median, high } = quartiles(values)
  return {
    contestant,
    figure: `${median.toFixed(1)} % of a core`,
    quartiles: `${low.toFixed(1)} to ${high.toFixed(1)}, at most ${Math.max(...values).toFixed(1)}`,
    rounds: values.length,
  }
}
