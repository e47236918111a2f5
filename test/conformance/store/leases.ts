import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sleep, systemClock } from '../../../src/base/clock.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import * as op from '../../../src/store/operations.ts'
import type { LeaseId, Store } from '../../../src/store/store.ts'
import type { StoreFixture } from './fixture.ts'
import type { Use } from './subjects.ts'
import { bytes, shownEvents, text, until, Watcher } from './support.ts'

const lost = (error: unknown): boolean => isVertigoError(error) && error.code === 'STORE_LEASE_LOST'

/** Of leases whose end is awaited. */
interface LeaseTime {
  readonly ttlMs: number
  monotonic(): number
  pass(ms: number): Promise<void>
}

/** Long, and moved on, where the clock is that of the test. */
function timeOf({ clock }: StoreFixture): LeaseTime {
  if (clock === undefined)
    return {
      // The shortest one of etcd.
      ttlMs: 1_000,
      monotonic: () => systemClock.monotonic(),
      pass: (ms) => sleep(systemClock, ms),
    }
  return {
    ttlMs: 600_000,
    monotonic: () => clock.monotonic(),
    async pass(ms) {
      clock.move(ms)
    },
  }
}

interface KeptLease {
  readonly lease: LeaseId
  readonly ttlMs: number
  /** When the grant, or the last keep-alive that was answered, was sent. */
  sentAtMs: number
}

const triesMax = 10

/**
 * Grants a lease, and gives it when `act` is done. What fails when the time of the lease is over by rights, for the machine stood still,
 * says nothing of the store: it is done anew with another one.
 */
async function withLease(
  store: Store,
  time: LeaseTime,
  act: (kept: KeptLease) => Promise<void>,
): Promise<KeptLease> {
  for (let tries = 1; ; tries++) {
    const sentAtMs = time.monotonic()
    const kept = { ...(await store.grant(time.ttlMs)), sentAtMs }
    try {
      await act(kept)
      return kept
    } catch (error) {
      if (time.monotonic() - kept.sentAtMs < kept.ttlMs || tries === triesMax) throw error
    }
  }
}

/** ST-5. */
export function leaseTests(use: Use): void {
  describe('leases', () => {
    it('end when nobody keeps them alive, and their keys go in one revision', () =>
      use(async (store, fixture) => {
        const watcher = new Watcher(store.watch(''))
        const time = timeOf(fixture)
        const other = await fixture.open()
        const kept = await withLease(store, time, async ({ lease, ttlMs }) => {
          assert.ok(ttlMs >= time.ttlMs)
          await store.transact({
            then: ['a', 'b', 'c']
              .map((key) => op.put(key, bytes('1'), lease))
              .concat(op.put('kept', bytes('1'))),
          })
          if (fixture.clock !== undefined) await time.pass(ttlMs * 0.9)
          assert.equal((await store.get('a')).entry?.lease, lease)
          assert.equal((await other.get('b')).entry?.lease, lease)
        })
        if (fixture.clock !== undefined) await time.pass(kept.ttlMs * 0.1)
        await until('the keys go with the lease', async () => (await other.get('b')).entry === undefined)
        const livedMs = time.monotonic() - kept.sentAtMs
        assert.ok(livedMs >= kept.ttlMs, `it lived ${livedMs} ms of ${kept.ttlMs}`)
        await until('the watch tells of it', () => watcher.state.size === 1)
        const last = watcher.batches.at(-1)!
        assert.deepEqual(shownEvents(last.events).toSorted(), ['-a', '-b', '-c'])
        assert.equal(new Set(last.events.map(({ revision }) => revision)).size, 1)
        assert.equal(text(last.events[0]?.previous?.value), '1')
        await assert.rejects(store.keepAlive(kept.lease), lost)
        await store.revoke(kept.lease)
        await watcher.close()
      }))

    it('live while they are kept alive', () =>
      use(async (store, fixture) => {
        const other = await fixture.open()
        const time = timeOf(fixture)
        const { lease } = await withLease(store, time, async (kept) => {
          await store.transact({ then: [op.put('a', bytes('1'), kept.lease)] })
          const endMs = time.monotonic() + kept.ttlMs * 2.5
          while (time.monotonic() < endMs) {
            const sentAtMs = time.monotonic()
            assert.ok((await other.keepAlive(kept.lease)) >= kept.ttlMs)
            kept.sentAtMs = sentAtMs
            await time.pass(kept.ttlMs / 5)
          }
          assert.equal(text((await store.get('a')).entry?.value), '1')
        })
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
