import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test, type TestContext } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import { systemClock } from '../../../../src/base/clock.ts'
import { put } from '../../../../src/store/operations.ts'
import type { Store } from '../../../../src/store/store.ts'
import { connectStore, createRunStore } from '../../../../src/stores.ts'

interface Pair {
  /** The store in the thread that has it. */
  readonly own: Store
  /** The same at the other end of a port. */
  readonly far: Store
}

async function pair(t: TestContext): Promise<Pair> {
  const { store: own, serve } = await createRunStore(systemClock)
  const { port1, port2 } = new MessageChannel()
  serve(port1)
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
