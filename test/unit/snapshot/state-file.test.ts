import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mergeStates } from '../../../src/snapshot/merge.ts'
import { encodeState, keyGroupSections, type StateFile } from '../../../src/snapshot/state-file.ts'
import { errorCode } from '../../support/error-code.ts'
import { bytesOf, chunksOf, fileOf, head, type PlainEntry, plainEntries } from './support.ts'

const text = fc.string({ maxLength: 6, unit: 'binary' })
const section = fc.constantFrom(0, 1, 7, 255, 256, 257, 300)
const put = fc.record({
  section,
  kind: fc.constant('put' as const),
  key: fc.constantFrom('a', 'b', 'c', 'ä', ''),
  parts: fc.array(text, { maxLength: 3 }),
})
const change = fc.oneof(
  put,
  fc.record({
    section: section.filter((number) => number < keyGroupSections),
    kind: fc.constant('append' as const),
    key: fc.constantFrom('a', 'b', 'c'),
    parts: fc.array(text, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({
    section: section.filter((number) => number < keyGroupSections),
    kind: fc.constant('delete' as const),
    key: fc.constantFrom('a', 'b', 'c'),
    parts: fc.constant([]),
  }),
)

test('SF-1: gives what was written, in ascending sections', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { maxLength: 60 }),
      fc.integer({ min: 1, max: 500 }),
      async (entries, piece) => {
        const chunks = chunksOf(entries)
        const file = await fileOf(await bytesOf('increment', chunks), piece)
        assert.deepEqual(file.head, head('increment'))
        assert.deepEqual(await plainEntries(file.chunks), await plainEntries(chunks))
      },
    ),
    { numRuns: 150 },
  )
})

test('writes large sections in chunks, and entries that are larger than one', async () => {
  const entries = Array.from({ length: 500 }, (_, index) => ({
    section: 3,
    kind: 'put' as const,
    key: `key ${index}`,
    parts: ['x'.repeat(index === 250 ? 300_000 : 1_000)],
  }))
  const file = await fileOf(await bytesOf('full', chunksOf(entries)), 50_000)
  let chunks = 0
  const read: PlainEntry[] = []
  for await (const chunk of file.chunks) {
    chunks++
    read.push(...(await plainEntries([chunk])))
  }
  assert.deepEqual(read, entries)
  assert.ok(chunks > 5, `${chunks} chunks`)
})

test('refuses to write sections out of order, and changes in a full file', async () => {
  const code = async (kind: 'full' | 'increment', entries: readonly PlainEntry[], isReversed = false) =>
    errorCode(bytesOf(kind, isReversed ? chunksOf(entries).toReversed() : chunksOf(entries)))
  const one = { section: 1, kind: 'put' as const, key: 'a', parts: ['1'] }
  assert.equal(await code('full', [one, { ...one, section: 2 }]), 'no error')
  assert.equal(await code('full', [one, { ...one, section: 2 }], true), 'INTERNAL')
  assert.equal(await code('full', [{ ...one, kind: 'append' }]), 'INTERNAL')
  assert.equal(await code('full', [{ ...one, section: 5_000 }]), 'INTERNAL')
})

test('a file that ends anywhere, has more, is none or is newer is refused by name', async () => {
  const entries = Array.from({ length: 20 }, (_, index) => ({
    section: index,
    kind: 'put' as const,
    key: `key ${index}`,
    parts: ['one', 'two'],
  }))
  const whole = await bytesOf('full', chunksOf(entries))
  const read = async (content: Uint8Array): Promise<string> =>
    errorCode(fileOf(content, 64).then((file) => plainEntries(file.chunks)))
  assert.equal(await read(whole), 'no error')
  for (let length = 0; length < whole.length; length++)
    assert.equal(await read(whole.subarray(0, length)), 'SNAPSHOT_FILE_DAMAGED', `${length} bytes`)
  assert.equal(await read(Buffer.concat([whole, Buffer.alloc(1)])), 'SNAPSHOT_FILE_DAMAGED')
  assert.equal(await read(Buffer.alloc(100)), 'SNAPSHOT_FILE_DAMAGED')
  const newer = Buffer.from(whole)
  newer.writeUInt32LE(9, 4)
  assert.equal(await read(newer), 'SNAPSHOT_FORMAT_NEWER')
})

