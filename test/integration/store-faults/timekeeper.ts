import { machineClock, sleep } from '../../../src/base/clock.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { openCollections } from '../../../src/store/collections/index.ts'
import { put } from '../../../src/store/operations.ts'
import { LeaseKeeper } from '../../../src/store/recipes/lease-keeper.ts'
import { openPatient } from '../../support/store/patient-store.ts'

/**
 * A process whose leases and entries are timed from outside. Whatever moment it tells is of the machine's monotonic clock. It
 * also tells the wall clock's, to show that that one jumps.
 */

export interface TimekeeperOrder {
  readonly work: 'hold' | 'put' | 'observe'
  readonly url: string
  readonly ttlMs: number
}

export type TimekeeperTold =
  | { readonly type: 'ready' }
  /** The lease was last kept alive by what was sent at this moment. */
  | { readonly type: 'held'; readonly sentAtMs: number; readonly wallMs: number }
  | { readonly type: 'lost'; readonly why: string }
  /** An entry was asked for and acknowledged. */
  | { readonly type: 'put'; readonly key: string; readonly fromMs: number; readonly toMs: number }
  | { readonly type: 'gone'; readonly key: string; readonly atMs: number }

const { work, url, ttlMs } = JSON.parse(process.argv[2]!) as TimekeeperOrder
process.on('disconnect', () => process.exit())

const tell = (told: TimekeeperTold): void => void process.send!(told)
const store = await openPatient(url)
const means = { clock: machineClock, random: seededRandom(1) }

const works: Readonly<Record<TimekeeperOrder['work'], () => Promise<void>>> = {
  async hold() {
    const holder = await new LeaseKeeper(store, means).hold({ ttlMs })
    await store.transact({ then: [put('t/held', Buffer.from('x'), holder.lease)] })
    for (;;) {
      const sentAtMs = holder.deadlineMs - holder.ttlMs + holder.marginMs
      tell({ type: 'held', sentAtMs, wallMs: Date.now() })
      try {
        // What depends on a lease asks: where the wall clock has run ahead, the store is asked.
        await holder.confirm()
      } catch (error) {
        tell({ type: 'lost', why: String(error) })
        return
      }
      await sleep(machineClock, 5)
    }
  },

  async put() {
    const map = openCollections(store, means).map<string>('timed')
    for (let number = 0; number < 60; number++) {
      const fromMs = machineClock.monotonic()
      await map.set(`k${number}`, 'x', { ttlMs })
      tell({ type: 'put', key: `k${number}`, fromMs, toMs: machineClock.monotonic() })
      await sleep(machineClock, means.random.int(50))
    }
    process.exit()
  },

  async observe() {
    const changes = await openCollections(store, means).map<string>('timed').watch()
    const entries = (async () => {
      for await (const { type, key } of changes)
        if (type === 'delete') tell({ type: 'gone', key, atMs: machineClock.monotonic() })
    })()
    for await (const { events } of store.watch('t/'))
      for (const { key, type } of events)
        if (type === 'delete') tell({ type: 'gone', key, atMs: machineClock.monotonic() })
    await entries
  },
}

const working = works[work]()
tell({ type: 'ready' })
await working
