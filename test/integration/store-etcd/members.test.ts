import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { provideEtcd } from '../../../scripts/servers/etcd.ts'
import { sleep, systemClock } from '../../../src/base/clock.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { put } from '../../../src/store/operations.ts'
import { LeaseKeeper } from '../../../src/store/recipes/lease-keeper.ts'
import type { LeaseId, Store } from '../../../src/store/store.ts'
import { EtcdCluster } from '../../support/etcd-cluster.ts'
import { errorCode } from '../../support/error-code.ts'
import { eventually, Hopeless, within } from '../../support/eventually.ts'
import { HostNetwork, namespacesMissing } from '../../support/namespaces.ts'
import { ownTime, Standstill } from '../../support/own-time.ts'
import { bytes, newPrefix, open, proxyTo, text, withCluster } from './support.ts'

/** Members that die, hang or are cut off; leases; the end of the process. */

await withCluster(
  'members and leases',
  { members: 3 },
  (cluster) => {
    test('the leader is killed: the next transaction succeeds soon', async () => {
      const store = await open({ endpoints: cluster().endpoints, prefix: newPrefix() })
      const tookMs: number[] = []
      for (let round = 0; round < 5; round++) {
        await store.transact({ then: [put('a', bytes('1'))] })
        const leader = await cluster().leader()
        await leader.kill()
        const startedMs = performance.now()
        await store.transact({ then: [put('a', bytes('2'))] }, { repeat: 'once' })
        tookMs.push(performance.now() - startedMs)
        leader.start()
        await eventually('it is back', async () => (await leader.status()).leader !== '0')
      }
      // The target, 600 ms in the middle, is measured by the benchmark; a disk may stand still during some of the elections.
      const middleMs = tookMs.toSorted((a, b) => a - b)[2]!
      assert.ok(middleMs < 4_500, `it took ${tookMs.map(Math.round).join(', ')} ms`)
    })

    test('a hung member delays calls only for a moment, an unreachable majority is told of in time', async () => {
      const prefix = newPrefix()
      const own = { endpoints: cluster().endpoints, prefix }
      // Each asks the hung one first. The others may have to elect a leader for the first of them.
      const stores = [await open(own), await open(own), await open(own)] as const
      const [store] = stores
      await store.transact({ then: [put('a', bytes('1'))] })
      for (const one of stores) await one.get('a')
      const hung = cluster().members[0]!
      hung.pause()
      try {
        const tookMs: number[] = []
        for (const one of stores) {
          const startedMs = performance.now()
          assert.equal(text((await one.get('a')).entry?.value), '1')
          tookMs.push(performance.now() - startedMs)
        }
        const middleMs = tookMs.toSorted((a, b) => a - b)[1]!
        assert.ok(middleMs < 4_000, `reads beside a hung member took ${tookMs.map(Math.round).join(', ')} ms`)
        const other = cluster().members[1]!
        other.pause()
        try {
          const ownMs = await ownTime(async () =>
            assert.equal(await errorCode(store.get('a', { timeoutMs: 1_000 })), 'STORE_UNREACHABLE'),
          )
          assert.ok(ownMs < 1_500, `it took ${ownMs} ms`)
        } finally {
          other.resume()
        }
      } finally {
        hung.resume()
      }
      assert.equal(text((await store.get('a')).entry?.value), '1')
    })

    test('leases: whole seconds, at least one; keys go with them; one that is unknown is lost', async () => {
      const store = await open({ endpoints: cluster().endpoints, prefix: newPrefix() })
      const long = await store.grant(59_001)
      assert.equal(long.ttlMs, 60_000)
      await store.transact({ then: [put('long', bytes('1'), long.lease)] })
      assert.equal((await store.get('long')).entry?.lease, long.lease)
      const mine = (await store.leases()).find(({ lease }) => lease === long.lease)
      assert.deepEqual([mine?.ttlMs, mine?.keys], [60_000, ['long']])
      const short = await withKey(store, 'short')
      await eventually('the lease ends', async () => (await store.get('short')).entry === undefined)
      assert.equal((await store.get('long')).entry?.lease, long.lease, 'the other one goes on')
      assert.equal(await errorCode(store.keepAlive(short)), 'STORE_LEASE_LOST')
      assert.equal(await errorCode(store.keepAlive('nonsense' as LeaseId)), 'STORE_LEASE_LOST')
      await store.revoke(short)
      await store.revoke(long.lease)
      assert.equal((await store.get('long')).entry, undefined)
    })

    /** A lease of the least time with this key. Another one where that time was over before the key was there. */
    async function withKey(store: Store, key: string): Promise<LeaseId> {
      for (;;) {
        const startedMs = performance.now()
        const { lease, ttlMs } = await store.grant(100)
        assert.equal(ttlMs, 1_000)
        const code = await errorCode(store.transact({ then: [put(key, bytes('1'), lease)] }))
        if (code === 'no error') return lease
        assert.equal(code, 'STORE_LEASE_LOST')
        assert.ok(performance.now() - startedMs > ttlMs, 'a lease lasts its time')
      }
    }

    test('LH-6: a lease is held over a line on which each answer takes a fifth of its time', async () => {
      const [ttlMs, delayMs] = [2_000, 400]
      const proxy = await proxyTo(cluster().endpoints[0]!)
      const prefix = newPrefix()
      const store = await open({ endpoints: [proxy.endpoint], prefix })
      const beside = await open({ endpoints: [cluster().endpoints[0]!], prefix })
      const { lease } = await beside.grant(60_000)
      const keeper = new LeaseKeeper(store, { clock: systemClock, random: seededRandom(1) })
      /** Whether it is held for longer than it would be if nothing were answered; and how long the machine let others wait meanwhile. */
      const hold = async (): Promise<{ readonly isHeld: boolean; readonly lostMs: number }> => {
        proxy.answerDelayMs = delayMs
        const standstill = new Standstill()
        let longestMs = 0
        const holder = await keeper.hold({ ttlMs })
        const startMs = performance.now()
        while (holder.isHeld() && performance.now() < startMs + ttlMs * 3) {
          const askedMs = performance.now()
          await beside.keepAlive(lease)
          longestMs = Math.max(longestMs, performance.now() - askedMs)
          await sleep(systemClock, 10)
        }
        standstill.end()
        const isHeld = holder.isHeld()
        proxy.answerDelayMs = 0
        await holder.close()
        return { isHeld, lostMs: Math.max(longestMs, standstill.longestMs) }
      }
      await eventually(
        'it is held',
        async () => {
          const { isHeld, lostMs } = await hold()
          // What another one waits for is no fault of the line.
          if (!isHeld && lostMs < ttlMs / 10)
            throw new Hopeless(`it was lost, and others waited ${lostMs} ms`)
          return isHeld
        },
        120_000,
      )
      await keeper.close()
    })

    test('EK-1: answers belong to the oldest requests, each to its lease', async () => {
      const proxy = await proxyTo(cluster().endpoints[0]!)
      const store = await open({ endpoints: [proxy.endpoint], prefix: newPrefix() })
      const [short, long] = [await store.grant(20_000), await store.grant(30_000)]
      await store.keepAlive(short.lease)
      proxy.holdAnswers()
      // Whoever waits for the first gives up; its answer comes all the same, and is not the second one's.
      const first = errorCode(store.keepAlive(short.lease, { timeoutMs: 50 }))
      assert.equal(await first, 'STORE_UNREACHABLE')
      const second = store.keepAlive(long.lease, { timeoutMs: 20_000 })
      proxy.release()
      assert.equal(await second, 30_000)
    })

    test('who only looks makes no store of a prefix', async () => {
      const prefix = newPrefix()
      const look = (): Promise<unknown> => open({ endpoints: cluster().endpoints, prefix, create: false })
      assert.equal(await errorCode(look()), 'STORE_NOT_FOUND')
      assert.equal(await errorCode(look()), 'STORE_NOT_FOUND')
      await open({ endpoints: cluster().endpoints, prefix })
      await look()
    })

    test('a thousand leases are kept over one stream, a leader that hangs included', async () => {
      const store = await open({ endpoints: cluster().endpoints, prefix: newPrefix() })
      const grants = await Promise.all(Array.from({ length: 1_000 }, () => store.grant(60_000)))
      const keepAll = (): Promise<number[]> => Promise.all(grants.map(({ lease }) => store.keepAlive(lease)))
      assert.deepEqual(new Set(await keepAll()), new Set([60_000]))
      const leader = await cluster().leader()
      leader.pause()
      try {
        assert.deepEqual(new Set(await keepAll()), new Set([60_000]))
      } finally {
        leader.resume()
      }
    })

    test('what waits when the store is closed is told so', async () => {
      const store = await open({ endpoints: cluster().endpoints, prefix: newPrefix() })
      await store.transact({ then: [put('a', bytes('1'))] })
      for (const member of cluster().members) member.pause()
      try {
        const read = errorCode(store.get('a'))
        const write = errorCode(store.transact({ then: [put('a', bytes('2'))] }))
        const aborting = new AbortController()
        const aborted = errorCode(store.get('a', { signal: aborting.signal }))
        aborting.abort(new Error('enough'))
        assert.equal(await within('the abort', 20_000, aborted), 'Error: enough')
        await within('closing', 20_000, store.close())
        assert.equal(await within('the read', 20_000, read), 'STORE_CLOSED')
        assert.match(await within('the write', 20_000, write), /STORE_CLOSED|STORE_OUTCOME_UNKNOWN/)
      } finally {
        for (const member of cluster().members) member.resume()
      }
      assert.equal(await errorCode(store.get('a')), 'STORE_CLOSED')
    })

    test('a process that has closed its store ends by itself, also where a member hangs', async () => {
      const hung = await cluster().follower()
      for (const isHung of [false, true]) {
        if (isHung) hung.pause()
        const endpoints = isHung ? [hung.endpoint, ...cluster().endpoints] : cluster().endpoints
        const program = new URL('../../fixtures/store-etcd/open-and-close.ts', import.meta.url)
        const child = spawn(
          process.execPath,
          ['--conditions=vertigo-src', program.pathname, JSON.stringify(endpoints)],
          { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
        )
        try {
          const exited = once(child, 'exit')
          await within('it closes its store', 60_000, once(child, 'message'))
          const [code] = (await within('the process ends', 20_000, exited)) as [number | null]
          assert.equal(code, 0)
        } finally {
          child.kill('SIGKILL')
          hung.resume()
        }
      }
    })
  },
  ['distribution', 'current'],
)

const provided = await provideEtcd('distribution')
const reason = ('missing' in provided ? provided.missing : namespacesMissing()) ?? false
describe('partitions', { skip: reason }, () => {
  let network: HostNetwork
  let cluster: EtcdCluster
  before(async () => {
    assert.ok('path' in provided)
    network = await HostNetwork.create(3)
    cluster = await EtcdCluster.start({ path: provided.path, members: 3, hosts: network.hosts })
  })
  after(async () => {
    await cluster?.stop()
    await network?.remove()
  })

  test('a member is cut off, from all or from the others only: calls and watches go on elsewhere', async () => {
    const store = await open({ endpoints: cluster.endpoints })
    const seen: string[] = []
    const watch = store.watch('k')
    const following = (async () => {
      for await (const { events } of watch) for (const { entry } of events) seen.push(text(entry?.value)!)
    })()
    let n = 0
    const write = async (): Promise<void> => {
      n++
      const value = String(n)
      await store.transact({ then: [put('k', bytes(value))] }, { repeat: 'once' })
      await eventually(`the watch hears ${value}`, () => seen.includes(value), 60_000)
    }
    await write()
    for (const scope of ['all', 'members'] as const)
      for (const which of ['leader', 'follower'] as const) {
        const victim = cluster.members.indexOf(await cluster[which]())
        const peers = network.hosts.filter((_, index) => index !== victim).map(({ address }) => address)
        await network.cut(victim, scope === 'all' ? {} : { from: peers })
        await write()
        await write()
        await network.heal(victim)
        await write()
      }
    assert.deepEqual(
      seen,
      Array.from({ length: n }, (_, i) => String(i + 1)),
    )
    watch.close()
    await following
    await store.close()
  })

  test('a store that was opened at a host which swallows everything is let go at once', async () => {
    await network.cut(0)
    const tookMs = await ownTime(async () => {
      const opening = open({ endpoints: [cluster.endpoints[0]!], timeoutMs: 500 })
      assert.equal(await errorCode(opening), 'STORE_UNREACHABLE')
    })
    assert.ok(tookMs < 1_500, `it took ${tookMs} ms`)
    const isConnecting = (): boolean => process.getActiveResourcesInfo().includes('TCPConnectWrap')
    await eventually('no connection is being made', () => !isConnecting())
    await network.heal(0)
  })
})
