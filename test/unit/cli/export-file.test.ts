import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportLines, readExport } from '../../../src/cli/store/export-file.ts'
import type { Entry } from '../../../src/store/store.ts'
import { hasCode } from '../store/support/errors.ts'

const entries: Entry[] = ['a', 'b\u2028c', 'ü'].map((key, index) => ({
  key,
  value: new Uint8Array([index, 255]),
  createRevision: 2,
  modRevision: 2,
  version: 1,
}))

async function read(chunks: Iterable<string>): Promise<{ key: string; value: Uint8Array }[]> {
  const all = []
  for await (const { key, value } of readExport(chunks, 'f')) all.push({ key, value: new Uint8Array(value) })
  return all
}

test('an export is read as it was written, however it is cut into pieces', async () => {
  const wanted = entries.map(({ key, value }) => ({ key, value }))
  const lines = [...exportLines(entries, 7)]
  assert.equal(lines.length, 5)
  assert.deepEqual(await read(lines), wanted)
  assert.deepEqual(await read([lines.join('')]), wanted)
  assert.deepEqual(await read(lines.join('')), wanted)
  assert.deepEqual(await read([lines.join('').trimEnd()]), wanted)
})

test('what was cut or changed is noticed, with its line', async () => {
  const lines = [...exportLines(entries, 7)]
  await assert.rejects(read([]), hasCode('STORE_EXPORT_INVALID', /is not an export/))
  await assert.rejects(read(['{}\n', ...lines]), hasCode('STORE_EXPORT_INVALID', /is not an export/))
  await assert.rejects(read(lines.slice(0, -1)), hasCode('STORE_EXPORT_INVALID', /was cut/))
  await assert.rejects(read(lines.toSpliced(2, 1)), hasCode('STORE_EXPORT_INVALID', /was changed/))
  await assert.rejects(read(lines.toSpliced(2, 1, 'x\n')), hasCode('STORE_EXPORT_INVALID', /was changed/))
})
