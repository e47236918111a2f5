import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isVertigoError } from '../../../src/base/errors.ts'
import { type Random, seededRandom } from '../../../src/base/random.ts'
import * as op from '../../../src/store/operations.ts'
import type { Store } from '../../../src/store/store.ts'
import type { StoreFixture } from './fixture.ts'
import type { Use } from './subjects.ts'
import { bytes, shown, shownEvents, text, until, Watcher } from './support.ts'

async function put(store: Store, key: string, value: string): Promise<number> {
  return (await store.transact({ then: [op.put(key, bytes(value))] })).revision
}

/** ST-4. */
export function watchTests(use: Use): void {
  describe('watches', () => {
    it('begin with what is there, and go on with what changes', () =>
      use(async (store, fixture) => {
        await put(store, 'w/a', '1')
        await put(store, 'x', '1')
        const watcher = new Watcher(store.watch('w/'))
        await until('the state is told', () => watcher.batches.length === 1)
        assert.deepEqual([watcher.batches[0]!.resynced, shownEvents(watcher.events)], [true, ['+w/a=1']])
        const other = await fixture.open()
        await put(other, 'w/a', '2')
        await put(store, 'x', '2')
        await store.transact({ then: [op.put('w/b', bytes('1')), op.remove('w/a'), op.put('y', bytes('1'))] })
        await put(store, 'w/c', '1')
        await until('the changes are told', () => watcher.batches.length === 4)
        const told = watcher.batches
          .slice(1)
          .map((batch) => [batch.resynced, shownEvents(batch.events).toSorted()])
        assert.deepEqual(told, [
          [false, ['+w/a=2']],
          [false, ['+w/b=1', '-w/a']],
          [false, ['+w/c=1']],
        ])
        const [change] = watcher.batches[1]!.events
        assert.deepEqual([text(change?.previous?.value), change?.entry?.version], ['1', 2])
        assert.equal(change?.revision, change?.entry?.modRevision)
        await watcher.close()
      }))

    it('tell of an empty beginning', () =>
      use(async (store) => {
        const watcher = new Watcher(store.watch('none/'))
        await until('the state is told', () => watcher.batches.length === 1)
        assert.deepEqual([watcher.batches[0]!.events, watcher.batches[0]!.resynced], [[], true])
        await watcher.close()
      }))

    it('go on behind what was read, with nothing left out or told twice', () =>
      use(async (store) => {
        await put(store, 'a', '0')
        const since = await store.range('')
        for (let i = 1; i <= 20; i++) await put(store, 'a', String(i))
        const watcher = new Watcher(store.watch('', { since }))
        for (let i = 21; i <= 40; i++) await put(store, 'a', String(i))
        await until('the last change is told', () => watcher.events.length >= 40)
        assert.deepEqual(
          watcher.events.map(({ entry }) => text(entry?.value)),
          Array.from({ length: 40 }, (_, index) => String(index + 1)),
        )
        await watcher.close()
      }))

    it('go back to a revision, and wait for one that is to come', () =>
      use(async (store) => {
        await put(store, 'a', '1')
        const second = await put(store, 'a', '2')
        await put(store, 'a', '3')
        const past = new Watcher(store.watch('', { fromRevision: second }))
        const future = new Watcher(store.watch('', { fromRevision: second + 3 }))
        await until('the past is told', () => past.events.length === 2)
        assert.deepEqual(shownEvents(past.events), ['+a=2', '+a=3'])
        await put(store, 'a', '4')
        await put(store, 'a', '5')
        await until('the future is told', () => future.events.length === 1)
        assert.deepEqual(shownEvents(future.events), ['+a=5'])
        await Promise.all([past.close(), future.close()])
      }))

    it('of many readers hear the same', () =>
      use(async (store, fixture) => {
        const other = await fixture.open()
        const watchers = Array.from(
          { length: 30 },
          (_, i) => new Watcher((i % 2 ? store : other).watch(`m/${i % 3}`)),
        )
        await until('all have begun', () => watchers.every(({ batches }) => batches.length === 1))
        for (let i = 0; i < 60; i++) await put(i % 2 ? store : other, `m/${i % 3}/${i % 7}`, String(i))
        await until('all have heard', () => watchers.every(({ events }) => events.length === 20))
        for (const [i, watcher] of watchers.entries())
          assert.deepEqual(shownEvents(watcher.events), shownEvents(watchers[i % 3]!.events))
        await Promise.all(watchers.map((watcher) => watcher.close()))
      }))

    it('end when they are closed, by a signal, or with the store', () =>
      use(async (_store, fixture) => {
        const store = await fixture.open()
        const stop = new AbortController()
        const watchers = [store.watch(''), store.watch('', { signal: stop.signal }), store.watch('')].map(
          (watch) => new Watcher(watch),
        )
        await until('all have begun', () => watchers.every(({ batches }) => batches.length === 1))
        await watchers[0]!.close()
        stop.abort()
        await watchers[1]!.ended
        await put(store, 'a', '1')
        await until('the third goes on', () => watchers[2]!.events.length === 1)
        assert.deepEqual([watchers[0]!.events, watchers[1]!.events], [[], []])
        await store.close()
        await watchers[2]!.ended
      }))

    it('can be read once', () =>
      use(async (store) => {
        const watch = store.watch('')
        for await (const _batch of watch) break
        await assert.rejects(
          async () => {
            for await (const _batch of watch) break
          },
          (error) => isVertigoError(error) && error.code === 'USAGE',
        )
      }))

    it('give a slow reader the difference, within a bound', () =>
      use(async (store) => {
        await put(store, 'gone', '1')
        await put(store, 'kept', '1')
        const watch = store.watch('', { bufferEventsMax: 20 })
        const reader = watch[Symbol.asyncIterator]()
        const first = await reader.next()
        assert.deepEqual(shownEvents(first.value!.events).toSorted(), ['+gone=1', '+kept=1'])
        await store.transact({ then: [op.remove('gone')] })
        for (let i = 0; i < 100; i++) await put(store, `k${i % 10}`, String(i))
        // The store tells of changes in their order: once another watch has the last one, this one was sent it too.
        const other = new Watcher(store.watch(''))
        await other.caughtUp(store, 'last')
        await other.close()
        const state = new Map(first.value!.events.map(({ key, entry }) => [key, text(entry?.value)]))
        let resynced = 0
        while (!state.has('last')) {
          const { value } = await reader.next()
          if (value?.resynced) resynced++
          for (const { key, entry } of value?.events ?? []) {
            if (entry === undefined) state.delete(key)
            else state.set(key, text(entry.value))
          }
        }
        assert.ok(resynced <= 1)
        const { entries } = await store.range('')
        assert.deepEqual(
          Object.fromEntries(state),
          Object.fromEntries(entries.map((e) => [e.key, text(e.value)])),
        )
        watch.close()
      }))

    it('let go of more events than may wait, and of more bytes', () =>
      use(async (store) => {
        const bounds = [{ bufferEventsMax: 5 }, { bufferBytesMax: 5_000 }, { bufferBytesMax: 50_000 }]
        const watches = bounds.map((bound) => store.watch('b/', bound))
        const readers = watches.map((watch) => watch[Symbol.asyncIterator]())
        for (const reader of readers) await reader.next()
        const value = 'x'.repeat(1_000)
        for (let i = 0; i < 10; i++) await put(store, `b/${i}`, value)
        const other = new Watcher(store.watch('b/'))
        await other.caughtUp(store, 'b/last')
        await other.close()
        const batches = await Promise.all(readers.map((reader) => reader.next()))
        assert.deepEqual(
          batches.map(({ value: batch }) => [batch!.resynced, batch!.events.length]),
          [
            [true, 11],
            [true, 11],
            [false, 1],
          ],
        )
        for (const watch of watches) watch.close()
      }))

    it('count what was there before, too', () =>
      use(async (store) => {
        for (let i = 0; i < 10; i++) await put(store, `b/${i}`, 'x'.repeat(1_000))
        const watch = store.watch('b/', { bufferBytesMax: 5_000 })
        const reader = watch[Symbol.asyncIterator]()
        await reader.next()
        for (let i = 0; i < 10; i++) await store.transact({ then: [op.remove(`b/${i}`)] })
        const other = new Watcher(store.watch('b/'))
        await other.caughtUp(store, 'b/last')
        await other.close()
        assert.equal((await reader.next()).value!.resynced, true)
        watch.close()
      }))

    it('add up to what is read, with many writers, whatever the reader does', () =>
      use(async (store, fixture) => {
        const random = seededRandom(4711)
        const writers = [store, await fixture.open(), await fixture.open()]
        const watchers = [0, 5, 1000].map(
          (buffer) => new Watcher(writers[buffer % 3]!.watch('s/', { bufferEventsMax: buffer || 10_000 })),
        )
        await Promise.all(writers.map((writer) => writeAtRandom(writer, random, 80)))
        const { entries } = await store.range('s/')
        const expected = shown(entries)
        for (const watcher of watchers) {
          await until('the watch has the state that is read', () => sameState(watcher, expected))
          assertOrder(watcher)
          await watcher.close()
        }
      }))

    it('close a gap where the history is gone', () =>
      use(async (store, fixture) => {
        if (fixture.compact === undefined) return
        await compactionTest(store, fixture)
      }))
  })
}

