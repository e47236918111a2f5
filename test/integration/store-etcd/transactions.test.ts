import assert from 'node:assert/strict'
import { test } from 'node:test'
import { get, isMissing, isUnchanged, put, remove, removeRange } from '../../../src/store/operations.ts'
import type { Entry, Store } from '../../../src/store/store.ts'
import { errorCode } from '../../support/error-code.ts'
import { eventually } from '../../support/eventually.ts'
import type { FaultProxy } from '../../support/fault-proxy.ts'
import { ownTime } from '../../support/own-time.ts'
import { bytes, newPrefix, open, openThrough, proxyTo, text, withCluster } from './support.ts'

/** Transactions of which the fate is unknown for a while: answers lost, requests late, members stopped. */

await withCluster(
  'transactions of unknown fate',
  { members: 3 },
  (cluster) => {
    async function behindProxy(
      endpoints: readonly string[] = [],
    ): Promise<{ proxy: FaultProxy; store: Store; prefix: string }> {
      const prefix = newPrefix()
      const proxy = await proxyTo(cluster().endpoints[0]!)
      const store = await openThrough(proxy, endpoints, prefix)
      return { proxy, store, prefix }
    }

    const increment = async (store: Store): Promise<void> => {
      for (;;) {
        const { entry } = await store.get('n')
        const { succeeded } = await store.transact(
          {
            compare: [isUnchanged('n', entry)],
            then: [put('n', bytes(String(Number(text(entry?.value) ?? 0) + 1)))],
          },
          { repeat: 'once' },
        )
        if (succeeded) return
      }
    }

    test('`once`: the answer is lost after the request went through; it happens exactly once', async () => {
      const prefix = newPrefix()
      const proxy = await proxyTo(cluster().endpoints[0]!)
      const observer = await open({ endpoints: cluster().endpoints, prefix })
      for (let round = 1; round <= 10; round++) {
        // It goes on at another member; the next round begins at the proxy again.
        const store = await openThrough(proxy, cluster().endpoints.slice(1), prefix)
        proxy.holdAnswers()
        const blind = store.transact(
          { then: [put(`blind-${round}`, bytes('1')), get('warm'), remove(`blind-${round - 1}`)] },
          { repeat: 'once' },
        )
        await eventually('the request went through', async () => (await observer.get(`blind-${round}`)).entry)
        proxy.cut()
        const { succeeded, results, revision } = await blind
        assert.equal(succeeded, true)
        // What was lost is found again as it was.
        assert.equal(results[1]?.type === 'get' && text(results[1].entry?.value), 'up')
        assert.deepEqual(results[2], { type: 'delete', deleted: round === 1 ? 0 : 1 })
        const { entry } = await observer.get(`blind-${round}`)
        assert.equal(entry?.version, 1, 'it was put once')
        assert.equal(entry.modRevision, revision)
      }
    })

    test('`once`: concurrent increments add up while answers are lost over and over', async () => {
      const prefix = newPrefix()
      const proxies = await Promise.all(cluster().endpoints.map((endpoint) => proxyTo(endpoint)))
      const store = await open({ endpoints: proxies.map(({ endpoint }) => endpoint), prefix })
      const observer = await open({ endpoints: cluster().endpoints, prefix })
      const total = 80
      const count = async (): Promise<number> => Number(text((await observer.get('n')).entry?.value) ?? 0)
      const moved = async (from: number): Promise<void> => {
        await eventually(
          `the counter moves on from ${from}`,
          async () => (await count()) > from || from === total,
        )
      }
      let met = 0
      const faults = (async () => {
        for (let seen = 0, round = 0; seen < total; seen = await count(), round++) {
          // The store leaves it for the next one, whose turn is the next.
          const proxy = proxies[round % proxies.length]!
          proxy.holdAnswers()
          await moved(seen)
          // Where it is elsewhere already, nothing is lost.
          if (proxy.connections > 0) met++
          proxy.cut()
        }
      })()
      const worker = async (): Promise<void> => {
        for (let n = 0; n < total / 4; n++) await increment(store)
      }
      await Promise.all([worker(), worker(), worker(), worker(), faults])
      assert.equal(await count(), total)
      assert.ok(met >= 10, `${met} times answers were lost`)
    })

    test('`never`: rejects with STORE_OUTCOME_UNKNOWN, and what was sent does not come later', async () => {
      const { proxy, store, prefix } = await behindProxy(cluster().endpoints.slice(1))
      proxy.holdRequests()
      const sent = store.transact({ then: [put('late', bytes('1'))] })
      const code = errorCode(sent)
      // The connection breaks for the client; what it sent still comes to the server.
      await eventually('the request is in the proxy', () => proxy.heldBytes > 0)
      proxy.cutClients()
      assert.equal(await code, 'STORE_OUTCOME_UNKNOWN')
      const before = (await store.get('late')).entry
      proxy.release()
      const observer = await open({ endpoints: cluster().endpoints, prefix })
      for (let round = 0; round < 20; round++) await observer.transact({ then: [put('tick', bytes('1'))] })
      assert.deepEqual((await observer.get('late')).entry, before)
    })

    test('ST-6: once a later transaction was answered, nothing that was unknown comes any more', async () => {
      const { proxy, store, prefix } = await behindProxy(cluster().endpoints.slice(1))
      const observer = await open({ endpoints: cluster().endpoints, prefix })
      proxy.holdRequests()
      const late = Array.from({ length: 8 }, (_, n) =>
        errorCode(store.transact({ then: [put(`late/${n}`, bytes('1'))] }, { timeoutMs: 400 })),
      )
      assert.deepEqual(new Set(await Promise.all(late)), new Set(['STORE_OUTCOME_UNKNOWN']))
      await store.transact({ then: [put('after', bytes('1'))] })
      const before = (await observer.range('late/')).entries
      proxy.release()
      for (let round = 0; round < 20; round++) await observer.transact({ then: [put('tick', bytes('1'))] })
      assert.deepEqual((await observer.range('late/')).entries, before)
    })

    test('ST-6: what is unknown is settled also where nobody asks for anything any more', async () => {
      const { proxy, store, prefix } = await behindProxy(cluster().endpoints.slice(1))
      const observer = await open({ endpoints: cluster().endpoints, prefix })
      const slots = async (): Promise<number> => {
        const own = {
          key: Buffer.from(`${prefix}\0ops/`).toString('base64'),
          range_end: Buffer.from(`${prefix}\0ops0`).toString('base64'),
        }
        const { kvs = [] } = await (await cluster().leader()).admin('kv/range', own)
        return new Set(kvs.map((kv) => kv.mod_revision)).size - 1
      }
      proxy.holdRequests()
      const sent = store.transact({ then: [put('late', bytes('1'))] }, { timeoutMs: 400 })
      assert.equal(await errorCode(sent), 'STORE_OUTCOME_UNKNOWN')
      await eventually('its slot was changed', async () => (await slots()) === 1)
      proxy.release()
      for (let round = 0; round < 20; round++) await observer.transact({ then: [put('tick', bytes('1'))] })
      assert.equal((await observer.get('late')).entry, undefined)
    })

    test('a transaction that is aborted while its first connection is made rejects with the reason', async () => {
      const proxy = await proxyTo(cluster().endpoints[0]!)
      const store = await open({ endpoints: [proxy.endpoint], prefix: newPrefix() })
      proxy.holdRequests()
      const aborting = new AbortController()
      const sent = errorCode(
        store.transact({ then: [put('x', bytes('1'))] }, { signal: aborting.signal, timeoutMs: 20_000 }),
      )
      aborting.abort(new Error('enough'))
      assert.equal(await sent, 'Error: enough')
    })

    test('`never`: nobody answers within the time', async () => {
      const { proxy, store } = await behindProxy()
      proxy.holdAnswers()
      const startedMs = performance.now()
      const ownMs = await ownTime(async () => {
        const sent = store.transact({ then: [put('x', bytes('1'))] }, { timeoutMs: 700 })
        assert.equal(await errorCode(sent), 'STORE_OUTCOME_UNKNOWN')
      })
      const tookMs = performance.now() - startedMs
      assert.ok(tookMs >= 600 && ownMs < 2_000, `it took ${tookMs} ms`)
      proxy.cut()
    })

    test('`harmless`: an attempt that comes late does not undo what came after it', async () => {
      const { proxy, store, prefix } = await behindProxy(cluster().endpoints.slice(1))
      proxy.holdRequests()
      await store.transact({ then: [put('x', bytes('1'))] }, { repeat: 'harmless' })
      await store.transact({ then: [put('x', bytes('2'))] }, { repeat: 'harmless' })
      proxy.release()
      const observer = await open({ endpoints: cluster().endpoints, prefix })
      for (let round = 0; round < 20; round++) await observer.transact({ then: [put('tick', bytes('1'))] })
      assert.equal(text((await observer.get('x')).entry?.value), '2')
    })

    for (const repeat of ['harmless', 'once'] as const)
      test(`\`${repeat}\`: a member stopped with a request in its hands does nothing with it on waking`, async () => {
        const prefix = newPrefix()
        const follower = await cluster().follower()
        const others = cluster().endpoints.filter((endpoint) => endpoint !== follower.endpoint)
        const store = await open({ endpoints: [follower.endpoint, ...others], prefix })
        await store.transact({ then: [put('x', bytes('0'))] })
        const observer = await open({ endpoints: others, prefix })
        follower.pause()
        let before: Entry | undefined
        try {
          await store.transact({ then: [put('x', bytes('1'))] }, { repeat })
          await store.transact({ then: [put('x', bytes('2'))] }, { repeat: 'once' })
          before = (await observer.get('x')).entry
        } finally {
          follower.resume()
        }
        const direct = await open({ endpoints: [follower.endpoint], prefix })
        for (let round = 0; round < 20; round++) await direct.transact({ then: [put('tick', bytes('1'))] })
        const { entry } = await direct.get('x')
        assert.equal(text(entry?.value), '2')
        assert.equal(entry?.modRevision, before?.modRevision, 'nothing has changed it since')
        // What is harmless may have been done twice before that, where an answer was late.
        if (repeat === 'once') assert.equal(entry?.version, 3)
      })

    test('both branches, with `once`: the outcome that was lost is told', async () => {
      const { proxy, store, prefix } = await behindProxy(cluster().endpoints.slice(1))
      const observer = await open({ endpoints: cluster().endpoints, prefix })
      await store.transact({ then: [put('there', bytes('1')), put('d/1', bytes('')), put('d/2', bytes(''))] })
      proxy.holdAnswers()
      const lost = store.transact(
        {
          compare: [isMissing('there')],
          then: [put('a', bytes('then'))],
          otherwise: [put('a', bytes('otherwise')), removeRange('d/'), get('a')],
        },
        { repeat: 'once' },
      )
      await eventually('it went through', async () => (await observer.get('a')).entry)
      proxy.cut()
      const { succeeded, results } = await lost
      assert.equal(succeeded, false)
      assert.deepEqual(results[1], { type: 'delete-range', deleted: 2 })
      assert.equal(results[2]?.type === 'get' && text(results[2].entry?.value), 'otherwise')
    })

    test('no member can be reached: STORE_UNREACHABLE within the time, nothing written', async () => {
      const { proxy, store } = await behindProxy()
      await proxy.close()
      const tookMs = await ownTime(async () => {
        assert.equal(await errorCode(store.get('x', { timeoutMs: 300 })), 'STORE_UNREACHABLE')
        for (const repeat of ['never', 'harmless', 'once'] as const) {
          const sent = store.transact({ then: [put('x', bytes('1'))] }, { timeoutMs: 300, repeat })
          assert.equal(await errorCode(sent), 'STORE_UNREACHABLE')
        }
      })
      assert.ok(tookMs < 3_000, `it took ${tookMs} ms`)
    })

    test('the records of a client go when it is closed, and never into the data', async () => {
      const prefix = newPrefix()
      const store = await open({ endpoints: cluster().endpoints, prefix })
      await store.transact({ then: [put('a', bytes('1'))] }, { repeat: 'once' })
      const leader = await cluster().leader()
      const own = {
        key: Buffer.from(`${prefix}\0ops/`).toString('base64'),
        range_end: Buffer.from(`${prefix}\0ops0`).toString('base64'),
      }
      assert.notEqual((await leader.admin('kv/range', own)).kvs?.length ?? 0, 0)
      assert.deepEqual(
        (await store.range('')).entries.map(({ key }) => key),
        ['a'],
      )
      assert.deepEqual(await store.leases(), [])
      await store.close()
      assert.equal((await leader.admin('kv/range', own)).kvs?.length ?? 0, 0)
    })

    test('a session whose lease was lost is replaced, and nothing is done twice', async () => {
      const prefix = newPrefix()
      const store = await open({ endpoints: cluster().endpoints, prefix })
      await store.transact({ then: [put('a', bytes('1'))] }, { repeat: 'once' })
      const leader = await cluster().leader()
      const { leases = [] } = (await leader.admin('lease/leases')) as { leases?: { ID: string }[] }
      for (const { ID } of leases) await leader.admin('lease/revoke', { ID })
      for (const repeat of ['never', 'harmless', 'once'] as const) {
        await store.transact({ then: [put('a', bytes('2'))] }, { repeat })
        await store.transact(
          { compare: [isMissing('b')], then: [], otherwise: [put('c', bytes(''))] },
          { repeat },
        )
      }
      assert.equal((await store.get('a')).entry?.version, 4)
      const lost = await store.grant(5_000)
      await store.revoke(lost.lease)
      for (const repeat of ['never', 'harmless', 'once'] as const) {
        const withLost = store.transact({ then: [put('d', bytes(''), lost.lease)] }, { repeat })
        assert.equal(await errorCode(withLost), 'STORE_LEASE_LOST')
      }
    })
  },
  ['distribution', 'current'],
)
