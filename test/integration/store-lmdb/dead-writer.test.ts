import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeFolder, openStore, startChild } from './support.ts'

/** By then, whoever waited for the lock of a process that has died must have it: long before its call is over. */
const noticedMsMax = 20_000

for (const signal of ['SIGKILL', 'SIGSEGV'] as const) {
  test(`the lock of a process that dies by ${signal} in the midst of writing goes to who waits for it, at once`, async (t) => {
    const folder = makeFolder(t)
    const store = await openStore(t, folder)
    const holder = startChild(t, 'write-inside', folder)
    await holder.hear('inside')
    let isWritten = false
    const written = store
      .transact({ then: [{ type: 'put', key: 'a', value: Buffer.from('v') }] })
      .then(() => {
        isWritten = true
        return performance.now()
      })
    assert.equal((await store.get('torn')).entry, undefined)
    assert.equal(isWritten, false, 'the lock is held')
    holder.kill(signal)
    assert.equal(await holder.exited, signal)
    const diedMs = performance.now()
    const tookMs = (await written) - diedMs
    assert.ok(tookMs < noticedMsMax, `it took ${tookMs} ms`)
    const { entries } = await store.range('')
    assert.deepEqual(
      entries.map(({ key }) => key),
      ['a'],
    )
  })
}
