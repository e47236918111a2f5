import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openJournal } from '../../../src/journal/open.ts'
import { errorCode } from '../../support/error-code.ts'
import { within } from '../../support/eventually.ts'
import { appendAll, bytes, makeFolder, numbers, openFor, recordsOf } from './support.ts'

const segmentsIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.endsWith('.segment'))

test('gives positions in the order of appends, and reads what was appended', async (t) => {
  const journal = await openFor(t, makeFolder(t))
  assert.deepEqual(await appendAll(journal, ['a', '', 'c']), [0, 1, 2])
  assert.equal(await journal.append(bytes('d')), 3)
  assert.equal(journal.end, 4)
  assert.deepEqual(await recordsOf(journal), ['a', '', 'c', 'd'])
  assert.deepEqual(await recordsOf(journal, 2), ['c', 'd'])
})

test('copies the bytes of a record at once', async (t) => {
  const journal = await openFor(t, makeFolder(t))
  const record = bytes('before')
  const appended = journal.append(record)
  record.fill(0)
  await appended
  assert.deepEqual(await recordsOf(journal), ['before'])
})

test('is read again after it was closed and opened, and goes on at the next position', async (t) => {
  const folder = makeFolder(t)
  for (let round = 0; round < 5; round++) {
    const journal = await openJournal({ folder, generation: round })
    assert.equal(journal.end, round * 10)
    await appendAll(journal, numbers(round * 10, round * 10 + 10))
    assert.deepEqual(await recordsOf(journal), numbers(0, round * 10 + 10))
    await journal.close()
  }
})

test('opening again and again without appending leaves no trail of files', async (t) => {
  const folder = makeFolder(t)
  const first = await openJournal({ folder, generation: 1 })
  await appendAll(first, numbers(0, 3))
  await first.close()
  for (let round = 0; round < 10; round++) await (await openJournal({ folder, generation: 1 })).close()
  assert.equal(segmentsIn(folder).length, 2)
  assert.equal(readdirSync(folder).length, 3)
  assert.deepEqual(await recordsOf(await openFor(t, folder)), numbers(0, 3))
})

test('begins segments, reads across them, and deletes what is released', async (t) => {
  const folder = makeFolder(t)
  const options = { segmentBytesMax: 8 * 1024 }
  const journal = await openFor(t, folder, options)
  for (let at = 0; at < 1000; at += 20) await appendAll(journal, numbers(at, at + 20))
  const segments = segmentsIn(folder).length
  assert.ok(segments > 3, `${segments} segments`)
  assert.deepEqual(await recordsOf(journal), numbers(0, 1000))
  assert.deepEqual(await recordsOf(journal, 777), numbers(777, 1000))

  const before = journal.bytes
  await journal.release(777)
  assert.ok(segmentsIn(folder).length < segments)
  assert.ok(journal.bytes < before)
  assert.equal(journal.start, 777)
  assert.deepEqual(await recordsOf(journal), numbers(777, 1000))
  assert.equal(await errorCode(recordsOf(journal, 776)), 'JOURNAL_POSITION_GONE')
  assert.equal(await errorCode(journal.read(1001).next()), 'JOURNAL_POSITION_GONE')
  await journal.close()

  const again = await openFor(t, folder, options)
  assert.equal(again.start, 777)
  assert.deepEqual(await recordsOf(again), numbers(777, 1000))
  await again.release(1000)
  assert.deepEqual(segmentsIn(folder).length, 1)
  assert.equal(await errorCode(recordsOf(again, 999)), 'JOURNAL_POSITION_GONE')
  assert.equal(await again.append(bytes('next')), 1000)
})

