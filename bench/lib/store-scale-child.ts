import { machineClock, sleep } from '../../src/base/clock.ts'
import { systemRandom } from '../../src/base/random.ts'
import { put } from '../../src/store/operations.ts'
import { LeaseKeeper } from '../../src/store/recipes/index.ts'
import type { Store } from '../../src/store/store.ts'
import { openStore } from '../../src/stores.ts'

/** The process that has the watches or leases; tells its figures and ends. `process.argv`: the order, as JSON. */
export interface ScaleOrder {
  readonly url: string
  readonly watches: number
  readonly leases: number
  readonly idleMs: number
}

export interface ScaleFigures {
  /** Until all are in force. */
  readonly startMs: number
  /** Of the resident set, after a collection. */
  readonly memoryMb: number
  /** Part of a core. */
  readonly idleCpu: number
  /** User and system, of 1000 puts to watched keys, until the watches have told of them. */
  readonly changesCpuMs: number
}

const changes = 1_000
const settleMs = 1_000
/** Calls under way at a time while leases are granted. */
const atATime = 64
const value = new Uint8Array(100).fill(120)

let heard = 0
let wake = (): void => undefined

const order = JSON.parse(process.argv[2]!) as ScaleOrder
const store = await openStore(order.url, machineClock)
// What is loaded and made by the first use is not the cost of a watch.
await watchAll(store, 'warm-up/', 10)
collect()
const before = process.memoryUsage().rss
const startedMs = machineClock.monotonic()
const keeper = new LeaseKeeper(store, { clock: machineClock, random: systemRandom })
await watchAll(store, 'key/', order.watches)
await holdAll(keeper, order.leases)
const startMs = machineClock.monotonic() - startedMs
collect()
const memoryMb = (process.memoryUsage().rss - before) / 1e6
// What the start left behind is collected and compiled for a while.
await sleep(machineClock, settleMs)
const idleFrom = process.cpuUsage()
const idleStartMs = machineClock.monotonic()
await sleep(machineClock, order.idleMs)
const idleCpu = cpuMs(idleFrom) / (machineClock.monotonic() - idleStartMs)
const figures: ScaleFigures = {
  startMs,
  memoryMb,
  idleCpu,
  changesCpuMs: order.watches === 0 ? 0 : await change(store),
}
process.send!(figures, undefined, {}, () => process.exit())

/** Watches so many keys, one watch each; returns when each has told what is there. */
async function watchAll(over: Store, prefix: string, count: number): Promise<void> {
  let missing = count
  await new Promise<void>((resolve, reject) => {
    if (count === 0) resolve()
    const follow = async (key: string): Promise<void> => {
      for await (const { events, resynced } of over.watch(key)) {
        if (!resynced) {
          heard += events.length
          wake()
        } else if (--missing === 0) resolve()
      }
    }
    for (let index = 0; index < count; index++) follow(keyOf(prefix, index)).catch(reject)
  })
}

/** Of equal length, so that none is the beginning of another. */
function keyOf(prefix: string, index: number): string {
  return `${prefix}${String(index).padStart(6, '0')}`
}

async function holdAll(leases: LeaseKeeper, count: number): Promise<void> {
  let next = 0
  const client = async (): Promise<void> => {
    while (next++ < count) await leases.hold({ ttlMs: 10_000 })
  }
  await Promise.all(Array.from({ length: atATime }, client))
}

/** CPU time of puts to as many keys, in equal steps over all, and of hearing of them. */
async function change(over: Store): Promise<number> {
  const from = process.cpuUsage()
  heard = 0
  const told = new Promise<void>((resolve) => {
    wake = () => {
      if (heard === changes) resolve()
    }
  })
  const step = Math.max(1, Math.floor(order.watches / changes))
  for (let index = 0; index < changes; index++)
    await over.transact({ then: [put(keyOf('key/', index * step), value)] }, { repeat: 'harmless' })
  await told
  return cpuMs(from)
}

function cpuMs(from: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(from)
  return (user + system) / 1_000
}

function collect(): void {
  const { gc } = globalThis
  if (gc === undefined) throw new Error('this has to run with --expose-gc')
  gc()
}
