import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../../src/base/clock.ts'
import { seededRandom, systemRandom } from '../../../src/base/random.ts'
import { allNames, storageOver } from '../../../src/snapshot/storage/checked-storage.ts'
import { FolderStorageBackend } from '../../../src/snapshot/storage/folder/folder-backend.ts'
import type { SnapshotStorage } from '../../../src/snapshot/storage/storage.ts'
import { errorCode } from '../../support/error-code.ts'
import { eventually } from '../../support/eventually.ts'
import { noSmallDisk, SmallDisk } from '../../support/small-disk.ts'

const script = fileURLToPath(new URL('child.ts', import.meta.url))

function makeFolder(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), 'vertigo-storage-'))
  t.after(() => rmSync(parent, { recursive: true, force: true }))
  return join(parent, 'snapshots')
}

async function openStorage(folder: string): Promise<SnapshotStorage> {
  return storageOver(
    await FolderStorageBackend.open({ folder, clock: systemClock, random: systemRandom }),
    systemClock,
  )
}

async function contentOf(storage: SnapshotStorage, name: string): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of storage.get(name)) pieces.push(piece)
  return Buffer.concat(pieces)
}

test('SS-1: processes killed at any moment leave whole objects only, and what they left is cleaned away', async (t) => {
  const folder = makeFolder(t)
  const seed = Date.now() % 1_000_000
  t.diagnostic(`seed ${seed}`)
  const random = seededRandom(seed)
  const put = new Map<string, number>()
  let leftovers = 0
  for (let round = 0; round < 6; round++) {
    const children = [0, 1].map(() => {
      const child = fork(script, [folder], { execArgv: ['--conditions=vertigo-src'] })
      t.after(() => child.kill('SIGKILL'))
      let count = 0
      child.on('message', (message) => {
        const { number, bytes } = message as { readonly number: number; readonly bytes: number }
        put.set(`of-${child.pid}/${number}`, bytes)
        count = number + 1
      })
      return { child, count: () => count }
    })
    for (const { child, count } of children) {
      const few = 1 + random.int(20)
      await eventually(`a process has put ${few} objects`, () => count() >= few)
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    leftovers += readdirSync(join(folder, '.incoming')).length
  }
  const storage = await openStorage(folder)
  assert.deepEqual(readdirSync(join(folder, '.incoming')), [])
  t.diagnostic(`${leftovers} left behind on the way`)
  const names: string[] = []
  for await (const name of allNames(storage, '')) {
    const content = await contentOf(storage, name)
    assert.ok(
      content.every((byte) => byte === content[0]),
      name,
    )
    if (put.has(name)) assert.equal(content.length, put.get(name))
    names.push(name)
  }
  for (const name of put.keys()) assert.ok(names.includes(name), `${name} was put`)
})

test('what another machine is writing is left alone for a day', async (t) => {
  const folder = makeFolder(t)
  await openStorage(folder)
  const incoming = join(folder, '.incoming')
  const young = join(incoming, 'another-boot.4026.17.99.abc.part')
  const old = join(incoming, 'another-boot.4026.17.99.def.part')
  writeFileSync(young, 'x')
  writeFileSync(old, 'x')
  const before = Date.now() / 1000 - 25 * 3600
  utimesSync(old, before, before)
  await openStorage(folder)
  assert.deepEqual(readdirSync(incoming), ['another-boot.4026.17.99.abc.part'])
})

test('puts and deletions of two processes in one folder do not disturb each other', async (t) => {
  const folder = makeFolder(t)
  const one = await openStorage(folder)
  const two = await openStorage(folder)
  const work = async (storage: SnapshotStorage, own: string): Promise<void> => {
    for (let round = 0; round < 40; round++) {
      await storage.put(`deep/er/${own}`, Buffer.from(own))
      await storage.delete([`deep/er/${own}`])
    }
  }
  await Promise.all([work(one, 'a'), work(two, 'b'), work(one, 'c'), work(two, 'd')])
  assert.deepEqual((await one.page('')).names, [])
})

test('a full or read-only disk is told by name, and leaves nothing', { skip: noSmallDisk }, async (t) => {
  const disk = new SmallDisk(t)
  const folder = join(disk.folder, 'snapshots')
  const storage = await openStorage(folder)
  await storage.put('a/small', Buffer.alloc(100_000, 1))
  assert.equal(await errorCode(storage.put('a/large', Buffer.alloc(2_000_000))), 'SNAPSHOT_STORAGE_FULL')
  assert.deepEqual(readdirSync(join(folder, '.incoming')), [])
  await storage.put('a/large', Buffer.alloc(500_000, 2))
  assert.equal((await contentOf(storage, 'a/small')).length, 100_000)

  disk.remount('ro')
  assert.equal(await errorCode(storage.put('a/more', Buffer.alloc(1))), 'SNAPSHOT_STORAGE_UNWRITABLE')
  assert.equal(await errorCode(storage.delete(['a/small'])), 'SNAPSHOT_STORAGE_UNWRITABLE')
  assert.equal(await errorCode(openStorage(folder)), 'SNAPSHOT_STORAGE_UNWRITABLE')
  assert.equal((await contentOf(storage, 'a/large')).length, 500_000)
})
