import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sleep, systemClock } from '../../../src/base/clock.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import * as op from '../../../src/store/operations.ts'
import type { LeaseId } from '../../../src/store/store.ts'
import type { Use } from './subjects.ts'
import { bytes, shownEvents, text, until, Watcher } from './support.ts'

const lost = (error: unknown): boolean => isVertigoError(error) && error.code === 'STORE_LEASE_LOST'

/** ST-5. `ttlMs` is the shortest time to live that the backend has. */
export function leaseTests(use: Use, ttlMs: number): void {
  describe('leases', () => {
    it('end when nobody keeps them alive, and their keys go in one revision', () =>
      use(async (store, fixture) => {
        const watcher = new Watcher(store.watch(''))
        const { lease, ttlMs: granted } = await store.grant(ttlMs)
        assert.ok(granted >= ttlMs)
        const startedMs = systemClock.monotonic()
        await store.transact({
          then: ['a', 'b', 'c']
            .map((key) => op.put(key, bytes('1'), lease))
            .concat(op.put('kept', bytes('1'))),
        })
        assert.equal((await store.get('a')).entry?.lease, lease)
        const other = await fixture.open()
        await until('the keys go with the lease', async () => (await other.get('b')).entry === undefined)
        const livedMs = systemClock.monotonic() - startedMs
        // 50 ms for the clock that was read after the grant.
        assert.ok(livedMs >= granted - 50, `it lived ${livedMs} ms of ${granted}`)
        await until('the watch tells of it', () => watcher.state.size === 1)
        const last = watcher.batches.at(-1)!
        assert.deepEqual(shownEvents(last.events).toSorted(), ['-a', '-b', '-c'])
        assert.equal(new Set(last.events.map(({ revision }) => revision)).size, 1)
        assert.equal(text(last.events[0]?.previous?.value), '1')
        await assert.rejects(store.keepAlive(lease), lost)
        await store.revoke(lease)
        await watcher.close()
      }))

    it('live while they are kept alive', () =>
      use(async (store, fixture) => {
        const other = await fixture.open()
        const { lease, ttlMs: granted } = await store.grant(ttlMs)
        await store.transact({ then: [op.put('a', bytes('1'), lease)] })
        const endMs = systemClock.monotonic() + granted * 2.5
        while (systemClock.monotonic() < endMs) {
          assert.ok((await other.keepAlive(lease)) >= granted)
          await sleep(systemClock, granted / 5)
        }
        assert.equal(text((await store.get('a')).entry?.value), '1')
        await store.revoke(lease)
        assert.equal((await other.get('a')).entry, undefined)
      }))

    it('let go of a key that is put without them, and take over one that is put with them', () =>
      use(async (store) => {
        const one = (await store.grant(60_000)).lease
        const two = (await store.grant(60_000)).lease
        const keys = ['freed', 'moved', 'held', 'gone']
        await store.transact({ then: keys.map((key) => op.put(key, bytes('1'), one)) })
        await store.transact({
          then: [op.put('freed', bytes('2')), op.put('moved', bytes('2'), two), op.remove('gone')],
        })
        const status = (await store.leases()).find(({ lease }) => lease === one)!
        assert.deepEqual(status.keys, ['held'])
        assert.ok(status.remainingMs > 0 && status.remainingMs <= status.ttlMs)
        await store.revoke(one)
        assert.deepEqual(
          (await store.range('')).entries.map(({ key }) => key),
          ['freed', 'moved'],
        )
        await store.revoke(two)
        assert.deepEqual(
          (await store.range('')).entries.map(({ key }) => key),
          ['freed'],
        )
        assert.deepEqual(await store.leases(), [])
      }))

    it('that are not there refuse a transaction as a whole', () =>
      use(async (store) => {
        const { lease } = await store.grant(60_000)
        await store.revoke(lease)
        const tx = { then: [op.put('a', bytes('1')), op.put('b', bytes('1'), lease)] }
        await assert.rejects(store.transact(tx), lost)
        assert.deepEqual((await store.range('')).entries, [])
        await assert.rejects(store.keepAlive('123456789' as LeaseId), lost)
        await assert.rejects(store.grant(1), (error) => isVertigoError(error) && error.code === 'USAGE')
      }))

    it('of a client that closed go on until their time is over', () =>
      use(async (store, fixture) => {
        const client = await fixture.open()
        const { lease } = await client.grant(60_000)
        await client.transact({ then: [op.put('a', bytes('1'), lease)] })
        await client.close()
        assert.equal(text((await store.get('a')).entry?.value), '1')
        await store.keepAlive(lease)
        await store.revoke(lease)
      }))
  })
}
