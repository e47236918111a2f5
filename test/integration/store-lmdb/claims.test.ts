import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { machineClock, sleep } from '../../../src/base/clock.ts'
import { isAlive, type ProcessStatus, readProc, readStatus } from '../../../src/base/process-status.ts'
import { put } from '../../../src/store/operations.ts'
import { Claims } from '../../../src/store/lmdb/claims.ts'
import { openLmdbStore } from '../../../src/store/lmdb/open.ts'
import type { Store } from '../../../src/store/store.ts'
import { within } from '../../support/eventually.ts'
import {
  type Child,
  deadlineMs,
  isStopped,
  makeFolder,
  makeShort,
  openStore,
  startChild,
  until,
} from './support.ts'

/** Fewer say nothing of what happens to them. */
const commitsMin = 100

const write = (store: Store, timeoutMs = deadlineMs): Promise<unknown> =>
  store.transact({ then: [put('a', Buffer.from('v'))] }, { timeoutMs })

test('what was acknowledged stays while others open the store (CL-1, CL-2)', async (t) => {
  const folder = makeFolder(t)
  const writer = startChild(t, 'increment', folder)
  await writer.hear('acknowledged')
  const opener = startChild(t, 'open-often', folder)
  const timeMs = performance.now() + 5_000
  const enough = new AbortController()
  const committed = writer
    .until('commits often', () => performance.now() > timeMs && writer.told.length > commitsMin)
    .finally(() => enough.abort())
  // It is awaited when the other one has ended.
  committed.catch(() => undefined)
  // Stands still at any step of opening, while there is time for commits: now and then at the one that matters.
  while (!enough.signal.aborted && opener.process.exitCode === null && opener.process.signalCode === null) {
    opener.kill('SIGSTOP')
    await sleep(machineClock, 20)
    opener.kill('SIGCONT')
    await sleep(machineClock, 5)
  }
  writeFileSync(`${folder}-enough`, '')
  assert.equal(await within('the child ends', deadlineMs, opener.exited), 0)
  await committed
  writer.kill('SIGKILL')
  await writer.exited
  // A commit that is forgotten gives its number to the next one.
  const counts = writer.told.flatMap(({ word, count }) => (word === 'acknowledged' ? [count!] : []))
  const wrong = counts.findIndex((count, index) => count !== index + 1)
  assert.equal(wrong, -1, `commit ${wrong} was followed by ${counts[wrong]}`)
})

test('processes that open and close a database do not destroy its locks for one another (CL-3)', async (t) => {
  const folder = makeFolder(t)
  await (await openLmdbStore({ folder })).close()
  const children = [startChild(t, 'reopen-often', folder), startChild(t, 'reopen-often', folder)]
  const exits = Promise.all(children.map(({ exited }) => exited))
  assert.deepEqual(await within('the children have opened it often', 2 * deadlineMs, exits), [0, 0])
})

test('nothing is committed while a process opens the store (CL-2)', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder)
  const opener = startChild(t, 'claim', folder)
  await opener.hear('claimed')
  await assert.rejects(write(store, 300), { code: 'STORE_UNREACHABLE' })
  const { revision } = await store.get('a')
  const writing = write(store)
  opener.kill('SIGKILL')
  await writing
  assert.equal((await store.get('a')).revision, revision + 1)
  assert.deepEqual(readdirSync(join(folder, 'claims')), [], 'the claim of the dead is left')
})

test('who is stopped while it opens the store is ended (CL-4)', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder, { stoppedPatienceMsMax: 100 })
  const opener = startChild(t, 'claim', folder)
  await opener.hear('claimed')
  opener.kill('SIGSTOP')
  await until('the child is stopped', () => isStopped(opener) || undefined)
  await write(store)
  assert.equal(await within('the child ends', deadlineMs, opener.exited), 'SIGKILL')
})

test('closing waits for who opens the store (CL-3)', async (t) => {
  const folder = makeFolder(t)
  const store = await openLmdbStore({ folder })
  const opener = startChild(t, 'claim', folder)
  await opener.hear('claimed')
  let isClosed = false
  const closing = store.close().then(() => (isClosed = true))
  await until('it sees the claim', () => readdirSync(join(folder, 'claims')).length === 1 || undefined)
  assert.equal(isClosed, false)
  opener.kill('SIGKILL')
  await within('the store is closed', deadlineMs, closing)
  assert.deepEqual(readdirSync(join(folder, 'claims')), [])
})

