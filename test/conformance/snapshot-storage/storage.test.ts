import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import { allNames } from '../../../src/snapshot/storage/checked-storage.ts'
import { pieceBytesMax } from '../../../src/snapshot/storage/object-format.ts'
import { partBytes } from '../../../src/snapshot/storage/s3/s3-backend.ts'
import type { GetOptions, SnapshotStorage } from '../../../src/snapshot/storage/storage.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { errorCode } from '../../support/error-code.ts'
import { within } from '../../support/eventually.ts'
import { type StorageFixture, type StorageSubject, subjects } from './subjects.ts'

/** One suite for every backend of the storage of snapshots; the numbers SS-1 to SS-5 are those of `storage.ts`. */
for (const subject of subjects)
  describe(`storage of snapshots: ${subject.name}`, () => {
    if (subject.missing !== undefined)
      it('keeps what a storage promises', { skip: subject.missing }, () => undefined)
    else storageTests(subject)
  })

function storageTests(subject: StorageSubject): void {
  const use = (test: (fixture: StorageFixture) => Promise<void>) => async (): Promise<void> => {
    const fixture = await subject.make()
    try {
      await test(fixture)
    } finally {
      await fixture.close()
    }
  }

  it(
    'gives what was put, of any length, and tells its length and checksum',
    use(async ({ storage, open }) => {
      const other = await open()
      const random = seededRandom(7)
      for (const length of [
        0,
        1,
        1_000,
        pieceBytesMax - 1,
        pieceBytesMax,
        pieceBytesMax + 1,
        3 * pieceBytesMax,
      ]) {
        const content = Buffer.from(Array.from({ length }, () => random.int(256)))
        const stored = await storage.put('a/b/object', content)
        assert.deepEqual(stored, { bytes: length, checksum: crc32(content) })
        assert.deepEqual(await contentOf(other, 'a/b/object'), content)
      }
    }),
  )

  it(
    'takes and gives large objects as streams, in several parts',
    use(async ({ storage }) => {
      const count = Math.ceil((partBytes * 2.3) / 100_000)
      const pieces = async function* (): AsyncGenerator<Uint8Array> {
        for (let number = 0; number < count; number++) yield Buffer.alloc(100_000, number % 251)
      }
      const { bytes } = await storage.put('large', pieces())
      assert.equal(bytes, count * 100_000)
      let read = 0
      for await (const piece of storage.get('large')) {
        for (let at = 0; at < piece.length; at += 5_000)
          assert.equal(piece[at], Math.floor((read + at) / 100_000) % 251)
        read += piece.length
      }
      assert.equal(read, bytes)
      assert.deepEqual((await storage.page('')).names, ['large'])
    }),
  )

  it(
    'SS-1: replaces an object whole; one whose content fails leaves the old one, and nothing else',
    use(async ({ storage }) => {
      await storage.put('x/one', Buffer.from('old'))
      await storage.put('x/one', Buffer.from('new'))
      const failing = async function* (): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(partBytes + 10)
        throw new Error('the content failed')
      }
      await assert.rejects(storage.put('x/one', failing()), /the content failed/)
      await assert.rejects(storage.put('x/two', failing()), /the content failed/)
      assert.equal((await contentOf(storage, 'x/one')).toString(), 'new')
      assert.deepEqual((await storage.page('')).names, ['x/one'])
    }),
  )

  it(
    'SS-3: with ifAbsent one of many who put the same name succeeds',
    use(async ({ storage, open }) => {
      const other = await open()
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          errorCode(
            (index % 2 === 0 ? storage : other).put('n', Buffer.from(`of ${index}`), { ifAbsent: true }),
          ),
        ),
      )
      const successes = answers.flatMap((answer, index) => (answer === 'no error' ? [index] : []))
      assert.equal(successes.length, 1, answers.join())
      assert.deepEqual([...new Set(answers)].toSorted(), ['SNAPSHOT_FILE_EXISTS', 'no error'])
      assert.equal((await contentOf(storage, 'n')).toString(), `of ${successes[0]}`)
    }),
  )

  it(
    'says what is missing; deleting it again is harmless',
    use(async ({ storage }) => {
      assert.equal(await errorCode(contentOf(storage, 'not/there')), 'SNAPSHOT_FILE_MISSING')
      await storage.put('not/there', Buffer.from('now'))
      assert.equal(await errorCode(contentOf(storage, 'not')), 'SNAPSHOT_FILE_MISSING')
      await storage.delete(['not/there', 'not/there', 'never'])
      assert.equal(await errorCode(contentOf(storage, 'not/there')), 'SNAPSHOT_FILE_MISSING')
      assert.deepEqual((await storage.page('')).names, [])
    }),
  )

  it(
    'SS-4: lists in the order of names, by prefix and by pages',
    use(async ({ storage }) => {
      const names = [
        'a',
        'a-b',
        'a.b/c',
        'a/b',
        'a/b-c',
        'a/b/c/d',
        'a0',
        'b/1',
        'b/10',
        'b/2',
        'b/2/3',
        'ba',
        'z_9',
      ]
      for (const name of names.toReversed())
        await storage.put(
          name === 'a/b' || name === 'a' || name === 'b/2' ? `${name}.f` : name,
          Buffer.from(name),
        )
      const all = names
        .map((name) => (name === 'a/b' || name === 'a' || name === 'b/2' ? `${name}.f` : name))
        .toSorted()
      assert.deepEqual((await storage.page('')).names, all)
      for (const prefix of ['a', 'a/', 'a/b', 'b/', 'b/1', 'z_', 'c', 'b/2/3'])
        assert.deepEqual(
          (await storage.page(prefix)).names,
          all.filter((name) => name.startsWith(prefix)),
          prefix,
        )
      for (const after of [...all, 'a/', 'a/b/', 'b', 'b/1/9', '0', 'zz'])
        assert.deepEqual(
          (await storage.page('', { after })).names,
          all.filter((name) => name > after),
          after,
        )
      for (const countMax of [1, 2, 5, 13, 14]) {
        const found: string[] = []
        for await (const name of allNames(storage, '', { countMax })) found.push(name)
        assert.deepEqual(found, all)
      }
      const first = await storage.page('', { countMax: 4 })
      assert.deepEqual(first, { names: all.slice(0, 4), more: true })
    }),
  )

  it(
    'SS-2: each object that was changed, cut off, made longer or exchanged is noticed',
    use(async ({ storage, stored, damage }) => {
      const content = Buffer.from(
        Array.from({ length: pieceBytesMax + 300 }, (_, index) => (index * 7) % 256),
      )
      await storage.put('whole', content)
      const whole = await stored('whole')
      const read = async (bytes: Uint8Array): Promise<string> => {
        await damage('whole', bytes)
        return errorCode(contentOf(storage, 'whole'))
      }
      assert.equal(await read(whole), 'no error')
      const inHeads = (from: number): number[] => Array.from({ length: 30 }, (_, index) => from + index)
      const offsets = [
        ...inHeads(0),
        ...inHeads(16 + 8 + pieceBytesMax - 4),
        ...inHeads(whole.length - 30),
        ...Array.from({ length: 20 }, (_, index) => 40 + index * 13_000),
      ]
      for (const offset of offsets) {
        const flipped = Buffer.from(whole)
        flipped[offset]! ^= 1 << (offset % 8)
        assert.equal(await read(flipped), 'SNAPSHOT_FILE_DAMAGED', `byte ${offset}`)
      }
      for (const length of [
        0,
        1,
        15,
        16,
        20,
        24,
        25,
        pieceBytesMax,
        pieceBytesMax + 24,
        whole.length - 20,
        whole.length - 1,
      ])
        assert.equal(await read(whole.subarray(0, length)), 'SNAPSHOT_FILE_DAMAGED', `${length} bytes`)
      assert.equal(await read(Buffer.concat([whole, Buffer.alloc(1)])), 'SNAPSHOT_FILE_DAMAGED')
      assert.equal(await read(Buffer.concat([whole, whole])), 'SNAPSHOT_FILE_DAMAGED')
      const noted = await storage.put('whole', content)
      const put = await storage.put('other', content)
      assert.deepEqual(put, noted)
      assert.deepEqual(await contentOf(storage, 'whole', { expected: noted }), content)
      // Whole, of the same length, and not the one that was noted.
      await storage.put('whole', Buffer.from(content.toReversed()))
      assert.equal(await errorCode(contentOf(storage, 'whole', { expected: noted })), 'SNAPSHOT_FILE_DAMAGED')
      assert.equal(await read(await stored('other')), 'SNAPSHOT_FILE_DAMAGED')
      const newer = Buffer.from(whole)
      newer.writeUInt32LE(2, 4)
      newer.writeUInt32LE(crc32(newer.subarray(0, 12)), 12)
      assert.equal(await read(newer), 'SNAPSHOT_FORMAT_NEWER')
    }),
  )

  it(
    'SS-5: ends with the reason of the signal, or when the time is over, and leaves nothing',
    use(async ({ storage }) => {
      const never = async function* (started: () => void): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(1_000)
        started()
        await new Promise(() => {})
      }
      const ending = new AbortController()
      const putting = storage.put(
        'x',
        never(() => ending.abort(new Error('enough'))),
        {
          signal: ending.signal,
        },
      )
      await assert.rejects(within('the put ends', 20_000, putting), /enough/)
      assert.equal(await errorCode(contentOf(storage, 'x')), 'SNAPSHOT_FILE_MISSING')
      for (const call of [
        storage.put('x', Buffer.from('x'), { signal: ending.signal }),
        storage.page('', { signal: ending.signal }),
        storage.delete(['x'], { signal: ending.signal }),
        contentOf(storage, 'x', { signal: ending.signal }),
      ])
        await assert.rejects(call, /enough/)

      const timed = errorCode(
        storage.put(
          'x',
          never(() => undefined),
          { timeoutMs: 30 },
        ),
      )
      assert.equal(await within('the put ends', 20_000, timed), 'SNAPSHOT_STORAGE_UNREACHABLE')
      assert.deepEqual((await storage.page('')).names, [])
    }),
  )

  it(
    'refuses names that lead elsewhere',
    use(async ({ storage }) => {
      for (const name of [
        '',
        '/a',
        'a/',
        'a//b',
        '..',
        'a/../b',
        '.hidden',
        'a/.b',
        'a b',
        'a\\b',
        'ä',
        'x'.repeat(600),
      ])
        assert.equal(await errorCode(storage.put(name, Buffer.from('x'))), 'INTERNAL', name)
    }),
  )
}

async function contentOf(storage: SnapshotStorage, name: string, options: GetOptions = {}): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of storage.get(name, options)) pieces.push(piece)
  return Buffer.concat(pieces)
}
