import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { promises } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { processName } from '../../../src/base/process-name.ts'
import { isVertigoError } from '../../../src/base/errors.ts'
import type { SinkBatch } from '../../../src/component/index.ts'
import { type FilePiece, publishPiece } from '../../../src/connectors/file/published.ts'
import { digestOf } from '../../../src/connectors/file/marks-folder.ts'
import { takeTurn } from '../../../src/connectors/file/turns.ts'
import { HeldCall } from '../../support/held-call.ts'
import { Life, ownWriter, Place, snapshot } from './interleaved-lives.ts'

/** Networks that take a file over from each other, at the moments that matter; all others: `two-networks.test.ts`. */
const otherWriter = 'test/other/out/0'
const use = (): Parameters<typeof publishPiece>[1] => ({
  path: place.path,
  component: 'out',
  field: 'path',
  for: 'writing',
})

let folder: string
let place: Place

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vertigo-turns-'))
  place = new Place({ name: 'a file', parts: false, append: false, before: 'before\n' }, join(folder, 'out'))
  await place.set()
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

/** It is made beside the file, to take its name. */
const isBeside = (path: string): boolean =>
  path.startsWith(join(place.folder, '.out.txt.')) && !path.startsWith(marksFolder())

const marksFolder = (): string => join(place.folder, '.out.txt.marks')

/** Prepares its first piece. */
async function prepared(
  writer: string,
  id: number,
  at = place,
): Promise<{ readonly life: Life; readonly batch: SinkBatch }> {
  const life = await Life.begin(at, undefined, writer)
  return { life, batch: await life.prepare(id, `${writer} ${id}`) }
}

const inUseBy = (writer: string) => (error: unknown) =>
  isVertigoError(error) && error.code === 'TARGET_IN_USE' && error.message.includes(`by ${writer},`)

test('PB-4: one whose staged file was dropped by another network stands still before it makes the file, and does not replace that one’s', async (t) => {
  const one = await prepared(ownWriter, 11)
  await place.removeStaged()
  const late = new HeldCall(t, 'open', (path) => isBeside(String(path)))
  const publishing = one.life.commit(one.batch)
  await late.reached
  const other = await prepared(otherWriter, 5)
  await other.life.commit(other.batch)
  late.release()
  await assert.rejects(publishing, inUseBy(otherWriter))
  assert.equal(await place.seen(), `${otherWriter} 5\n`)
  assert.deepEqual(await place.staged(), [])
})

test('MK-2: two networks that have looked at the same marks have turns of their own', async (t) => {
  const one = await prepared(ownWriter, 11)
  const other = await prepared(otherWriter, 5)
  const late = new HeldCall(t, 'open', (path) => String(path).endsWith('.partial'))
  const publishing = one.life.commit(one.batch)
  await late.reached
  await other.life.commit(other.batch)
  late.release()
  await assert.rejects(publishing, inUseBy(otherWriter))
  assert.equal(await place.seen(), `${otherWriter} 5\n`)
  await other.life.commit(await other.life.prepare(6, 'more'))
  assert.equal(await place.seen(), `${otherWriter} 5\nmore\n`)
})

test('PB-4: one that is late removes nothing that another network has staged, and marked', async (t) => {
  const one = await prepared(ownWriter, 11)
  const other = await prepared(otherWriter, 5)
  const late = new HeldCall(t, 'readdir', (path) => path === place.folder)
  const publishing = one.life.commit(one.batch)
  await late.reached
  const renames = new HeldCall(t, 'rename', (_from, to) => to === place.path)
  const published = other.life.commit(other.batch)
  await renames.reached
  late.release()
  await assert.rejects(publishing, inUseBy(otherWriter))
  renames.release()
  await published
  assert.equal(await place.seen(), `${otherWriter} 5\n`)
})

test('PB-5: a network that appends marks that it begins before it removes what another has staged, which is told', async (t) => {
  const one = await prepared(ownWriter, 11)
  const renames = new HeldCall(t, 'rename', (_from, to) => to === place.path)
  const published = one.life.commit(one.batch)
  await renames.reached
  const appending = new Place({ ...place.way, append: true }, place.folder)
  const other = await prepared(otherWriter, 5, appending)
  const opens = new HeldCall(t, 'open', (path, flags) => path === place.path && typeof flags === 'number')
  const appended = other.life.commit(other.batch)
  await opens.reached
  renames.release()
  await assert.rejects(published, inUseBy(otherWriter))
  opens.release()
  await appended
  assert.equal(await place.seen(), `before\n${otherWriter} 5\n`)
})

test('PB-6: a network that has lost its file is told so, also when it is recovered, and deployed afresh has it back', async () => {
  const one = await prepared(ownWriter, 11)
  await one.life.commit(one.batch)
  const other = await prepared(otherWriter, 5)
  await other.life.commit(other.batch)
  await assert.rejects(one.life.commit(await one.life.prepare(12)), inUseBy(otherWriter))
  const restored = { since: 11, published: snapshot(11), staged: [] }
  await assert.rejects(Life.begin(place, restored), inUseBy(otherWriter))
  const afresh = await prepared(ownWriter, 20)
  await afresh.life.commit(afresh.batch)
  assert.equal(await place.seen(), `${ownWriter} 20\n`)
  await assert.rejects(other.life.commit(await other.life.prepare(6)), inUseBy(ownWriter))
})