test('a file of format 1 is read, and none is written that who knows no other would take for his own', async () => {
  const entries = [{ section: 1, kind: 'put' as const, key: 'a', parts: ['1'] }]
  const content = Buffer.from(await bytesOf('full', chunksOf(entries)))
  assert.ok(content.readUInt32LE(4) > 1, 'it is of a later format')
  content.writeUInt32LE(1, 4)
  assert.deepEqual(await plainEntries((await fileOf(content, 64)).chunks), entries)
})

/** What a plain map makes of the same changes. */
function oracle(files: readonly (readonly PlainEntry[])[]): Map<string, string[]> {
  const state = new Map<string, string[]>()
  for (const entries of files) {
    // What is not keyed is whole in each file.
    for (const name of state.keys()) if (Number(name.split(':')[0]) >= keyGroupSections) state.delete(name)
    for (const { section, kind, key, parts } of entries) {
      const name = `${section}:${key}`
      if (kind === 'delete') state.delete(name)
      else state.set(name, kind === 'append' ? [...(state.get(name) ?? []), ...parts] : [...parts])
    }
  }
  return state
}

async function openAll(files: readonly (readonly PlainEntry[])[]): Promise<StateFile[]> {
  return Promise.all(
    files.map(async (entries, index) =>
      fileOf(await bytesOf(index === 0 ? 'full' : 'increment', chunksOf(entries)), 100),
    ),
  )
}

const chain = fc.tuple(
  // Who writes all of a state writes each row once.
  fc.uniqueArray(put, { maxLength: 20, selector: (entry) => `${entry.section}:${entry.key}` }),
  fc.array(fc.array(change, { maxLength: 20 }), { maxLength: 4 }),
)

test('SF-2, SF-3: merged files are what a plain map makes of the same changes', async () => {
  await fc.assert(
    fc.asyncProperty(chain, async ([full, increments]) => {
      const files = [full, ...increments]
      const merged = await plainEntries(mergeStates(await openAll(files)))
      assert.deepEqual(
        new Map(merged.map(({ section, key, parts }) => [`${section}:${key}`, parts])),
        oracle(files),
      )
      assert.ok(merged.every(({ kind }) => kind === 'put'))
    }),
    { numRuns: 300 },
  )
})

test('merging a part first changes nothing: a merged file stands for those it was made of', async () => {
  await fc.assert(
    fc.asyncProperty(chain, fc.nat(), async ([full, increments], cut) => {
      const files = [full, ...increments]
      const count = 1 + (cut % files.length)
      const pieces: Uint8Array[] = []
      for await (const piece of encodeState(head('full'), mergeStates(await openAll(files.slice(0, count)))))
        pieces.push(piece)
      const rest = (await openAll(files)).slice(count)
      const inTwo = await plainEntries(mergeStates([await fileOf(Buffer.concat(pieces)), ...rest]))
      const sorted = (entries: readonly PlainEntry[]): string[] =>
        entries.map((entry) => JSON.stringify(entry)).toSorted()
      assert.deepEqual(sorted(inTwo), sorted(await plainEntries(mergeStates(await openAll(files)))))
    }),
    { numRuns: 150 },
  )
})

test('leaves sections out, for an instance that reads its own key groups of several files', async () => {
  const entries = [0, 5, 9, 256].map((section) => ({ section, kind: 'put' as const, key: 'a', parts: ['x'] }))
  const files = await openAll([entries, entries.slice(1, 2)])
  const read = await plainEntries(mergeStates(files, { omit: (section) => section < 5 || section > 9 }))
  assert.deepEqual(
    read.map(({ section }) => section),
    [5, 9],
  )
})

test('refuses files in the wrong order, and a damaged one among them', async () => {
  const entries = [{ section: 1, kind: 'put' as const, key: 'a', parts: ['x'] }]
  const [full, increment] = await openAll([entries, entries])
  assert.equal(await errorCode(plainEntries(mergeStates([increment!, full!]))), 'SNAPSHOT_FILE_DAMAGED')
  const whole = await bytesOf('increment', chunksOf(entries))
  const [again] = await openAll([entries])
  const damaged = await fileOf(whole.subarray(0, whole.length - 3))
  assert.equal(await errorCode(plainEntries(mergeStates([again!, damaged]))), 'SNAPSHOT_FILE_DAMAGED')
})
