import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isVertigoError } from '../../../src/base/errors.ts'
import { isStopped, makeFolder, openStore, startChild, until } from './support.ts'

const put = (key: string) => ({ then: [{ type: 'put', key, value: Buffer.from('v') }] }) as const

test('a process that is stopped inside its transaction is ended by who waits for it', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder)
  const stopped = startChild(t, 'stop-inside', folder)
  await until('the child is stopped', () => isStopped(stopped) || undefined)
  const start = performance.now()
  await store.transact(put('a'))
  const tookMs = performance.now() - start
  assert.equal(await stopped.exited, 'SIGKILL')
  assert.ok(tookMs > 900, `not before its patience is over: ${tookMs} ms`)
  assert.ok(tookMs < 20_000, `within its time: ${tookMs} ms`)
  const { entries } = await store.range('')
  assert.deepEqual(
    entries.map(({ key }) => key),
    ['a'],
  )
})

test('half of the shortest lease is as long as anybody waits', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder)
  const { lease } = await store.grant(600)
  const stopped = startChild(t, 'stop-inside', folder)
  await until('the child is stopped', () => isStopped(stopped) || undefined)
  await store.keepAlive(lease).catch((error: unknown) => {
    assert.equal(isVertigoError(error) && error.code, 'STORE_LEASE_LOST')
  })
  assert.equal(await stopped.exited, 'SIGKILL')
})

test('calls that cannot wait so long are refused, and write nothing', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder, { stoppedPatienceMsMax: 2_000 })
  const stopped = startChild(t, 'stop-inside', folder)
  await until('the child is stopped', () => isStopped(stopped) || undefined)
  await assert.rejects(store.transact(put('late'), { timeoutMs: 200 }), { code: 'STORE_UNREACHABLE' })
  const abort = new AbortController()
  const aborted = store.transact(put('aborted'), { signal: abort.signal })
  abort.abort(new Error('enough'))
  await assert.rejects(aborted, { message: 'enough' })
  // Reading does not need the lock.
  assert.equal((await store.get('late')).entry, undefined)
  await store.transact(put('patient'))
  const { entries } = await store.range('')
  assert.deepEqual(
    entries.map(({ key }) => key),
    ['patient'],
  )
})

test('a process that is stopped elsewhere, or goes on in time, is left alone', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder, { stoppedPatienceMsMax: 2_000 })
  const other = startChild(t, 'open', folder)
  await other.hear('open')
  other.kill('SIGSTOP')
  await until('the other one is stopped', () => isStopped(other) || undefined)
  const inside = startChild(t, 'stop-inside', folder)
  await until('the child is stopped', () => isStopped(inside) || undefined)
  const writing = store.transact(put('a'))
  inside.kill('SIGCONT')
  await inside.hear('went on')
  await writing
  assert.ok(isStopped(other))
  assert.equal(inside.process.exitCode ?? inside.process.signalCode, null)
})

test('opening a store ends who is stopped with its lock', async (t) => {
  const folder = makeFolder(t)
  const stopped = startChild(t, 'stop-inside', folder)
  await until('the child is stopped', () => isStopped(stopped) || undefined)
  const store = await openStore(t, folder)
  assert.equal(await stopped.exited, 'SIGKILL')
  await store.transact(put('a'))
})
