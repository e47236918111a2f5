import { existsSync, writeFileSync } from 'node:fs'
import { open } from 'lmdb'
import { machineClock, sleep } from '../../../src/base/clock.ts'
import { acquireEnvironment, openOptions } from '../../../src/store/lmdb/environment.ts'
import { Claims } from '../../../src/store/lmdb/claims.ts'
import { waitForTurn } from '../../../src/store/lmdb/open-turn.ts'
import { ProcessList } from '../../../src/store/lmdb/processes.ts'
import { TimeLimit } from '../../../src/store/lmdb/time-limit.ts'
import { deadlineMs, heldTtlMs, increment, openPatiently, type Told, type Work } from './support.ts'

/** A process of its own over a store, for tests that stop or end it. `process.argv`: what to do, and the folder. */

const [work, folder] = process.argv.slice(2) as [Work, string]

function tell(told: Told): void {
  process.send?.(told)
}

/** Says for a few seconds that there is time to do it again. */
function often(): () => boolean {
  const endMs = machineClock.monotonic() + 5_000
  return () => machineClock.monotonic() < endMs
}

/** Somebody has said so, by a file beside the folder. */
const isEnough = (): boolean => existsSync(`${folder}-enough`)
/** Far behind what a machine does that stands still. */
const holdMsMax = 40_000

/** At work until somebody says that it is enough. Gives 0 where nobody did, for too long. */
function workOn(): number {
  const endMs = machineClock.monotonic() + holdMsMax
  while (!isEnough()) if (machineClock.monotonic() > endMs) return 0
  return 1
}

const works: Readonly<Record<Work, () => Promise<void>>> = {
  async open() {
    await openPatiently(folder)
    tell({ word: 'open' })
  },

  /** Ends by itself, if nothing is left behind. */
  async 'open-and-close'() {
    const store = await openPatiently(folder)
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

  /** Opens the database very often, under a few claims, until it is enough. */
  async 'open-often'() {
    const claims = new Claims(folder, machineClock)
    const processes = new ProcessList(folder)
    processes.enter()
    while (!isEnough()) {
      claims.place('open')
      await waitForTurn(folder, processes, machineClock, new TimeLimit(machineClock, deadlineMs))
      for (let count = 0; count < 100; count++) await open({ path: folder, ...openOptions }).close()
      claims.withdraw('open')
      await sleep(machineClock, 20)
    }
    processes.leave()
    tell({ word: 'done' })
    process.disconnect?.()
  },

  /** Opens and closes the database very often. */
  async 'reopen-often'() {
    const claims = new Claims(folder, machineClock)
    const patience = { patienceMs: () => deadlineMs }
    for (const until = often(); until();) {
      claims.place('open')
      await claims.untilNone('close', patience)
      const root = open({ path: folder, ...openOptions })
      claims.withdraw('open')
      await claims.whileNobodyOpens(() => root.close(), patience)
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

  /** The same, in the call that opens it. */
  async 'open-inside'() {
    const claims = new Claims(folder, machineClock)
    claims.place('open')
    await claims.inTurn(
      () => {
        tell({ word: 'inside' })
        for (;;);
      },
      { patienceMs: () => deadlineMs },
    )
  },

  async increment() {
    const store = await openPatiently(folder)
    const own = `own/${process.pid}`
    tell({ word: 'open' })
    for (;;) {
      await increment(store, 'shared')
      tell({ word: 'acknowledged', count: await increment(store, own) })
    }
  },

  async 'hold-lease'() {
    const store = await openPatiently(folder)
    const { lease } = await store.grant(heldTtlMs)
    await store.transact({ then: [{ type: 'put', key: 'held', value: Buffer.from('x'), lease }] })
    tell({ word: 'held' })
  },

  async watch() {
    const store = await openPatiently(folder)
    const watch = store.watch('w/')
    tell({ word: 'open' })
    for await (const { events, resynced } of watch) {
      if (resynced) tell({ word: 'watching' })
      for (const event of events) tell({ word: event.key, count: event.revision })
    }
  },

  /** Holds the lock of writers until it is enough, and is at work all the while. */
  async 'busy-inside'() {
    const environment = await acquireEnvironment(folder, machineClock)
    const count = await environment.root.transaction(() => {
      tell({ word: 'inside' })
      return workOn()
    })
    tell({ word: 'went on', count })
  },

  /** The same once there is a file beside the folder; makes another one when it has the lock. */
  async 'busy-when-told'() {
    const environment = await acquireEnvironment(folder, machineClock)
    tell({ word: 'open' })
    while (!existsSync(`${folder}-go`)) await sleep(machineClock, 1)
    const count = await environment.root.transaction(() => {
      writeFileSync(`${folder}-inside`, '')
      return workOn()
    })
    tell({ word: 'went on', count })
  },

  /** Holds the lock of writers, with something written, until it is killed. */
  async 'write-inside'() {
    const environment = await acquireEnvironment(folder, machineClock)
    await environment.root.transaction(() => {
      environment.keys.putSync(Buffer.from('torn'), Buffer.from('never committed'))
      tell({ word: 'inside' })
      const endMs = machineClock.monotonic() + 60_000
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
