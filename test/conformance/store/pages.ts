import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as op from '../../../src/store/operations.ts'
import type { Entry, Operation, Store } from '../../../src/store/store.ts'
import type { Use } from './subjects.ts'
import { bytes } from './support.ts'

const keysMax = 1_000
const keyOf = (index: number): string => `p/${String(index).padStart(5, '0')}`

async function fill(store: Store): Promise<void> {
  for (let from = 0; from < keysMax; from += 100) {
    const then = Array.from({ length: 100 }, (_, i) => op.put(keyOf(from + i), bytes(`${from + i}`)))
    await store.transact({ then })
  }
}

const plain = (entries: readonly Entry[]): unknown[] =>
  entries.map(({ value, ...rest }) => ({ ...rest, value: Buffer.from(value).toString() }))

/** ST-1: a range in pages. */
export function pageTests(use: Use): void {
  describe('pages', () => {
    it('are of one revision, whatever is changed, made and deleted meanwhile', () =>
      use(async (store) => {
        await fill(store)
        await store.transact({ then: [op.put('other', bytes('x')), op.put('q', bytes('x'))] })
        const before = await store.range('p/')
        const read: Entry[] = []
        const revisions = new Set<number>()
        let pages = 0
        for await (const { entries, revision, more } of store.pages('p/')) {
          read.push(...entries)
          revisions.add(revision)
          pages++
          if (!more) continue
          const at = read.length
          const changes: Operation[] = [
            op.put(keyOf(at - 1), bytes('given already')),
            op.put(keyOf(at + 1), bytes('changed')),
            op.remove(keyOf(at + 2)),
            op.remove(keyOf(at + 3)),
            op.put(`${keyOf(at + 4)}/new`, bytes('new')),
            op.remove(keyOf(keysMax - pages)),
            op.put('other', bytes(`${pages}`)),
          ]
          await store.transact({ then: changes })
          // Made again, so that it looks as one that is new.
          await store.transact({ then: [op.put(keyOf(at + 3), bytes('again'))] })
          await store.transact({ then: [op.remove(`${keyOf(at + 4)}/new`)] })
        }
        assert.ok(pages > 1, `there was ${pages} page`)
        assert.deepEqual([...revisions], [before.revision])
        assert.deepEqual(plain(read), plain(before.entries))
      }))

    it('of nothing are one, and empty', () =>
      use(async (store) => {
        const pages = []
        for await (const page of store.pages('p/')) pages.push(page)
        const { revision } = await store.range('')
        assert.deepEqual(pages, [{ entries: [], revision, more: false }])
      }))

    it('end where they are not wanted any more', () =>
      use(async (store) => {
        await fill(store)
        for await (const { entries } of store.pages('')) {
          assert.ok(entries.length < keysMax)
          break
        }
        await store.transact({ then: [op.put(keyOf(1), bytes('x'))] })
        assert.equal((await store.range('')).entries.length, keysMax)
      }))
  })
}
