import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { threadId } from 'node:worker_threads'
import { holdersIn, lockHeadBytes, mappingOf } from '../../../../src/store/lmdb/lock-file.ts'
import { patienceFor } from '../../../../src/store/lmdb/lock-wait.ts'
import { parseStat, readStatus } from '../../../../src/base/process-status.ts'
import { ProcessList, processOf } from '../../../../src/store/lmdb/processes.ts'

test('a process is read from its line, whatever its name', () => {
  const fields = Array.from({ length: 49 }, (_, index) => String(index + 4))
  assert.deepEqual(parseStat(`17 (a) T (b)) T ${fields.join(' ')}`), {
    pid: 17,
    startTicks: '22',
    state: 'T',
  })
  // Shown by the clock of the reader, whose container may have its own.
  const ahead = parseStat(`17 (a) S ${fields.join(' ')}`, { monotonicMs: 0, bootMs: 50 })
  assert.equal(ahead?.startTicks, String(Number(fields[18]) - 5))
  assert.equal(parseStat(''), undefined)
})

test(
  'this process is found, and one that is not there is not',
  { skip: process.platform !== 'linux' },
  () => {
    assert.equal(readStatus(process.pid)?.pid, process.pid)
    assert.equal(processOf(process.pid), process.pid)
    assert.equal(readStatus(2 ** 30), undefined)
  },
)

/** The head of a lock file with one mutex, as glibc lays it out. */
function head(at: number, word: number, owner: number, kind: number): Buffer {
  const bytes = Buffer.alloc(lockHeadBytes)
  bytes.writeUInt32LE(word, at)
  bytes.writeUInt32LE(1, at + 4)
  bytes.writeUInt32LE(owner, at + 8)
  bytes.writeUInt32LE(1, at + 12)
  bytes.writeUInt32LE(kind, at + 16)
  return bytes
}

test('the holder of a robust mutex is read from its words', () => {
  assert.deepEqual(holdersIn(head(64, 4711, 4711, 0x90)), [4711])
  assert.deepEqual(holdersIn(head(64, 0x8000_0000 + 4711, 4711, 0x90)), [4711], 'with somebody who waits')
  assert.deepEqual(holdersIn(head(64, 0, 0, 0x90)), [])
  assert.deepEqual(holdersIn(head(64, 4711, 4711, 0)), [], 'no robust mutex')
  assert.deepEqual(holdersIn(head(64, 4711, 4712, 0x90)), [], 'being taken')
  assert.deepEqual(holdersIn(head(68, 4711, 4711, 0x90)), [], 'not where a mutex can be')
})

test('the mapping of a file is found by its name and its beginning', () => {
  const maps = [
    '7f0000001000-7f0000002000 r--s 00001000 fe:00 1 /x/lock.mdb',
    '7f9460037000-7f946003a000 rw-s 00000000 fe:00 1     /x/lock.mdb',
    '7fa000000000-7fa000001000 rw-s 00000000 fe:00 2     /y/with space/lock.mdb',
  ].join('\n')
  assert.equal(mappingOf('/x/lock.mdb', maps), 0x7f9460037000)
  assert.equal(mappingOf('/y/with space/lock.mdb', maps), 0x7fa000000000)
  assert.equal(mappingOf('/z/lock.mdb', maps), undefined)
})

test('patience is half of the shortest lease, within bounds', () => {
  assert.equal(patienceFor(undefined, 1_000), 1_000)
  assert.equal(patienceFor(600, 1_000), 300)
  assert.equal(patienceFor(60_000, 1_000), 1_000)
  assert.equal(patienceFor(20, 1_000), 50)
})

/** A store's folder, with processes of another namespace noted in it. */
function makeFolder(t: TestContext, names: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-processes-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'processes'))
  for (const name of names) writeFileSync(join(folder, 'processes', name), '1 pid:[1]\n')
  return folder
}

const skip = process.platform !== 'linux'

test('a process of another container with the same number is another one', { skip }, (t) => {
  const number = `${process.pid}-${threadId}`
  // The first as it was named once.
  for (const name of [number, `${number}-1`]) {
    const folder = makeFolder(t, [name])
    const list = new ProcessList(folder)
    list.enter()
    assert.equal(list.isAlone(), false)
    assert.equal(list.isOnlyThread(), true)
    assert.equal(list.has(readStatus(process.pid)!), true)
    list.leave()
    assert.deepEqual(readdirSync(join(folder, 'processes')), [name])
  }
})

test('of processes that cannot be seen, a limited number is kept', { skip }, (t) => {
  const folder = makeFolder(
    t,
    Array.from({ length: 100 }, (_, index) => `1-0-${index + 1}`),
  )
  const list = new ProcessList(folder)
  list.enter()
  assert.equal(readdirSync(join(folder, 'processes')).length, 65)
  assert.equal(list.isAlone(), false)
})
