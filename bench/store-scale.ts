import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { provideEtcd } from '../scripts/servers/etcd.ts'
import { EtcdCluster } from '../test/support/etcd-cluster.ts'
import { atMost, type Benchmark, digits, type Row, type Target } from './lib/benchmark.ts'
import type { ScaleFigures, ScaleOrder } from './lib/store-scale-child.ts'

/** What many watches and leases cost the process that has them; each count in a process of its own, so that memory is its own. */

const fewWatches = 1_000
const manyWatches = 10_000
const fewLeases = 100
const manyLeases = 1_000
const cache = fileURLToPath(new URL('../.cache/bench', import.meta.url))

export const storeScale: Benchmark = {
  name: 'store-scale',
  subject: 'Ten thousand watches of one key each, and a thousand leases that are kept alive',
  async run({ quick }) {
    mkdirSync(cache, { recursive: true })
    const home = mkdtempSync(join(cache, 'scale-'))
    const provided = await provideEtcd('distribution')
    const cluster =
      'path' in provided ? await EtcdCluster.start({ path: provided.path, members: 3 }) : undefined
    const bases: (readonly [string, string])[] = [['a folder', `lmdb:${home}/`]]
    if (cluster !== undefined) bases.push(['etcd', `etcd://${cluster.endpoints.join(',')}/`])
    const idleMs = quick ? 4_000 : 20_000
    try {
      const rows: Row[] = []
      const targets: Target[] = []
      for (const [name, base] of bases) {
        const few = await measure({ url: `${base}few`, watches: fewWatches, leases: 0, idleMs })
        const many = await measure({ url: `${base}many`, watches: manyWatches, leases: 0, idleMs })
        const fewKept = await measure({ url: `${base}few-leases`, watches: 0, leases: fewLeases, idleMs })
        const kept = await measure({ url: `${base}leases`, watches: 0, leases: manyLeases, idleMs })
        rows.push(
          ...watchRows(name, fewWatches, few),
          ...watchRows(name, manyWatches, many),
          ...leaseRows(name, fewLeases, fewKept),
          ...leaseRows(name, manyLeases, kept),
        )
        targets.push(...watchTargets(name, few, many), ...leaseTargets(name, fewKept, kept))
      }
      return {
        rows,
        targets,
        notes: [
          'Each figure is of one run. CPU is that of the process with the watches or leases, as part of one core.',
          ...('missing' in provided ? [`Without etcd: ${provided.missing}`] : []),
        ],
      }
    } finally {
      await cluster?.stop()
      rmSync(home, { recursive: true, force: true })
    }
  },
}

async function measure(order: ScaleOrder): Promise<ScaleFigures> {
  const script = fileURLToPath(new URL('lib/store-scale-child.ts', import.meta.url))
  const child = fork(script, [JSON.stringify(order)], {
    execArgv: ['--conditions=vertigo-src', '--expose-gc'],
  })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the process with ${order.watches} watches ended with code ${String(code)}`)
  })
  const [figures] = (await Promise.race([once(child, 'message'), ended])) as [ScaleFigures]
  await ended.catch(() => undefined)
  return figures
}

function watchRows(name: string, count: number, figures: ScaleFigures): Row[] {
  const what = `${name}, ${count} watches`
  return [
    row(`${what}: start`, `${figures.startMs.toFixed(0)} ms`),
    row(`${what}: memory`, `${digits(figures.memoryMb)} MB`),
    row(`${what}: CPU while idle`, `${digits(figures.idleCpu * 100)} %`),
    row(`${what}: CPU of 1000 changes`, `${figures.changesCpuMs.toFixed(0)} ms`),
  ]
}

function leaseRows(name: string, count: number, figures: ScaleFigures): Row[] {
  const what = `${name}, ${count} leases of 10 s`
  return [
    row(`${what}: start`, `${figures.startMs.toFixed(0)} ms`),
    row(`${what}: memory`, `${digits(figures.memoryMb)} MB`),
    row(`${what}: CPU while kept alive`, `${digits(figures.idleCpu * 100)} %`),
  ]
}

type Cost = (figures: ScaleFigures) => number

/** The cost of one where there are many, by that where there are few: 1 where it grows with their number, no more. */
function growth(
  few: number,
  many: number,
  of: Cost,
  figures: readonly [few: ScaleFigures, many: ScaleFigures],
): number {
  return of(figures[1]) / many / (of(figures[0]) / few)
}

function watchTargets(name: string, few: ScaleFigures, many: ScaleFigures): Target[] {
  const each = (of: Cost): number => growth(fewWatches, manyWatches, of, [few, many])
  const promise = `at ${manyWatches} at most 2 times that at ${fewWatches}`
  return [
    atMost(
      `${name}: time to start a watch, ${promise}`,
      each(({ startMs }) => startMs),
      2,
    ),
    atMost(
      `${name}: memory of a watch, ${promise}`,
      each(({ memoryMb }) => memoryMb),
      2,
    ),
    atMost(`${name}: CPU of a change, ${promise}`, many.changesCpuMs / few.changesCpuMs, 2),
  ]
}

function leaseTargets(name: string, few: ScaleFigures, many: ScaleFigures): Target[] {
  const each = (of: Cost): number => growth(fewLeases, manyLeases, of, [few, many])
  const promise = `at ${manyLeases} at most 2 times that at ${fewLeases}`
  return [
    atMost(
      `${name}: time to start a lease, ${promise}`,
      each(({ startMs }) => startMs),
      2,
    ),
    atMost(
      `${name}: CPU of a lease kept alive, ${promise}`,
      each(({ idleCpu }) => idleCpu),
      2,
    ),
  ]
}

function row(contestant: string, figure: string): Row {
  return { contestant, figure, quartiles: '–', rounds: 1 }
}
