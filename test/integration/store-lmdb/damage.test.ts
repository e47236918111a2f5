import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { machineClock } from '../../../src/base/clock.ts'
import { acquireEnvironment } from '../../../src/store/lmdb/environment.ts'
import { encodeRevision } from '../../../src/store/lmdb/records.ts'
import type { Revision } from '../../../src/store/store.ts'
import { MovedClock } from '../../support/store/moved-clock.ts'
import { batchesOf, makeFolder, openStore, until } from './support.ts'

const put = (key: string) => ({ then: [{ type: 'put', key, value: Buffer.from('v') }] }) as const

const ttlMs = 600_000

async function openDamageable(t: TestContext, clock = new MovedClock()) {
  const folder = makeFolder(t)
  const store = await openStore(t, folder, { clock })
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
  const clock = new MovedClock()
  const { store, damage } = await openDamageable(t, clock)
  const { revision } = await store.get('a')
  const watch = batchesOf(store.watch('', { since: { entries: [], revision } }))
  const failed = watch().catch((error: unknown) => error)
  await store.transact(put('a')).then((result) => damage(result.revision))
  await failed
  const { lease } = await store.grant(ttlMs)
  await store.transact({ then: [{ type: 'put', key: 'held', value: Buffer.from('v'), lease }] })
  clock.move(ttlMs)
  await until('the lease ends', async () => (await store.get('held')).entry === undefined || undefined)
})

/** A store with a key under a lease of which the record is damaged, and what was reported. */
async function openWithDamagedKey(t: TestContext, key: string) {
  const folder = makeFolder(t)
  const reports: string[] = []
  const clock = new MovedClock()
  const store = await openStore(t, folder, { clock, report: ({ message }) => reports.push(message) })
  const { lease } = await store.grant(ttlMs)
  await store.transact({ then: [{ type: 'put', key, value: Buffer.from('value'), lease }] })
  const environment = await acquireEnvironment(folder, machineClock)
  t.after(() => environment.release())
  const name = Buffer.from(key)
  const record = Buffer.from(environment.keys.get(name)!)
  record[record.length - 1]! ^= 1
  environment.keys.putSync(name, record)
  return { folder, store, lease, clock, reports, environment }
}

test('a damaged record goes with its lease, which is reported, and holds up nobody', async (t) => {
  const { store, clock, reports, environment } = await openWithDamagedKey(t, 'held')
  const deleted = batchesOf(store.watch('held', { since: await store.range('none') }))
  await assert.rejects(store.get('held'), { code: 'STORE_CORRUPT' })
  clock.move(ttlMs)
  const { events } = await deleted()
  assert.deepEqual(
    events.map(({ type, key, previous }) => ({ type, key, previous })),
    [{ type: 'delete', key: 'held', previous: undefined }],
  )
  assert.deepEqual(await store.leases(), [])
  await store.transact(put('other'))
  await until('the damage is reported', () => reports.length > 0 || undefined)
  assert.match(reports.join('\n'), /keys\/held is damaged/)
  assert.deepEqual([...environment.leaseKeys.getKeys({})], [])
})

test('a damaged record can be deleted, and then nothing of it is left', async (t) => {
  const { store, lease, reports } = await openWithDamagedKey(t, 'held')
  await assert.rejects(store.transact(put('held')), { code: 'STORE_CORRUPT' })
  const { results } = await store.transact({ then: [{ type: 'delete', key: 'held' }] })
  assert.deepEqual(results, [{ type: 'delete', deleted: 1 }])
  assert.equal(reports.length, 1)
  // Under no lease: the end of the old one does not touch it.
  await store.transact(put('held'))
  await store.revoke(lease)
  assert.equal(Buffer.from((await store.get('held')).entry!.value).toString(), 'v')
})

test('who asks is told of a damaged record beside the others, and can write in its place what is meant to mend it', async (t) => {
  const { store, lease, reports } = await openWithDamagedKey(t, 'held')
  await store.transact(put('other'))
  await assert.rejects(store.range(''), { code: 'STORE_CORRUPT' })
  const read = await store.range('', { damaged: 'tell' })
  assert.deepEqual(
    read.entries.map(({ key, value, version, damage }) => [key, value.length, version, damage]),
    [
      ['held', 0, 0, 'The record keys/held is damaged: it is not what was written.'],
      ['other', 1, 1, undefined],
    ],
  )
  const missing = { key: 'held', target: 'version', is: '=', than: 0 } as const
  const mending = { type: 'put', key: 'held', value: Buffer.from('new'), mends: true } as const
  // It is not taken for none.
  await assert.rejects(store.transact({ compare: [missing], then: [mending] }), { code: 'STORE_CORRUPT' })
  const heard = batchesOf(store.watch('', { since: read }))
  const next = heard()
  const { revision } = await store.transact({ then: [mending] })
  const { entry } = await store.get('held')
  assert.deepEqual(
    [Buffer.from(entry!.value).toString(), entry!.createRevision, entry!.version, entry!.lease],
    ['new', revision, 1, undefined],
  )
  assert.deepEqual(
    (await next).events.map(({ type, key }) => [type, key]),
    [['put', 'held']],
  )
  await until('the damage is reported', () => reports.length > 0 || undefined)
  await store.revoke(lease)
  assert.ok((await store.get('held')).entry !== undefined, 'the lease of before does not end it')
})

test('a watch that reads by itself tells of a damaged record where that is asked for', async (t) => {
  const { store } = await openWithDamagedKey(t, 'held')
  await assert.rejects(batchesOf(store.watch(''))(), { code: 'STORE_CORRUPT' })
  const { events } = await batchesOf(store.watch('', { damaged: 'tell' }))()
  assert.match(events[0]?.entry?.damage ?? '', /keys\/held is damaged/)
})

test('a store with a damaged lease is opened after a restart of the machine', async (t) => {
  const { folder, store, environment, lease } = await openWithDamagedKey(t, 'held')
  const record = Buffer.from(environment.leases.get(Buffer.from(lease))!)
  record[record.length - 1]! ^= 1
  environment.leases.putSync(Buffer.from(lease), record)
  const restarted = await openStore(t, folder, { boot: 'another', report: () => undefined })
  assert.equal((await restarted.get('held')).entry, undefined)
  await store.transact(put('other'))
})