test('a reader follows what is appended, across segments, until the journal is closed', async (t) => {
  const journal = await openFor(t, makeFolder(t), { segmentBytesMax: 8 * 1024 })
  const read: string[] = []
  const reader = (async () => {
    for await (const { position, records } of journal.read(0)) {
      assert.equal(position, read.length)
      read.push(...records.map((record) => Buffer.from(record).toString()))
    }
  })()
  for (let at = 0; at < 600; at += 6) await appendAll(journal, numbers(at, at + 6))
  await journal.close()
  await within('the reader ends', 20_000, reader)
  assert.deepEqual(read, numbers(0, 600))
})

test('a waiting reader ends with the reason of its signal', async (t) => {
  const journal = await openFor(t, makeFolder(t))
  const ending = new AbortController()
  const waiting = journal.read(0, { signal: ending.signal }).next()
  ending.abort(new Error('enough'))
  await assert.rejects(within('the reader ends', 20_000, waiting), /enough/)
})

test('appends of one turn, and those made meanwhile, share a sync; one that is alone waits for none', async (t) => {
  const { open } = await import('node:fs/promises')
  let syncs = 0
  const journal = await openFor(t, makeFolder(t), {
    async openFile(path, flags) {
      const file = await open(path, flags)
      const datasync = file.datasync.bind(file)
      file.datasync = () => {
        syncs++
        return datasync()
      }
      return file
    },
  })
  syncs = 0
  await appendAll(journal, numbers(0, 1000))
  assert.equal(syncs, 1)
  const first = journal.append(bytes('first'))
  await Promise.resolve()
  await Promise.resolve()
  // The write of the first one has begun.
  const others = appendAll(journal, numbers(0, 500))
  await Promise.all([first, others])
  assert.equal(syncs, 3)
})

test('bounds: of a record, of what waits, of the whole', async (t) => {
  const folder = makeFolder(t)
  const journal = await openFor(t, folder, {
    recordBytesMax: 1_000,
    pendingBytesMax: 5_000,
    segmentBytesMax: 8_192,
    bytesMax: 30_000,
  })
  assert.equal(await errorCode(journal.append(new Uint8Array(1_001))), 'JOURNAL_RECORD_TOO_LARGE')
  const record = new Uint8Array(1_000)
  const answers = await Promise.allSettled(Array.from({ length: 10 }, () => journal.append(record)))
  assert.deepEqual(
    answers.map((answer) => answer.status),
    [...Array.from({ length: 4 }, () => 'fulfilled'), ...Array.from({ length: 6 }, () => 'rejected')],
  )
  const { reason } = answers[4] as unknown as { readonly reason: { readonly code: string } }
  assert.equal(reason.code, 'JOURNAL_BUSY')

  let code = 'no error'
  for (let i = 0; i < 40 && code === 'no error'; i++) code = await errorCode(journal.append(record))
  assert.equal(code, 'JOURNAL_FULL')
  assert.ok(journal.bytes <= 30_000, `${journal.bytes} bytes`)
  await journal.release(journal.end)
  const position = await journal.append(record)
  assert.equal(position, journal.end - 1)
})

test('is closed once, with what was appended before', async (t) => {
  const folder = makeFolder(t)
  const journal = await openJournal({ folder, generation: 1 })
  const appended = appendAll(journal, numbers(0, 10))
  await Promise.all([journal.close(), journal.close()])
  assert.equal((await appended).length, 10)
  assert.equal(await errorCode(journal.append(bytes('late'))), 'JOURNAL_CLOSED')
  assert.deepEqual(await recordsOf(await openFor(t, folder)), numbers(0, 10))
})

