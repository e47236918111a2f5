import assert from 'node:assert/strict'
import { test } from 'node:test'
import { put, remove } from '../../../src/store/operations.ts'
import type { Store, Watch, WatchEvent } from '../../../src/store/store.ts'
import { eventually } from '../../support/eventually.ts'
import { ownTime } from '../../support/own-time.ts'
import { patienceMs } from '../../support/store/patient-store.ts'
import { freePort } from '../../support/server-process.ts'
import { bytes, newPrefix, open, proxyTo, text, withCluster } from './support.ts'

/** Watches: nothing twice, nothing left out, whatever happens to streams, members and history. */

/** Reads a watch to its end and keeps all it gave. */
class Reader {
  readonly events: WatchEvent[] = []
  resyncs = 0
  failure: unknown
  readonly watch: Watch
  readonly done: Promise<void>

  constructor(watch: Watch) {
    this.watch = watch
    this.done = this.#read().catch((error: unknown) => {
      this.failure = error
    })
  }

  async #read(): Promise<void> {
    for await (const { events, resynced } of this.watch) {
      if (resynced) this.resyncs++
      this.events.push(...events)
    }
  }

  get keys(): string[] {
    return this.events.map(({ key }) => key)
  }

  async close(): Promise<void> {
    this.watch.close()
    await this.done
    assert.equal(this.failure, undefined)
  }
}

async function putAll(store: Store, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += 32)
    await Promise.all(
      keys
        .slice(at, at + 32)
        .map((key) => store.transact({ then: [put(key, bytes(key))] }, { repeat: 'once' })),
    )
}

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `k/${String(from + i).padStart(6, '0')}`)

