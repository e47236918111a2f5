import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ErrorCode } from '../../../src/base/error-codes.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import { neededBytes } from '../../../src/base/lmdb-file.ts'
import { openLmdbStore } from '../../../src/store/lmdb/open.ts'
import { errorCode } from '../../support/error-code.ts'
import { BreakingDisk, fillDisk, noBreakingDisk, noSmallDisk, SmallDisk } from '../../support/small-disk.ts'
import { makeFolder, makeShort, openStore, startChild } from './support.ts'

const put = (key: string, value: Uint8Array) => ({ then: [{ type: 'put', key, value }] }) as const

/** Far more than opening takes on a busy machine. */
const patienceMs = 100_000

/** Opening is refused without waiting for what never comes, and nothing is written. */
async function refused(folder: string, code: ErrorCode, message?: RegExp): Promise<void> {
  const before = treeOf(folder)
  const start = performance.now()
  await assert.rejects(openLmdbStore({ folder, openTimeoutMs: patienceMs }), (error) => {
    assert.ok(isVertigoError(error), String(error))
    assert.equal(error.code, code)
    if (message !== undefined) assert.match(error.message, message)
    return true
  })
  assert.ok(performance.now() - start < patienceMs / 10)
  assert.deepEqual(treeOf(folder), before)
}

function treeOf(path: string): unknown {
  const status = statSync(path, { throwIfNoEntry: false })
  if (status === undefined) return 'nothing'
  if (!status.isDirectory()) return status.size
  return readdirSync(path).map((name) => [name, treeOf(join(path, name))])
}

test('a folder with something else in it is refused', async (t) => {
  const folder = makeFolder(t)
  mkdirSync(folder)
  writeFileSync(join(folder, 'letter.txt'), 'Dear reader')
  await refused(folder, 'STORE_FOREIGN', /no store of Vertigo/)
  await refused(join(folder, 'letter.txt'), 'STORE_FOREIGN')
})

test('a marker that says something else is refused', async (t) => {
  const folder = makeFolder(t)
  mkdirSync(folder)
  writeFileSync(join(folder, 'vertigo-store.json'), '{"vertigo":"snapshots","format":1}')
  await refused(folder, 'STORE_FOREIGN')
  writeFileSync(join(folder, 'vertigo-store.json'), '{"vertigo":"store","format":2}')
  await refused(folder, 'STORE_FORMAT_NEWER', /format 2/)
  writeFileSync(join(folder, 'vertigo-store.json'), '{"vertigo":')
  await refused(folder, 'STORE_CORRUPT', /vertigo-store\.json/)
})

test('a folder whose parent is not there is refused, and so is one that cannot be written to', async (t) => {
  const folder = makeFolder(t)
  await refused(join(folder, 'deeper'), 'STORE_PLACE_UNFIT')
  // Nobody may make folders in /proc, whoever they are.
  await refused('/proc/vertigo-store', 'STORE_PLACE_UNFIT')
  symlinkSync('/proc/self', folder)
  await assert.rejects(openLmdbStore({ folder }), { code: 'STORE_FOREIGN' })
})

test('an empty folder, and one whose marker was being written when its maker died, become stores', async (t) => {
  const folder = makeFolder(t)
  mkdirSync(folder)
  writeFileSync(join(folder, 'vertigo-store.json'), '')
  const store = await openStore(t, folder)
  await store.transact(put('a', Buffer.from('v')))
  assert.match(readFileSync(join(folder, 'vertigo-store.json'), 'utf8'), /"format":1/)
})

test('many processes that open a new store at once all find one', async (t) => {
  const folder = makeFolder(t)
  const children = Array.from({ length: 4 }, () => startChild(t, 'open', folder))
  await Promise.all(children.map((child) => child.hear('open')))
})

/** A store with two values, closed. */
async function makeStore(folder: string): Promise<void> {
  const store = await openLmdbStore({ folder })
  await store.transact(put('good', Buffer.from('a value that is left alone')))
  await store.transact(put('bad', Buffer.from('a value with a name: damaged')))
  await store.close()
}