test('JN-3: one writer of a generation; a newer one takes over, and the older one acknowledges nothing any more', async (t) => {
  const folder = makeFolder(t)
  const old = await openFor(t, folder, { generation: 4 })
  await appendAll(old, numbers(0, 10))
  assert.equal(await errorCode(openJournal({ folder, generation: 4 })), 'JOURNAL_IN_USE')
  assert.equal(await errorCode(openJournal({ folder, generation: 3 })), 'JOURNAL_SEALED')
  assert.equal(await old.append(bytes('record 10')), 10)

  const newer = await openFor(t, folder, { generation: 5 })
  assert.equal(newer.end, 11)
  const reading = errorCode(old.read(11).next())
  assert.equal(await errorCode(old.append(bytes('of the old one'))), 'JOURNAL_SEALED')
  assert.equal(await errorCode(old.append(bytes('again'))), 'JOURNAL_SEALED')
  assert.equal(await within('the reader ends', 20_000, reading), 'JOURNAL_SEALED')
  assert.equal(await newer.append(bytes('record 11')), 11)
  assert.deepEqual(await recordsOf(newer), numbers(0, 12))
  await old.close()
  assert.equal(await errorCode(openJournal({ folder, generation: 4 })), 'JOURNAL_SEALED')
  assert.equal(await errorCode(openJournal({ folder, generation: 5 })), 'JOURNAL_IN_USE')
  await newer.close()
  assert.equal(await errorCode(openJournal({ folder, generation: 4 })), 'JOURNAL_SEALED')
  assert.deepEqual(await recordsOf(await openFor(t, folder, { generation: 5 })), numbers(0, 12))
})

test('JN-5: what a writer wrote that was taken over is not read, whatever it was in the middle of', async (t) => {
  const folder = makeFolder(t)
  const options = { segmentBytesMax: 8_192 }
  const old = await openFor(t, folder, { generation: 1, ...options })
  await appendAll(old, numbers(0, 100))
  const newer = await openFor(t, folder, { generation: 2, ...options })
  // Large enough for a segment of its own, which becomes a stray.
  assert.equal(await errorCode(old.append(new Uint8Array(8_000))), 'JOURNAL_SEALED')
  await appendAll(newer, numbers(100, 200))
  const newest = await openFor(t, folder, { generation: 3, ...options })
  assert.deepEqual(await recordsOf(newest), numbers(0, 200))
  await newest.close()
  assert.deepEqual(await recordsOf(await openFor(t, folder, { generation: 3 })), numbers(0, 200))
})

test('a folder that holds something else is refused, and left as it is', async (t) => {
  const folder = makeFolder(t)
  mkdirSync(folder)
  writeFileSync(join(folder, 'letter.txt'), 'hello')
  assert.equal(await errorCode(openJournal({ folder, generation: 1 })), 'JOURNAL_FOREIGN')
  assert.deepEqual(readdirSync(folder), ['letter.txt'])
  assert.equal(
    await errorCode(openJournal({ folder: join(folder, 'letter.txt'), generation: 1 })),
    'JOURNAL_FOREIGN',
  )
  const under = join(folder, 'letter.txt', 'below')
  assert.equal(await errorCode(openJournal({ folder: under, generation: 1 })), 'JOURNAL_FOREIGN')
  assert.ok(!existsSync(join(folder, 'owner-1')))
})

test('JN-7: a writer that was taken over releases nothing; what it released before counts for those behind it', async (t) => {
  const folder = makeFolder(t)
  const options = { segmentBytesMax: 8_192 }
  const old = await openFor(t, folder, { generation: 1, ...options })
  for (let at = 0; at < 600; at += 20) await appendAll(old, numbers(at, at + 20))
  await old.release(200)
  const newer = await openFor(t, folder, { generation: 2, ...options })
  assert.equal(newer.start, 200)
  assert.equal(await errorCode(old.release(500)), 'JOURNAL_SEALED')
  assert.deepEqual(await recordsOf(newer), numbers(200, 600))
  await newer.release(300)
  await newer.close()
  for (let generation = 3; generation < 40; generation++) {
    const journal = await openJournal({ folder, generation })
    assert.equal(journal.start, 300)
    await journal.close()
  }
  assert.ok(readdirSync(folder).length < 30, readdirSync(folder).join())
  assert.deepEqual(await recordsOf(await openFor(t, folder, { generation: 40 })), numbers(300, 600))
})