async function compactionTest(store: Store, fixture: StoreFixture): Promise<void> {
  await put(store, 'gone', '1')
  await put(store, 'same', '1')
  await put(store, 'old', '1')
  const since = await store.range('')
  await store.transact({ then: [op.remove('gone'), op.put('old', bytes('2'))] })
  const revision = await put(store, 'new', '1')
  await fixture.compact!(revision)
  const known = new Watcher(store.watch('', { since }))
  await until('the difference is told', () => known.events.length === 3)
  assert.deepEqual(shownEvents(known.events).toSorted(), ['+new=1', '+old=2', '-gone'])
  assert.equal(known.batches[0]!.resynced, true)
  assert.equal(text(known.events.find(({ key }) => key === 'gone')?.previous?.value), '1')
  const unknown = new Watcher(store.watch('', { fromRevision: since.revision + 1 }))
  await until('what is there is told', () => unknown.events.length === 3)
  assert.deepEqual(shownEvents(unknown.events).toSorted(), ['+new=1', '+old=2', '+same=1'])
  await put(store, 'new', '2')
  await until('both go on', () => [known, unknown].every(({ events }) => events.length === 4))
  await Promise.all([known.close(), unknown.close()])
}

async function writeAtRandom(store: Store, random: Random, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const key = (): string => `s/${random.int(8)}`
    const [one, two] = [key(), key()]
    if (random.int(10) === 0) await store.transact({ then: [op.removeRange('s/')] })
    else if (one === two) await store.transact({ then: [op.remove(one)] })
    else await store.transact({ then: [op.put(one, bytes(String(i))), op.put(two, bytes(String(i)))] })
  }
}

function sameState({ state }: Watcher, expected: readonly string[]): boolean {
  const sorted = [...state.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1))
  return JSON.stringify(shown(sorted)) === JSON.stringify(expected)
}

/** Revisions grow, and no revision is told in two batches. */
function assertOrder({ batches }: Watcher): void {
  for (const [index, batch] of batches.entries()) {
    const before = batches[index - 1]?.revision ?? 0
    assert.ok(batch.revision > before, `revision ${batch.revision} was told after ${before}`)
    if (batch.resynced) continue
    for (const { revision } of batch.events) assert.equal(revision, batch.revision)
  }
}