test('a flipped bit in a value is noticed, and named; the others can be read', async (t) => {
  const folder = makeFolder(t)
  await makeStore(folder)
  const file = join(folder, 'data.mdb')
  const bytes = readFileSync(file)
  for (let at = bytes.indexOf('name: damaged'); at >= 0; at = bytes.indexOf('name: damaged', at + 1))
    bytes[at]! ^= 1
  writeFileSync(file, bytes)
  const store = await openStore(t, folder)
  await assert.rejects(store.get('bad'), { code: 'STORE_CORRUPT', message: /keys\/bad/ })
  await assert.rejects(store.range(''), { code: 'STORE_CORRUPT', message: /keys\/bad/ })
  assert.equal((await store.get('good')).entry?.version, 1)
  // A transaction that meets it fails alone.
  const [met, other] = await Promise.allSettled([
    store.transact({
      then: [
        { type: 'put', key: 'new', value: Buffer.from('v') },
        { type: 'get', key: 'bad' },
      ],
    }),
    store.transact(put('other', Buffer.from('v'))),
  ])
  assert.equal(met.status === 'rejected' && isVertigoError(met.reason) && met.reason.code, 'STORE_CORRUPT')
  assert.equal(other.status, 'fulfilled')
  assert.equal((await store.get('new')).entry, undefined)
  assert.equal((await store.get('other')).entry?.version, 1)
  await assert.rejects(
    (async () => {
      for await (const batch of store.watch('', { fromRevision: 2 })) assert.notEqual(batch.revision, 3)
    })(),
    { code: 'STORE_CORRUPT', message: /history\/3/ },
  )
})

test('a database that is not one, or was cut off, is refused before it is mapped', async (t) => {
  const folder = makeFolder(t)
  await makeStore(folder)
  const file = join(folder, 'data.mdb')
  const whole = readFileSync(file)
  for (const bytes of [5_000, 8_192, 4 * 4_096, neededBytes(whole) - 4_096]) {
    truncateSync(file, bytes)
    await refused(folder, 'STORE_CORRUPT', /data\.mdb/)
    writeFileSync(file, whole)
  }
  writeFileSync(file, Buffer.alloc(whole.length, 'A'))
  await refused(folder, 'STORE_CORRUPT', /data\.mdb/)
})

test('a database of which the end is missing is refused, and does not end the process', async (t) => {
  const folder = makeFolder(t)
  const store = await openLmdbStore({ folder })
  for (let index = 0; index < 50; index++) await store.transact(put(`k/${index}`, Buffer.alloc(10_000)))
  await store.transact(put('k/0', Buffer.from('v')))
  await store.close()
  const file = join(folder, 'data.mdb')
  truncateSync(file, neededBytes(readFileSync(file)) - 8 * 4_096)
  await refused(folder, 'STORE_CORRUPT', /cut off/)
})

test('a file that ends before its last page, because that was never written, is none that was cut off', async (t) => {
  const folder = makeFolder(t)
  await makeShort(folder)
  await (await openStore(t, folder)).transact(put('a', Buffer.from('v')))
})

test('many large values at once go into several commits', async (t) => {
  const store = await openStore(t, makeFolder(t))
  const value = Buffer.alloc(1_000_000, 'x')
  await Promise.all(Array.from({ length: 40 }, (_, index) => store.transact(put(`large/${index}`, value))))
  const { entries } = await store.range('large/')
  assert.equal(entries.length, 40)
  assert.ok(entries.every((entry) => Buffer.compare(entry.value, value) === 0))
})

test('a store that is full says so, takes nothing in, and goes on when there is room again', async (t) => {
  const store = await openStore(t, makeFolder(t), { liveBytesMax: 10_000 })
  await store.transact(put('a', Buffer.alloc(6_000)))
  await assert.rejects(store.transact(put('b', Buffer.alloc(6_000))), { code: 'STORE_FULL' })
  assert.equal((await store.range('')).entries.length, 1)
  await store.transact(put('a', Buffer.alloc(9_000)))
  await store.transact({ then: [{ type: 'delete', key: 'a' }] })
  await store.transact(put('b', Buffer.alloc(6_000)))
})