test('TU-3: a turn whose claim was removed is not taken again', async (t) => {
  await takeTurn(place.path)
  const late = new HeldCall(t, 'open', (path) => basename(String(path)) === '2.claim')
  const taking = takeTurn(place.path)
  await late.reached
  for (const id of [5, 6]) {
    const other = await prepared(otherWriter, id)
    await other.life.commit(other.batch)
  }
  assert.deepEqual(
    (await readdir(marksFolder())).filter((name) => name.endsWith('.claim')),
    ['3.claim'],
  )
  late.release()
  assert.equal(await taking, 4)
})

test('a first piece that a version of before has prepared takes the turn after the newest, and is refused by none of before', async () => {
  const other = await prepared(otherWriter, 5)
  await other.life.commit(other.batch)
  const staged: FilePiece = { path: place.path, at: 0, text: 'new\n', isFirst: true, replaces: true }
  await publishPiece({ writer: ownWriter, snapshot: snapshot(11), staged }, use())
  assert.equal(await place.seen(), 'new\n')
  await assert.rejects(other.life.commit(await other.life.prepare(6)), inUseBy(ownWriter))
})

test('a first piece that a version of before has staged is renamed, and what such a version has staged for others is removed', async () => {
  const name = `.out.txt.1-11-${digestOf(ownWriter)}.first`
  const path = join(place.folder, name)
  await writeFile(path, 'new\n')
  await writeFile(join(place.folder, `.out.txt.1-40-${digestOf(otherWriter)}.first`), 'old\n')
  const piece = { path: place.path, at: 0, text: 'not read\n', isFirst: true, replaces: true }
  const staged: FilePiece = { ...piece, staged: { path, inode: '0' } }
  await publishPiece({ writer: ownWriter, snapshot: snapshot(11), staged }, use())
  assert.equal(await place.seen(), 'new\n')
  assert.deepEqual(await place.staged(), [])
})

test('PB-5: a piece that is not the first is written after one look at the marks', async (t) => {
  const one = await prepared(ownWriter, 11)
  await one.life.commit(one.batch)
  const next = await one.life.prepare(12, 'more')
  const own = promises.readdir
  const looks: string[] = []
  Object.assign(promises, {
    readdir: async (path: string) => {
      looks.push(path)
      return own(path)
    },
  })
  syncBuiltinESMExports()
  t.after(() => {
    Object.assign(promises, { readdir: own })
    syncBuiltinESMExports()
  })
  await one.life.commit(next)
  // Before it is written; and when it is marked, for those that are older.
  assert.deepEqual(looks, [marksFolder(), marksFolder()])
})

test('MK-5: where the file system has no hard links, marks of first pieces are renamed', async (t) => {
  const own = promises.link
  const link = (): Promise<void> => Promise.reject(Object.assign(new Error('no links'), { code: 'EPERM' }))
  Object.assign(promises, { link })
  syncBuiltinESMExports()
  t.after(() => {
    Object.assign(promises, { link: own })
    syncBuiltinESMExports()
  })
  const one = await prepared(ownWriter, 11)
  await one.life.commit(one.batch)
  await one.life.commit(await one.life.prepare(12, 'more'))
  assert.equal(await place.seen(), `${ownWriter} 11\nmore\n`)
})

test('MK-5: a damaged mark of a first piece is written again', async () => {
  const one = await prepared(ownWriter, 11)
  await one.life.commit(one.batch)
  const name = (await readdir(marksFolder())).find((one) => one.startsWith('1-1-11-'))
  await writeFile(join(marksFolder(), name!), '')
  await rm(join(place.folder, '.out.txt.published'))
  await one.life.commit(one.batch)
  assert.match(await readFile(join(marksFolder(), name!), 'utf8'), /"id":11/)
  assert.equal(await place.seen(), `${ownWriter} 11\n`)
})

test('what dead processes were writing to become marks goes with the first piece of a later life; what others may be writing stays', async () => {
  await mkdir(marksFolder())
  const [boot, namespace] = processName().split('.')
  const dead = `.${boot}.${namespace}.${2 ** 22 + 1}.5.0-1.partial`
  const own = `.${processName()}.0-1000000.partial`
  const unseen = '.another-boot.4026.17.99.0-1.partial'
  const old = '.another-boot.4026.17.99.0-2.partial'
  const ofBefore = '.4711-0-3.partial'
  for (const name of [dead, own, unseen, old, ofBefore]) await writeFile(join(marksFolder(), name), '')
  const dayAgo = Date.now() / 1000 - 25 * 60 * 60
  for (const name of [old, ofBefore]) await utimes(join(marksFolder(), name), dayAgo, dayAgo)
  const one = await prepared(ownWriter, 11)
  await one.life.commit(one.batch)
  const left = (await readdir(marksFolder())).filter((name) => name.endsWith('.partial'))
  assert.deepEqual(left.toSorted(), [own, unseen].toSorted())
})
