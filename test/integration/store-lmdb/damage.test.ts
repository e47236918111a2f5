import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { machineClock } from '../../../src/base/clock.ts'
import { acquireEnvironment } from '../../../src/store/lmdb/environment.ts'
import { encodeRevision } from '../../../src/store/lmdb/records.ts'
import type { Revision } from '../../../src/store/store.ts'
import { batchesOf, makeFolder, openStore, until } from './support.ts'

const put = (key: string) => ({ then: [{ type: 'put', key, value: Buffer.from('v') }] }) as const

async function openDamageable(t: TestContext) {
  const folder = makeFolder(t)
  const store = await openStore(t, folder)
  const environment = await acquireEnvironment(folder, machineClock)
  t.after(() => environment.release())
  const damage = (revision: Revision): void => {
    const key = encodeRevision(revision)
    const record = Buffer.from(environment.history.get(key)!)
    record[record.length - 1]! ^= 1
    environment.history.putSync(key, record)
  }
  return { store, damage }
}

test('a damaged record of the history fails those who need it, and nobody else', async (t) => {
  const { store, damage } = await openDamageable(t)
  const { revision } = await store.get('a')
  const before = batchesOf(store.watch('', { since: { entries: [], revision } }))
  const heard = before().catch((error: unknown) => error)
  // In the turn in which it is acknowledged: nobody has looked at it yet.
  await store.transact(put('a')).then((result) => damage(result.revision))
  assert.equal(((await heard) as { readonly code?: string }).code, 'STORE_CORRUPT')

  const behind = batchesOf(store.watch('', { since: await store.range('') }))
  const next = behind()
  await store.transact(put('b'))
  assert.deepEqual(
    (await next).events.map(({ key }) => key),
    ['b'],
  )
  const past = batchesOf(store.watch('', { fromRevision: revision + 1 }))
  await assert.rejects(past(), { code: 'STORE_CORRUPT' })
  await store.transact(put('c'))
  assert.deepEqual(
    (await behind()).events.map(({ key }) => key),
    ['c'],
  )
})

test('leases end at their time, whatever has become of the history', async (t) => {
  const { store, damage } = await openDamageable(t)
  const { revision } = await store.get('a')
  const watch = batchesOf(store.watch('', { since: { entries: [], revision } }))
  const failed = watch().catch((error: unknown) => error)
  await store.transact(put('a')).then((result) => damage(result.revision))
  await failed
  const { lease } = await store.grant(200)
  await store.transact({ then: [{ type: 'put', key: 'held', value: Buffer.from('v'), lease }] })
  await until('the lease ends', async () => (await store.get('held')).entry === undefined || undefined)
})