test('a disk that is full: a clear error, nothing written, and on it goes when there is room', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-store-'))
  try {
    // 6 MB of memory as a disk.
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    rmdirSync(folder)
    t.skip('mounting a small disk needs root')
    return
  }
  const store = await openLmdbStore({ folder })
  try {
    await store.transact(put('a', Buffer.from('v')))
    const ballast = join(folder, 'processes', 'ballast')
    writeFileSync(ballast, Buffer.alloc(3_000_000))
    const { revision } = await store.get('a')
    const start = performance.now()
    await assert.rejects(store.transact(put('b', Buffer.alloc(1_000_000))), { code: 'STORE_FULL' })
    assert.ok(performance.now() - start < 1_000)
    assert.deepEqual(await store.get('b'), { entry: undefined, revision })
    truncateSync(ballast, 0)
    await store.transact(put('b', Buffer.alloc(500_000)))
  } finally {
    await store.close()
    execFileSync('umount', ['-l', folder])
    rmdirSync(folder)
  }
})

test(
  'a store on a disk that is full, or nearly, is refused, and ends no process',
  { skip: noSmallDisk },
  async (t) => {
    const disk = new SmallDisk(t)
    let opened = 0
    // LMDB's own answer to some of them is a signal.
    for (let pages = 0; pages < 120; pages += pages < 40 ? 1 : 10) {
      const empty = fillDisk(disk.folder, pages)
      const folder = join(disk.folder, 'store')
      try {
        await (await openLmdbStore({ folder })).close()
        opened++
      } catch (error) {
        assert.ok(isVertigoError(error) && error.code === 'STORE_FULL', String(error))
      }
      rmSync(folder, { recursive: true, force: true })
      empty()
    }
    assert.ok(opened > 0 && opened < 48, `${opened} were opened`)
  },
)

test(
  'SR-1, SR-3, SR-4: where the disk is full, what puts is refused, what renews and deletes goes on; read-only, all is refused, by name',
  { skip: noBreakingDisk },
  async (t) => {
    const disk = new BreakingDisk(t)
    const store = await openLmdbStore({ folder: join(disk.folder, 'store') })
    t.after(() => store.close())
    const { lease } = await store.grant(60_000)
    await store.transact(put('a', Buffer.from('v')))
    const large = ['large/0', 'large/1', 'large/2']
    for (const key of large) await store.transact(put(key, Buffer.alloc(400_000)))
    const empty = fillDisk(disk.folder)
    for (let n = 0; ; n++) {
      const code = await errorCode(store.transact(put(`b/${n}`, Buffer.alloc(3_000))))
      if (code === 'STORE_FULL') break
      assert.equal(code, 'no error')
      assert.ok(n < 2_000)
    }
    for (let n = 0; n < 100; n++) await store.keepAlive(lease)
    await store.transact({ then: [{ type: 'delete', key: 'b/0' }] })
    // SR-4: what they were would not find room in the history.
    await store.transact({ then: large.map((key) => ({ type: 'delete', key })) })
    empty()
    await store.transact(put('c', Buffer.alloc(100_000)))
    disk.break()
    for (let n = 0; n < 20; n++) {
      assert.equal(await errorCode(store.transact(put('d', Buffer.from('v')))), 'STORE_PLACE_UNFIT')
      assert.equal(await errorCode(store.keepAlive(lease)), 'STORE_PLACE_UNFIT')
    }
    assert.equal((await store.get('c')).entry?.value.length, 100_000)
    assert.equal((await store.get('d')).entry, undefined)
  },
)

test('a volume of its own is an empty folder, whatever its file system keeps in it', async (t) => {
  const folder = makeFolder(t)
  mkdirSync(join(folder, 'lost+found'), { recursive: true })
  const store = await openStore(t, folder)
  await store.transact(put('a', Buffer.from('v')))
})
