import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { provideEtcd } from '../../../scripts/servers/etcd.ts'
import { EtcdCluster } from '../../support/etcd-cluster.ts'
import { eventually } from '../../support/eventually.ts'
import { type FaultRun, holderRounds, registerRounds } from './rounds.ts'
import type { TimekeeperOrder, TimekeeperTold } from './timekeeper.ts'

/** The wall clock of every process of a store jumps by up to an hour, several times a second. */

/** For a machine and a disk that stand still, and for etcd's whole seconds; an hour, which clocks jump by, it is not. */
const lateMsMax = 60_000
/** Twice what a busy machine lets a process wait for. */
const heldTtlMs = 10_000
const jumping = (seed: number): string =>
  `--import=${new URL('../../support/jumping-clock.ts', import.meta.url).href}?seed=${seed}`

const provided = await provideEtcd('distribution')

interface Subject {
  readonly name: string
  readonly skip: string | false
  readonly ttlMs: number
  readonly url: () => Promise<string>
}

const home = mkdtempSync(join(tmpdir(), 'vertigo-clocks-'))
after(() => rmSync(home, { recursive: true, force: true }))
let starting: Promise<EtcdCluster> | undefined
after(async () => (await starting)?.stop())
let stores = 0

const subjects: readonly Subject[] = [
  { name: 'a folder', skip: false, ttlMs: 400, url: async () => `lmdb:${home}/${++stores}` },
  {
    name: 'etcd',
    skip: 'missing' in provided ? provided.missing : false,
    ttlMs: 1_000,
    url: async () => {
      assert.ok('path' in provided)
      starting ??= EtcdCluster.start({ path: provided.path })
      return `etcd://${(await starting).endpoints.join(',')}/clocks-${++stores}`
    },
  },
]

for (const { name, skip, ttlMs, url } of subjects)
  describe(`wall clocks that jump, over ${name}`, { skip, concurrency: 2 }, () => {
    test('a lease is held for as long as it is kept alive, and lasts its time after that', async (t) => {
      const ttlMs = heldTtlMs
      const order = { url: await url(), ttlMs }
      const observer = await startTimekeeper(t, { ...order, work: 'observe' }, 1)
      const holder = await startTimekeeper(t, { ...order, work: 'hold' }, 2)
      await eventually('the lease is held', () => holder.of('held').length > 0)
      await eventually(
        'it was kept alive for a while',
        () => {
          const held = holder.of('held')
          return holder.of('lost').length > 0 || held.at(-1)!.sentAtMs - held[0]!.sentAtMs > ttlMs * 1.2
        },
        lateMsMax,
      )
      await holder.end()
      assert.deepEqual(holder.of('lost'), [])
      const held = holder.of('held')
      const { sentAtMs } = held.at(-1)!
      const wall = held.map(({ wallMs }) => wallMs)
      assert.ok(Math.max(...wall) - Math.min(...wall) > 600_000, 'the wall clock has jumped')
      await eventually('its key goes', () => observer.of('gone').length > 0, ttlMs + lateMsMax)
      const lastedMs = observer.of('gone')[0]!.atMs - sentAtMs
      assert.ok(lastedMs >= ttlMs && lastedMs < ttlMs + lateMsMax, `it lasted ${lastedMs} ms`)
    })

    test('entries with a time to live last that long', async (t) => {
      const order = { url: await url(), ttlMs }
      const observer = await startTimekeeper(t, { ...order, work: 'observe' }, 3)
      const putter = await startTimekeeper(t, { ...order, work: 'put' }, 4)
      // One after the other: how long all of them take is a matter of the disk.
      while (!putter.hasEnded()) {
        const { length } = putter.of('put')
        await eventually(
          'the next is put',
          () => putter.hasEnded() || putter.of('put').length > length,
          lateMsMax,
        )
      }
      const puts = putter.of('put')
      assert.equal(puts.length, 60, `it put ${puts.length}, and ended with ${await putter.exited}`)
      await eventually('all are gone', () => observer.of('gone').length === puts.length, lateMsMax)
      for (const { key, fromMs, toMs } of puts) {
        const { atMs } = observer.of('gone').find((gone) => gone.key === key)!
        assert.ok(atMs - fromMs >= ttlMs, `${key} lasted ${atMs - fromMs} ms`)
        assert.ok(atMs - toMs < ttlMs * 1.5 + lateMsMax, `${key} lasted ${atMs - toMs} ms`)
      }
    })

    const run = async (rounds: number, seed: number): Promise<FaultRun> => ({
      url: await url(),
      actors: 3,
      rounds,
      ttlMs,
      seed,
      execArgv: [jumping(seed)],
      calmMsMax: 500,
    })
    test('an election has one leader at a time', async () =>
      void (await holderRounds(await run(12, 5), 'lead')))
    test('histories are linearizable', async () => void (await registerRounds(await run(12, 6))))
  })

interface Timekeeper {
  of<T extends TimekeeperTold['type']>(type: T): Extract<TimekeeperTold, { type: T }>[]
  hasEnded(): boolean
  /** How. */
  readonly exited: Promise<string>
  end(): Promise<void>
}

async function startTimekeeper(t: TestContext, order: TimekeeperOrder, seed: number): Promise<Timekeeper> {
  const script = fileURLToPath(new URL('timekeeper.ts', import.meta.url))
  const child = fork(script, [JSON.stringify(order)], {
    execArgv: ['--conditions=vertigo-src', jumping(seed)],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const told: TimekeeperTold[] = []
  child.on('message', (message) => told.push(message as TimekeeperTold))
  const exited = once(child, 'exit').then(([code, signal]) => String(signal ?? code))
  const end = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  t.after(end)
  const of: Timekeeper['of'] = (type) =>
    told.filter((one): one is Extract<TimekeeperTold, { type: typeof type }> => one.type === type)
  await eventually(`the process is ready (${order.work})`, () => of('ready').length > 0, lateMsMax)
  // Once all that it has told is here.
  const hasEnded = (): boolean => !child.connected
  return { of, hasEnded, exited, end }
}
