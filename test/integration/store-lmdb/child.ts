import { existsSync, writeFileSync } from 'node:fs'
import { machineClock, sleep } from '../../../src/base/clock.ts'
import { acquireEnvironment } from '../../../src/store/lmdb/environment.ts'
import { Claims } from '../../../src/store/lmdb/claims.ts'
import { openLmdbStore } from '../../../src/store/lmdb/open.ts'
import { increment, type Told, type Work } from './support.ts'

/** A process of its own over a store, for tests that stop or end it. `process.argv`: what to do, and the folder. */

const [work, folder] = process.argv.slice(2) as [Work, string]

function tell(told: Told): void {
  process.send?.(told)
}

const works: Readonly<Record<Work, () => Promise<void>>> = {
  async open() {
    await openLmdbStore({ folder })
    tell({ word: 'open' })
  },

  /** Ends by itself, if nothing is left behind. */
  async 'open-and-close'() {
    const store = await openLmdbStore({ folder })
    const watch = store.watch('')
    await store.grant(60_000)
    await increment(store, 'counter')
    const ended = (async () => {
      for await (const batch of watch) tell({ word: 'batch', count: batch.events.length })
    })()
    await store.close()
    await ended
    process.disconnect?.()
  },

  /** Opens and closes it a number of times, with a transaction in between. */
  async reopen() {
    for (let round = 0; round < 100; round++) {
      const store = await openLmdbStore({ folder, openTimeoutMs: 20_000 })
      await increment(store, 'reopened')
      await store.close()
    }
    tell({ word: 'done' })
    process.disconnect?.()
  },

  /** Is about to open it, and gets no further. */
  async claim() {
    new Claims(folder, machineClock).place('open')
    tell({ word: 'claimed' })
    await sleep(machineClock, 3_600_000)
  },

  async increment() {
    const store = await openLmdbStore({ folder })
    const own = `own/${process.pid}`
    tell({ word: 'open' })
    for (;;) {
      await increment(store, 'shared')
      tell({ word: 'acknowledged', count: await increment(store, own) })
    }
  },

  async 'hold-lease'() {
    const store = await openLmdbStore({ folder })
    const { lease } = await store.grant(400)
    await store.transact({ then: [{ type: 'put', key: 'held', value: Buffer.from('x'), lease }] })
    tell({ word: 'held' })
  },

  async watch() {
    const store = await openLmdbStore({ folder })
    const watch = store.watch('w/')
    tell({ word: 'open' })
    for await (const { events, resynced } of watch) {
      if (resynced) tell({ word: 'watching' })
      for (const event of events) tell({ word: event.key, count: event.revision })
    }
  },

  /** Holds the lock of writers for three seconds, and is at work all the while. */
  async 'busy-inside'() {
    const environment = await acquireEnvironment(folder, machineClock)
    await environment.root.transaction(() => {
      tell({ word: 'inside' })
      const endMs = machineClock.monotonic() + 3_000
      while (machineClock.monotonic() < endMs);
    })
    tell({ word: 'went on' })
  },

  /** The same once there is a file beside the folder; makes another one when it has the lock. */
  async 'busy-when-told'() {
    const environment = await acquireEnvironment(folder, machineClock)
    tell({ word: 'open' })
    while (!existsSync(`${folder}-go`)) await sleep(machineClock, 1)
    await environment.root.transaction(() => {
      writeFileSync(`${folder}-inside`, '')
      const endMs = machineClock.monotonic() + 3_000
      while (machineClock.monotonic() < endMs);
    })
    tell({ word: 'went on' })
  },

  /** Holds the lock of writers, with something written, and stands still. */
  async 'stop-inside'() {
    const environment = await acquireEnvironment(folder, machineClock)
    await environment.root.transaction(() => {
      environment.keys.putSync(Buffer.from('torn'), Buffer.from('never committed'))
      process.kill(process.pid, 'SIGSTOP')
    })
    tell({ word: 'went on' })
  },
}

await works[work]()
