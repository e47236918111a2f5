import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test, type TestContext } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import { systemClock } from '../../../../src/base/clock.ts'
import { put } from '../../../../src/store/operations.ts'
import type { Store } from '../../../../src/store/store.ts'
import { servePort } from '../../../../src/store/port/serve-port.ts'
import { MemoryBackend } from '../../../../src/store/memory/memory-backend.ts'
import { connectStore, createRunStore } from '../../../../src/stores.ts'
import { within } from '../../../support/eventually.ts'
import { hasCode } from '../support/errors.ts'

interface Pair {
  /** The store in the thread that has it. */
  readonly own: Store
  /** The same at the other end of a port. */
  readonly far: Store
}

async function pair(t: TestContext): Promise<Pair> {
  const { store: own, serve } = await createRunStore(systemClock)
  const { port1, port2 } = new MessageChannel()
  serve(port1, assert.ifError)
  const far = await connectStore(port2, systemClock)
  t.after(async () => {
    await far.close()
    await own.close()
    port1.close()
  })
  return { own, far }
}

test('PO-4: a small value is kept as what it is, not with the pool that it came from', async (t) => {
  const { own, far } = await pair(t)
  const watch = far.watch('k', { fromRevision: 1 })
  const small = (): Uint8Array => Buffer.from('small')
  assert.notEqual(small().buffer.byteLength, 5, 'small buffers come from a pool')
  await far.transact({ then: [put('k1', small()), put('k2', small())] })
  await far.transact({ compare: [{ target: 'value', key: 'k1', is: '=', than: small() }] })
  await own.transact({ then: [put('k3', small())] })
  const values: Uint8Array[] = []
  for (const key of ['k1', 'k2']) values.push((await own.get(key)).entry!.value)
  values.push((await far.get('k3')).entry!.value)
  for (const { value } of (await far.range('k')).entries) values.push(value)
  for await (const { events } of watch) {
    for (const { entry } of events) values.push(entry!.value)
    if (values.length >= 9) break
  }
  assert.deepEqual(
    values.map(({ buffer }) => buffer.byteLength),
    values.map(() => 5),
  )
})

/** At the other end nobody serves. */
async function unserved(t: TestContext): Promise<Store> {
  const { port1, port2 } = new MessageChannel()
  const far = await connectStore(port2, systemClock)
  t.after(async () => {
    await far.close()
    port1.close()
  })
  return far
}

test('a call to a store that is not there yet ends in its time, at its signal, and when it is closed', async (t) => {
  const far = await unserved(t)
  const calls = Promise.all([
    assert.rejects(far.get('k', { timeoutMs: 50 }), hasCode('STORE_UNREACHABLE')),
    // Nothing was sent, so nothing can have happened.
    assert.rejects(
      far.transact({ then: [put('k', Buffer.from('v'))] }, { timeoutMs: 50 }),
      hasCode('STORE_UNREACHABLE'),
    ),
    assert.rejects(far.get('k', { signal: AbortSignal.timeout(50) }), { name: 'TimeoutError' }),
  ])
  await within('the calls end', 5_000, calls)
  const open = assert.rejects(far.get('k'), hasCode('STORE_CLOSED'))
  await far.close()
  await within('the call ends', 5_000, open)
})

test('what was given up before the store was there is not done', async (t) => {
  const backend = new MemoryBackend({ clock: systemClock })
  const { port1, port2 } = new MessageChannel()
  const far = await connectStore(port2, systemClock)
  t.after(async () => {
    await far.close()
    await backend.close()
    port1.close()
  })
  const late = far.transact({ then: [put('late', Buffer.from('v'))] }, { timeoutMs: 20 })
  await assert.rejects(late, hasCode('STORE_UNREACHABLE'))
  const done = far.transact({ then: [put('done', Buffer.from('v'))] })
  servePort(backend, port1, assert.ifError)
  await done
  assert.deepEqual(
    (await far.range('')).entries.map(({ key }) => key),
    ['done'],
  )
})

test('an answer that cannot be sent is told to who serves', async (t) => {
  const backend = new MemoryBackend({ clock: systemClock })
  backend.get = async () => ({ entry: undefined, revision: (() => 1) as unknown as number })
  const { port1, port2 } = new MessageChannel()
  const failed = new Promise((resolve) => {
    servePort(backend, port1, resolve)
  })
  const post = port1.postMessage.bind(port1)
  port1.postMessage = (message: { readonly type: string }) => {
    if (message.type === 'error') throw new Error('not even that')
    post(message)
  }
  const far = await connectStore(port2, systemClock)
  t.after(async () => {
    await far.close()
    await backend.close()
  })
  const unanswered = assert.rejects(far.get('k', { timeoutMs: 1_000 }), hasCode('STORE_UNREACHABLE'))
  assert.match(String(await within('the failure is told', 5_000, failed)), /not even that/)
  await unanswered
})