test('who opens waits for who closes, and says so when that takes too long (CL-3)', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder)
  await write(store)
  await store.close()
  const claims = new Claims(folder, machineClock)
  claims.place('close')
  t.after(() => claims.withdraw('close'))
  await assert.rejects(openLmdbStore({ folder, openTimeoutMs: 200 }), (error: NodeJS.ErrnoException) => {
    assert.equal(error.code, 'STORE_UNREACHABLE')
    assert.match(error.message, new RegExp(`process ${process.pid} does not finish closing it`))
    return true
  })
  assert.deepEqual(readdirSync(join(folder, 'claims')).length, 1, 'its own claim is left')
})

test('who opens and has lost its claim meanwhile begins anew (CL-6)', async (t) => {
  const folder = makeFolder(t)
  const claims = new Claims(folder, machineClock)
  await (await openLmdbStore({ folder })).close()
  claims.place('close')
  t.after(() => claims.withdraw('close'))
  const placed = t.mock.method(Claims.prototype, 'place')
  const opening = openStore(t, folder)
  const name = await until('it has a claim', () =>
    readdirSync(join(folder, 'claims')).find((found) => found.startsWith('open-')),
  )
  rmSync(join(folder, 'claims', name))
  claims.withdraw('close')
  await write(await opening)
  assert.deepEqual(
    placed.mock.calls.map(({ arguments: [kind] }) => kind),
    ['open', 'open', 'turn'],
  )
})

test('nobody opens the store in the midst of another opening, and who is killed there holds up nobody (CL-8)', async (t) => {
  const folder = makeFolder(t)
  await (await openLmdbStore({ folder })).close()
  const opener = startChild(t, 'open-inside', folder)
  await opener.hear('inside')
  await assert.rejects(openLmdbStore({ folder, openTimeoutMs: 300 }), (error: NodeJS.ErrnoException) => {
    assert.equal(error.code, 'STORE_UNREACHABLE')
    assert.match(error.message, new RegExp(`process ${opener.process.pid} does not finish opening it`))
    return true
  })
  const opening = openStore(t, folder)
  opener.kill('SIGKILL')
  await write(await within('it is opened', deadlineMs, opening))
  assert.deepEqual(readdirSync(join(folder, 'claims')), [])
})

/**
 * Kills a process that opens a store after it has started another one to read it, which stands still then, before it
 * has opened it. Begins anew with another store when that one was faster: a store that was opened is not short any more.
 */
async function leaveReader(t: TestContext): Promise<{ folder: string; reader: ProcessStatus }> {
  for (;;) {
    const folder = makeFolder(t)
    await makeShort(folder)
    const opener = startChild(t, 'open', folder)
    const reader = await until('it has started another process', () => childOf(opener) ?? hasToldOpen(opener))
    if (reader === 'open') continue
    stop(reader)
    t.after(() => isAlive(reader) && process.kill(reader.pid, 'SIGKILL'))
    opener.kill('SIGKILL')
    await opener.exited
    if (isAlive(reader) && !hasOpened(reader)) return { folder, reader }
  }
}

function childOf({ process: { pid } }: Child): ProcessStatus | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return children === '' ? undefined : readStatus(Number(children))
}

function hasToldOpen({ told }: Child): 'open' | undefined {
  return told.some(({ word }) => word === 'open') ? 'open' : undefined
}

function stop(reader: ProcessStatus): void {
  if (isAlive(reader)) process.kill(reader.pid, 'SIGSTOP')
}

function hasOpened({ pid }: ProcessStatus): boolean {
  return readProc(`/proc/${pid}/maps`)?.includes('lock.mdb') === true
}

test('what a killed process has started to read the store does not open it after the next commit (CL-7)', async (t) => {
  const { folder, reader } = await leaveReader(t)
  await write(await openStore(t, folder))
  if (isAlive(reader)) process.kill(reader.pid, 'SIGCONT')
  await until('it has ended', () => {
    assert.equal(hasOpened(reader), false)
    return !isAlive(reader) || undefined
  })
})
