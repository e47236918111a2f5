import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchesOf, countOf, makeFolder, openStore, startChild, type Told, until } from './support.ts'

test('a watch hears of what other processes commit, in order and once', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder)
  const child = startChild(t, 'watch', folder)
  await child.hear('watching')
  const count = 300
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      store.transact({ then: [{ type: 'put', key: `w/${index}`, value: Buffer.from('v') }] }),
    ),
  )
  await child.hear(`w/${count - 1}`)
  const heard = child.told.filter(({ word }) => word.startsWith('w/'))
  assert.deepEqual(
    heard.map(({ word }) => word),
    Array.from({ length: count }, (_, index) => `w/${index}`),
  )
  const revisions = heard.map(({ count: revision }) => revision!)
  assert.ok(revisions.every((revision, index) => index === 0 || revision === revisions[index - 1]! + 1))
})

test('a watch that begins behind the history begins with what is there', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder, { historyRevisionsMax: 10 })
  for (let index = 0; index < 30; index++)
    await store.transact({ then: [{ type: 'put', key: `w/${index % 4}`, value: Buffer.from('v') }] })
  const { revision } = await store.get('w/0')

  const within = store.watch('w/', { fromRevision: revision - 5 })
  const seen: number[] = []
  for await (const batch of within) {
    assert.equal(batch.resynced, false)
    seen.push(batch.revision)
    if (batch.revision === revision) break
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 6 }, (_, index) => revision - 5 + index),
  )

  for await (const batch of store.watch('w/', { fromRevision: 2 })) {
    assert.equal(batch.resynced, true)
    assert.equal(batch.events.length, 4)
    break
  }
})

test('the history is bounded by its bytes, too', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder, { historyBytesMax: 10_000 })
  const value = Buffer.alloc(4_000)
  for (let index = 0; index < 8; index++)
    await store.transact({ then: [{ type: 'put', key: `w/${index}`, value }] })
  for await (const batch of store.watch('w/', { fromRevision: 2 })) {
    assert.equal(batch.resynced, true)
    break
  }
  const { revision } = await store.get('w/0')
  for await (const batch of store.watch('w/', { fromRevision: revision })) {
    assert.equal(batch.resynced, false)
    break
  }
})

test('events tell what was there before', async (t) => {
  const store = await openStore(t, makeFolder(t))
  const watch = store.watch('k')
  const next = batchesOf(watch)
  await next()
  const put = (text: string): Promise<unknown> =>
    store.transact({ then: [{ type: 'put', key: 'k', value: Buffer.from(text) }] })
  await put('one')
  await put('two')
  await store.transact({ then: [{ type: 'delete', key: 'k' }] })
  const texts: (string | undefined)[][] = []
  while (texts.length < 3) {
    const event = (await next()).events[0]!
    const textOf = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString()
    texts.push([textOf(event.previous?.value), textOf(event.entry?.value)])
  }
  assert.deepEqual(texts, [
    [undefined, 'one'],
    ['one', 'two'],
    ['two', undefined],
  ])
})

test('a process that has closed its store ends by itself', async (t) => {
  const folder = makeFolder(t)
  const child = startChild(t, 'open-and-close', folder)
  const code = await until('the child ends', () => child.process.exitCode ?? undefined)
  assert.equal(code, 0)
})

test('a read sees what another process has had acknowledged', async (t) => {
  const folder = makeFolder(t)
  const store = await openStore(t, folder)
  const child = startChild(t, 'increment', folder)
  const reads: Promise<void>[] = []
  const onTold = (message: unknown): void => {
    const { word, count } = message as Told
    if (word !== 'acknowledged') return
    const read = async (): Promise<void> => {
      const seen = await countOf(store, `own/${child.process.pid}`)
      assert.ok(seen >= count!, `${count} was acknowledged, ${seen} is read`)
    }
    reads.push(read())
  }
  child.process.on('message', onTold)
  await until('a hundred reads were made', () => reads.length >= 100 || undefined)
  // What it has told by then may still come when the store is closed.
  child.process.off('message', onTold)
  child.kill('SIGKILL')
  await Promise.all(reads)
})

test('stores of one process share a folder; each can be closed, and opened again', async (t) => {
  const folder = makeFolder(t)
  const [first, second] = await Promise.all([openStore(t, folder), openStore(t, folder)])
  const next = batchesOf(second.watch('k'))
  await next()
  await first.transact({ then: [{ type: 'put', key: 'k', value: Buffer.from('v') }] })
  assert.equal((await next()).events[0]!.key, 'k')
  await first.close()
  await assert.rejects(first.get('k'), { code: 'STORE_CLOSED' })
  await second.transact({ then: [{ type: 'delete', key: 'k' }] })
  assert.equal((await next()).events[0]!.type, 'delete')
  const closing = second.close()
  const third = await openStore(t, folder)
  await closing
  assert.equal((await third.get('k')).revision, 3)
})

test('what is deleted at once is told of without its values, where they are many', async (t) => {
  const store = await openStore(t, makeFolder(t))
  const value = Buffer.alloc(1_000_000)
  for (let index = 10; index < 30; index++)
    await store.transact({ then: [{ type: 'put', key: `d/${index}`, value }] })
  const next = batchesOf(store.watch('d/', { since: await store.range('d/') }))
  const { results } = await store.transact({ then: [{ type: 'delete-range', prefix: 'd/' }] })
  assert.deepEqual(results, [{ type: 'delete-range', deleted: 20 }])
  const { events, resynced } = await next()
  assert.equal(resynced, false)
  assert.equal(events.length, 20)
  assert.equal(events.filter(({ previous }) => previous !== undefined).length, 8)
  assert.deepEqual((await store.range('d/')).entries, [])
})
