import assert from 'node:assert/strict'
import { cpSync, renameSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { systemClock } from '../../../src/base/clock.ts'
import { systemRandom } from '../../../src/base/random.ts'
import type { ErrorCode } from '../../../src/base/error-codes.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import { put } from '../../../src/store/operations.ts'
import { LeaseKeeper } from '../../../src/store/recipes/index.ts'
import type { Store } from '../../../src/store/store.ts'
import { openLmdbStore } from '../../../src/store/lmdb/open.ts'
import { eventually } from '../../support/eventually.ts'
import { MovedClock } from '../../support/store/moved-clock.ts'
import { makeFolder, openStore, startChild } from './support.ts'

const value = new Uint8Array([1])

async function refused(call: Promise<unknown>, code: ErrorCode, text: RegExp): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(isVertigoError(error), String(error))
    assert.equal(error.code, code)
    assert.match(error.message, text)
    return true
  })
}

const write = (store: Store): Promise<unknown> => store.transact({ then: [put('key', value)] })

for (const [how, act, text] of [
  ['removed', (folder: string) => rmSync(folder, { recursive: true }), /was removed or moved away/],
  ['moved', (folder: string) => renameSync(folder, `${folder}-elsewhere`), /was removed or moved away/],
  [
    'replaced by a copy',
    (folder: string) => {
      renameSync(folder, `${folder}-before`)
      cpSync(`${folder}-before`, folder, { recursive: true })
    },
    /was replaced by another one/,
  ],
] as const)
  test(`DF-1 whose folder was ${how} writes nothing more, and its leases are lost at once`, async (t) => {
    const folder = makeFolder(t)
    const store = await openStore(t, folder)
    await write(store)
    const leases = new LeaseKeeper(store, { clock: systemClock, random: systemRandom })
    const ttlMs = 600_000
    const lease = await leases.hold({ ttlMs })
    act(folder)
    await refused(write(store), 'STORE_REPLACED', text)
    await refused(store.keepAlive(lease.lease), 'STORE_REPLACED', text)
    // Many at once are all told.
    const many = await Promise.allSettled(Array.from({ length: 20 }, () => write(store)))
    assert.ok(many.every(({ status }) => status === 'rejected'))
    await leases.close()
  })

test('a lease of a store that was removed ends with its next renewal, and says why', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder)
  const clock = new MovedClock()
  const leases = new LeaseKeeper(store, { clock, random: systemRandom })
  const lease = await leases.hold({ ttlMs: 600_000 })
  rmSync(folder, { recursive: true })
  clock.move(201_000)
  await eventually('the lease is lost', () => lease.signal.aborted)
  assert.ok(lease.deadlineMs > clock.monotonic(), 'before its time was over')
  const reason: unknown = lease.signal.reason
  assert.ok(isVertigoError(reason))
  assert.match(reason.message, /was removed or moved away/)
  assert.ok(isVertigoError(reason.cause))
  assert.equal(reason.cause.code, 'STORE_REPLACED')
  await leases.close()
})

test('who has a store open does not take it for one that was made in its place', async (t) => {
  const folder = makeFolder(t)
  const before = await openStore(t, folder)
  await write(before)
  rmSync(folder, { recursive: true })
  // By another process: this one knows the folder as that of the store that it has open.
  const other = startChild(t, 'open', folder)
  await other.hear('open')
  await refused(openLmdbStore({ folder }), 'STORE_REPLACED', /was replaced by another one/)
  await before.close()
  const after = await openStore(t, folder)
  assert.equal((await after.get('key')).entry, undefined)
})
