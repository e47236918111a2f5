import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SinkBatch } from '../../../src/component/index.ts'
import { inFolder, interleave, Life, lines, Place, snapshot, walk, type Way } from './interleaved-lives.ts'

/**
 * Two instances of one writer, of which the older one does not know that it was replaced: it stands still before each of its calls of the
 * operating system in turn, and goes on before each call of its successor in turn. Whatever the two do when, what is to be seen in the
 * end, and in a third life, is what was committed.
 */
const ways: readonly (Way & { readonly isStagedGone?: boolean })[] = [
  { name: 'a file that grows', parts: false, append: false, before: 'of somebody else\n' },
  {
    name: 'a file of which nothing is staged any more',
    parts: false,
    append: false,
    before: 'of somebody else\n',
    isStagedGone: true,
  },
  { name: 'a file that is appended to', parts: false, append: true, before: 'before\n' },
  { name: 'parts that a loader takes away', parts: true, append: false },
]

const first = 11

for (const way of ways)
  test(`${way.name}: one that was replaced stops before any call, and goes on before any call of its successor`, (t) =>
    inFolder(t, async (folder) => {
      await walk(t, async (processes, name) => {
        const place = new Place(way, join(folder, name))
        await place.set()
        const replaced = await Life.begin(place)
        const staged = [await replaced.prepare(first), await replaced.prepare(first + 1)]
        if (way.isStagedGone === true) await place.removeStaged()
        let last: SinkBatch | undefined
        await interleave(
          processes,
          async () => {
            for (const batch of staged) await replaced.commit(batch)
          },
          async () => {
            const successor = await Life.begin(place, { since: first, staged })
            last = await successor.prepare(first + 2)
            await successor.commit(last)
          },
        )
        const before = way.append ? way.before! : ''
        assert.equal(await place.seen(), before + lines(first, first + 1, first + 2))
        const restored = { since: first, published: snapshot(first + 1), staged: [last!] }
        const third = await Life.begin(place, restored)
        await third.commit(await third.prepare(first + 3))
        assert.equal(await place.seen(), before + lines(first, first + 1, first + 2, first + 3))
      })
    }))

for (const { published, isStagedGone } of [
  { published: 0, isStagedGone: false },
  { published: 0, isStagedGone: true },
  { published: 1, isStagedGone: false },
])
  test(`a run that is over, with ${published} of 2 pieces published${isStagedGone ? ', and nothing staged any more' : ''}, stops before any call, and goes on before any call of a fresh one`, (t) =>
    inFolder(t, async (folder) => {
      await walk(t, async (processes, name) => {
        const place = new Place(ways[0]!, join(folder, name))
        await place.set()
        const over = await Life.begin(place)
        const staged = [await over.prepare(first), await over.prepare(first + 1)]
        if (isStagedGone) await place.removeStaged()
        for (const batch of staged.slice(0, published)) await over.commit(batch)
        let last: SinkBatch | undefined
        await interleave(
          processes,
          async () => {
            for (const batch of staged.slice(published)) await over.commit(batch)
          },
          async () => {
            const fresh = await Life.begin(place)
            await fresh.commit(await fresh.prepare(first + 2))
            last = await fresh.prepare(first + 3)
            await fresh.commit(last)
          },
        )
        assert.equal(await place.seen(), lines(first + 2, first + 3))
        const restored = { since: first + 2, published: snapshot(first + 2), staged: [last!] }
        const third = await Life.begin(place, restored)
        await third.commit(await third.prepare(first + 4))
        assert.equal(await place.seen(), lines(first + 2, first + 3, first + 4))
      })
    }))
