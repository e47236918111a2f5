import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ExportedPage, exportLines, readExport } from '../../../src/cli/store/export-file.ts'
import type { Entry, LeaseId } from '../../../src/store/store.ts'
import { hasCode } from '../store/support/errors.ts'

const entries: Entry[] = ['a', 'b\u2028c', 'ü'].map((key, index) => ({
  key,
  value: new Uint8Array([index, 255]),
  createRevision: 2,
  modRevision: 2,
  version: 1,
}))

async function written(pages: Iterable<ExportedPage>): Promise<string[]> {
  const lines: string[] = []
  for await (const line of exportLines(pages)) lines.push(line)
  return lines
}

async function read(chunks: Iterable<string>): Promise<{ key: string; value: Uint8Array }[]> {
  const all = []
  for await (const { key, value } of readExport(chunks, 'f')) all.push({ key, value: new Uint8Array(value) })
  return all
}

test('an export is read as it was written, however it is cut into pieces', async () => {
  const wanted = entries.map(({ key, value }) => ({ key, value }))
  const lines = await written([{ entries, revision: 7 }])
  assert.equal(lines.length, 5)
  assert.deepEqual(await read(lines), wanted)
  assert.deepEqual(await read([lines.join('')]), wanted)
  assert.deepEqual(await read(lines.join('')), wanted)
  assert.deepEqual(await read([lines.join('').trimEnd()]), wanted)
})

test('what was cut or changed is noticed, with its line', async () => {
  const lines = await written([{ entries, revision: 7 }])
  await assert.rejects(read([]), hasCode('STORE_EXPORT_INVALID', /is not an export/))
  await assert.rejects(read(['{}\n', ...lines]), hasCode('STORE_EXPORT_INVALID', /is not an export/))
  await assert.rejects(read(lines.slice(0, -1)), hasCode('STORE_EXPORT_INVALID', /was cut/))
  await assert.rejects(read(lines.toSpliced(2, 1)), hasCode('STORE_EXPORT_INVALID', /was changed/))
  await assert.rejects(read(lines.toSpliced(2, 1, 'x\n')), hasCode('STORE_EXPORT_INVALID', /was changed/))
})

test('what has no lines is refused before it fills the memory', async () => {
  const lines = await written([{ entries, revision: 7 }])
  let given = 0
  function* endless(): Generator<string> {
    yield* lines.slice(0, 2)
    const chunk = '\0'.repeat(1024 * 1024)
    for (; given < 20; given++) yield chunk
  }
  await assert.rejects(read(endless()), hasCode('STORE_EXPORT_INVALID', /has a line of more than/))
  assert.ok(given < 6, `${given} MiB were read`)
})

test('an export is made of pages; what is under a lease is left out', async () => {
  const [first, second, third] = entries
  const leased = { ...second!, lease: '1' as LeaseId }
  const pages = [
    { entries: [first!, leased], revision: 7 },
    { entries: [], revision: 7 },
    { entries: [third!], revision: 7 },
  ]
  assert.deepEqual(await written(pages), await written([{ entries: [first!, third!], revision: 7 }]))
})
