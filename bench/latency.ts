import { sleep, systemClock } from '../src/base/clock.ts'
import { nowMs } from '../test/integration/cluster-faults/cluster.ts'
import { atMost, type Benchmark, digits, type Row } from './lib/benchmark.ts'
import { FileTail } from './lib/file-tail.ts'
import { KeyedCluster, type KeyedFlow } from './lib/keyed-cluster.ts'
import { quantile } from './lib/statistics.ts'
import type { Keyed } from './networks/keyed-flow.ts'

/**
 * How old a message is when it has come to its end, from when it was due at its source, over a count by key. Into a file that grows with
 * each committed snapshot, one each 100 ms, as a reader of the file sees it, on three nodes. And into a component without a sink outside, at
 * half of the rate that the same network comes to at most, with snapshots and, beside it, at-most-once without any: on one node, of two
 * threads; and on three, of six.
 *
 * Nodes, and what measures them, share the cores of one machine. On two of them, three nodes at half of their rate have most of both: what is
 * sent at a time is less there, and costs as much. So half of the load is what one node has.
 */

const intervalMs = 100
const ttlMs = 3_000
const warmUpMs = 5_000
/** More than can be had: everything is always due. */
const allPerSecond = 1e9
const keys = 10_000

export const latency: Benchmark = {
  name: 'latency',
  subject: 'From the source to the end of an exactly-once network',
  async run({ quick }) {
    // Of the file, one in a hundred is a matter of some snapshots: it is looked at for as long as that is enough of them.
    const fileLookMs = quick ? 5_000 : 40_000
    const lookMs = quick ? 5_000 : 15_000
    const published = await KeyedCluster.use({ ttlMs }, (keyed) => intoFile(keyed, fileLookMs))
    const halves: AtHalfLoad[] = []
    for (const size of sizes)
      for (const guarantee of ['exactly-once', 'at-most-once'] as const)
        halves.push(
          await KeyedCluster.use({ ttlMs, nodes: size.nodes }, (keyed) =>
            atHalfLoad(keyed, { guarantee, size, lookMs }),
          ),
        )
    const mostMs = intervalMs + 50
    const p99 = quantile(published, 0.99)
    return {
      rows: [
        row(`into a file with the snapshots, one each ${intervalMs} ms`, published),
        ...halves.map(({ ages, about }) => row(about, ages)),
      ],
      targets: [
        atMost(`at most ${mostMs} ms into a file, p99`, p99, mostMs, ' ms'),
        atMost(
          'at most 10 ms into state and channels at half load, p99',
          quantile(halves[0]!.ages, 0.99),
          10,
          ' ms',
        ),
      ],
      notes: ['The figure is the median. Rounds are messages.'],
    }
  },
}

interface Size {
  readonly nodes: number
  readonly copies: number
  readonly about: string
}

const threeNodes: Size = { nodes: 3, copies: 3, about: 'three nodes' }
/** The first is that of the promise. */
const sizes: readonly Size[] = [{ nodes: 1, copies: 1, about: 'one node' }, threeNodes]

const flow: Omit<KeyedFlow, 'guarantee' | 'perSecond' | 'copies'> = { keys, tickMs: 1, intervalMs }

async function intoFile(keyed: KeyedCluster, lookMs: number): Promise<number[]> {
  const path = keyed.file('published.jsonl')
  const sink = { kind: 'file-sink', config: { path } }
  const { copies } = threeNodes
  await keyed.deploy({ ...flow, copies, guarantee: 'exactly-once', perSecond: 1_000, sink })
  await keyed.filled(copies)
  await sleep(systemClock, warmUpMs)
  const tail = new FileTail(path)
  tail.read()
  const ages: number[] = []
  await tail.follow(lookMs, (line) => ages.push(nowMs() - (JSON.parse(line) as Keyed).atMs))
  keyed.cluster.check()
  return ages
}

interface AtHalfLoad {
  readonly ages: readonly number[]
  readonly about: string
}

async function atHalfLoad(
  keyed: KeyedCluster,
  {
    guarantee,
    size: { copies, about },
    lookMs,
  }: { readonly guarantee: KeyedFlow['guarantee']; readonly size: Size; readonly lookMs: number },
): Promise<AtHalfLoad> {
  const of = { ...flow, copies, guarantee }
  const full = await agesAt(keyed, { ...of, perSecond: allPerSecond }, Math.min(lookMs, 8_000))
  const perSecond = full.perSecond / 2
  const { ages } = await agesAt(keyed, { ...of, perSecond }, lookMs)
  const what = guarantee === 'exactly-once' ? 'into state and channels' : guarantee
  return { ages, about: `${what}, ${about}, ${digits(perSecond / 1_000)} k messages/s` }
}

async function agesAt(
  keyed: KeyedCluster,
  at: KeyedFlow,
  lookMs: number,
): Promise<{ readonly ages: number[]; readonly perSecond: number }> {
  await keyed.deploy(at)
  await sleep(systemClock, warmUpMs)
  const sinceMs = nowMs()
  await sleep(systemClock, lookMs)
  keyed.cluster.check()
  const lines = keyed.lines
    .read()
    .since('ages', sinceMs)
    .filter((line) => line.sinceMs >= sinceMs)
  const ages: number[] = []
  for (const line of lines)
    for (const [tenths, count] of line.ages) for (let left = count; left > 0; left--) ages.push(tenths / 10)
  const spentMs = lines.reduce((sum, line) => sum + line.tMs - line.sinceMs, 0) / at.copies
  if (ages.length === 0) throw new Error(`nothing came within ${lookMs} ms; ${keyed.cluster.troubles()}`)
  return { ages, perSecond: (ages.length / spentMs) * 1_000 }
}

function row(contestant: string, ages: readonly number[]): Row {
  const of = (part: number): string => digits(quantile(ages, part))
  return {
    contestant,
    figure: `${of(0.5)} ms`,
    quartiles: `p90 ${of(0.9)}, p99 ${of(0.99)}, at most ${of(1)}`,
    rounds: ages.length,
  }
}