await withCluster(
  'watches',
  { members: 3 },
  (cluster) => {
    test('a watch that is cut off while it catches up resumes behind its last event', async () => {
      const prefix = newPrefix()
      const writer = await open({ endpoints: cluster().endpoints, prefix })
      const { revision } = await writer.get('k')
      const keys = numbered(0, 3_000)
      await putAll(writer, keys)
      const proxy = await proxyTo(cluster().endpoints[0]!)
      const store = await open({ endpoints: [proxy.endpoint], prefix })
      // More than the thousand events that etcd tells at once, and about half of all: no line is quick enough for all of them.
      proxy.answerBytesMax = 60_000
      const reader = new Reader(store.watch('k/', { fromRevision: revision + 1 }))
      let cuts = 0
      while (reader.events.length < keys.length && cuts < 200) {
        const before = reader.events.length
        await eventually('the watch goes on', () => reader.events.length > before)
        proxy.cut()
        cuts++
      }
      await eventually('all events are there', () => reader.events.length >= keys.length)
      assert.deepEqual(reader.keys.toSorted(), keys)
      const revisions = reader.events.map(({ revision }) => revision)
      assert.deepEqual(
        revisions,
        [...new Set(revisions)].toSorted((a, b) => a - b),
      )
      assert.ok(cuts > 1, `it was cut off ${cuts} times`)
      assert.equal(reader.resyncs, 0)
      await reader.close()
    })

    test('a watch moves on from a member that hangs, and from a leader that hangs', async () => {
      for (const choose of ['follower', 'leader'] as const) {
        const prefix = newPrefix()
        const hung = await cluster()[choose]()
        const others = cluster().endpoints.filter((endpoint) => endpoint !== hung.endpoint)
        const store = await open({ endpoints: [hung.endpoint, ...others], prefix })
        const writer = await open({ endpoints: others, prefix })
        const reader = new Reader(store.watch('k/'))
        await writer.transact({ then: [put('k/before', bytes('1'))] })
        await eventually('the watch hears the first', () => reader.keys.includes('k/before'))
        hung.pause()
        try {
          await writer.transact({ then: [put('k/during', bytes('1'))] }, { repeat: 'once' })
          // From here on nobody waits for a disk.
          const tookMs = await ownTime(() =>
            eventually('the watch hears what happened meanwhile', () => reader.keys.includes('k/during')),
          )
          assert.ok(tookMs < 4_000, `it moved to another ${choose} after ${tookMs} ms`)
        } finally {
          hung.resume()
        }
        await writer.transact({ then: [put('k/after', bytes('1'))] }, { repeat: 'once' })
        await eventually('the watch hears what came after', () => reader.keys.includes('k/after'))
        assert.deepEqual(reader.keys, ['k/before', 'k/during', 'k/after'])
        await reader.close()
      }
    })

    test('large events come through a slow line, while calls go over it too', async () => {
      const prefix = newPrefix()
      const writer = await open({ endpoints: cluster().endpoints, prefix })
      const proxy = await proxyTo(cluster().endpoints[0]!)
      const store = await open({ endpoints: [proxy.endpoint], prefix })
      const since = await writer.range('k')
      const reader = new Reader(store.watch('k', { since }))
      await writer.transact({ then: [put('k', new Uint8Array(1_000_000))] })
      await eventually('the watch hears the first', () => reader.events.length === 1)
      proxy.answerBytesPerS = 600_000
      // With what was there before, an event has two megabytes.
      await writer.transact({ then: [put('k', new Uint8Array(1_000_000).fill(1))] })
      await writer.transact({ then: [put('k', new Uint8Array(1_000_000).fill(2))] })
      const lease = await writer.grant(60_000)
      const kept = store.keepAlive(lease.lease)
      await eventually('the watch hears the others', () => reader.events.length === 3, 60_000)
      await kept
      await reader.close()
    })

    test('history compacted while a watch is cut off: it gets the difference', async () => {
      const prefix = newPrefix()
      const writer = await open({ endpoints: cluster().endpoints, prefix })
      await putAll(writer, ['k/stays', 'k/goes', 'k/changes'])
      // Nobody has its port while it is closed.
      const proxy = await proxyTo(cluster().endpoints[0]!, await freePort())
      const store = await open({ endpoints: [proxy.endpoint], prefix })
      const reader = new Reader(store.watch('k/'))
      await eventually('the watch begins', () => reader.events.length === 3)
      await proxy.close()
      await writer.transact({
        then: [remove('k/goes'), put('k/changes', bytes('2')), put('k/new', bytes('n'))],
      })
      await cluster().compact()
      await writer.transact({ then: [put('k/last', bytes('l'))] })
      await cluster().compact()
      await proxyTo(cluster().endpoints[0]!, proxy.port)
      await eventually('the watch hears the last', () => reader.keys.includes('k/last'))
      assert.equal(reader.resyncs, 2)
      assert.deepEqual(
        reader.events
          .slice(3)
          .map(({ type, key, previous }) => `${type} ${key} ${text(previous?.value)}`)
          .toSorted(),
        ['delete k/goes k/goes', 'put k/changes k/changes', 'put k/last undefined', 'put k/new undefined'],
      )
      await reader.close()
    })

    test('compaction at the very revision of a delete: the delete is not lost', async () => {
      const prefix = newPrefix()
      const store = await open({ endpoints: cluster().endpoints, prefix })
      await store.transact({ then: [put('k/a', bytes('1'))] })
      const since = await store.range('k/')
      const { revision } = await store.transact({ then: [remove('k/a')] })
      assert.equal(revision, since.revision + 1)
      assert.equal(await cluster().compact(revision), revision)
      const reader = new Reader(store.watch('k/', { since }))
      await eventually('the delete is told', () => reader.events.some(({ type }) => type === 'delete'))
      await reader.close()
    })

    test('watches that are cancelled do not take others with them', async () => {
      const prefix = newPrefix()
      const store = await open({ endpoints: cluster().endpoints, prefix })
      const kept = new Reader(store.watch('k/kept'))
      const others = Array.from({ length: 200 }, (_, i) => new Reader(store.watch(`k/other-${i}`)))
      await store.transact({ then: [put('k/kept', bytes('1'))] })
      for (const [index, other] of others.entries()) {
        other.watch.close()
        if (index % 20 === 0) await store.transact({ then: [put('k/kept', bytes(String(index)))] })
      }
      const closedAgain = new Reader(store.watch('k/other-1'))
      await store.transact({ then: [put('k/other-1', bytes('x')), put('k/kept', bytes('end'))] })
      await eventually('the last change is told', () => text(kept.events.at(-1)?.entry?.value) === 'end')
      await eventually('a watch that came later hears', () => closedAgain.events.length === 1)
      const versions = kept.events.map(({ entry }) => entry?.version)
      assert.deepEqual(
        versions,
        versions.map((_, index) => versions[0]! + index),
      )
      await Promise.all([kept, closedAgain, ...others].map((reader) => reader.close()))
    })

    test('a response that is too large for one message comes in pieces, and is told as a whole', async () => {
      const prefix = newPrefix()
      const store = await open({ endpoints: cluster().endpoints, prefix })
      const since = await store.range('k/')
      const value = new Uint8Array(600_000).fill(7)
      for (let n = 0; n < 8; n++)
        await store.transact({ then: [put(`k/${n}a`, value), put(`k/${n}b`, value)] })
      const batches: string[][] = []
      const watch = store.watch('k/', { since })
      for await (const { events } of watch) {
        batches.push(events.map(({ key }) => key))
        if (batches.length === 8) break
      }
      assert.deepEqual(
        batches,
        Array.from({ length: 8 }, (_, n) => [`k/${n}a`, `k/${n}b`]),
      )
    })

    // What they cost is measured by `npm run bench -- store-scale`.
    test('ten thousand watches of one client all hear what is theirs, and nothing else', async () => {
      const prefix = newPrefix()
      const store = await open({ endpoints: cluster().endpoints, prefix })
      const count = 10_000
      const since = await store.range('w/')
      const readers = Array.from({ length: count }, (_, i) => new Reader(store.watch(`w/${i}/`, { since })))
      const told = [0, 1, count >> 1, count - 1]
      await store.transact({ then: told.map((at) => put(`w/${at}/x`, bytes('1'))) })
      await eventually(
        'those concerned hear',
        () => told.every((at) => readers[at]!.events.length > 0),
        120_000,
      )
      const heard = readers.flatMap(({ events }, at) => (events.length > 0 ? [at] : []))
      assert.deepEqual(heard, told)
      await Promise.all(readers.map((reader) => reader.close()))
    })

    test('after faults of all kinds, the state built from events is the state that is read', async () => {
      const prefix = newPrefix()
      const store = await open({ endpoints: cluster().endpoints, prefix })
      const state = new Map<string, string>()
      let last = 0
      const watch = store.watch('s/')
      const following = (async () => {
        for await (const { events, revision } of watch) {
          assert.ok(revision > last, 'revisions go on')
          last = revision
          for (const { key, entry } of events) {
            if (entry === undefined) state.delete(key)
            else state.set(key, `${text(entry.value)}@${entry.modRevision}`)
          }
        }
      })()
      const done = new AbortController()
      let written = 0
      const writer = await open({ endpoints: cluster().endpoints.toReversed(), prefix })
      const writing = (async () => {
        for (let n = 0; !done.signal.aborted; n++) {
          const key = `s/${(n * 7) % 40}`
          const operation = n % 5 === 4 ? remove(key) : put(key, bytes(String(n)))
          await writer.transact({ then: [operation] }, { repeat: 'once' })
          written++
        }
      })()
      const goOn = async (): Promise<void> => {
        const from = written
        await eventually('writing goes on', () => written > from + 20, patienceMs)
      }
      await goOn()
      for (const choose of ['follower', 'leader'] as const) {
        const killed = await cluster()[choose]()
        await killed.kill()
        await goOn()
        await cluster().compact()
        killed.start()
        await goOn()
        const paused = await cluster()[choose]()
        paused.pause()
        await goOn()
        paused.resume()
        await goOn()
        await cluster().compact()
      }
      done.abort()
      await writing
      const { entries, revision } = await store.range('s/')
      const end = await store.transact({ then: [put('s/end', bytes('end'))] }, { repeat: 'once' })
      await eventually('the watch has come to the end', () => last >= end.revision)
      assert.ok(end.revision > revision)
      state.delete('s/end')
      assert.deepEqual(
        Object.fromEntries(state),
        Object.fromEntries(
          entries.map(({ key, value, modRevision }) => [key, `${text(value)}@${modRevision}`]),
        ),
      )
      watch.close()
      await following
    })
  },
  ['distribution', 'current'],
)
