import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import { isVertigoError } from '../../../src/base/errors.ts'
import { valueBytesMax } from '../../../src/store/limits.ts'
import * as op from '../../../src/store/operations.ts'
import type { Compare, Store, Transaction } from '../../../src/store/store.ts'
import type { Use } from './subjects.ts'
import { bytes, shown, text } from './support.ts'

const code = (expected: string) => (error: unknown) => isVertigoError(error) && error.code === expected

async function put(store: Store, key: string, value: string): Promise<number> {
  return (await store.transact({ then: [op.put(key, bytes(value))] })).revision
}

/** ST-1, ST-2: keys, revisions and transactions. */
export function keyTests(use: Use): void {
  describe('keys', () => {
    it('keep what was put, whatever becomes of the buffer', () =>
      use(async (store) => {
        const value = Buffer.from('before')
        await store.transact({ then: [op.put('own', value)] })
        value.fill('x')
        assert.equal(text((await store.get('own')).entry?.value), 'before')
      }))

    it('are not there before they are put', () =>
      use(async (store) => {
        const { entry, revision } = await store.get('a')
        assert.equal(entry, undefined)
        assert.ok(revision >= 1)
        const { entries, more } = await store.range('')
        assert.deepEqual([entries, more], [[], false])
      }))

    it('have revisions and a version, which begin anew when they come back', () =>
      use(async (store) => {
        const first = await put(store, 'k', '1')
        const second = await put(store, 'k', '2')
        assert.equal(second, first + 1)
        const { entry } = await store.get('k')
        assert.equal(text(entry?.value), '2')
        const { createRevision, modRevision, version } = entry!
        assert.deepEqual(
          { createRevision, modRevision, version },
          { createRevision: first, modRevision: second, version: 2 },
        )
        await store.transact({ then: [op.remove('k')] })
        const again = await put(store, 'k', '3')
        const back = (await store.get('k')).entry!
        assert.deepEqual([back.createRevision, back.modRevision, back.version], [again, again, 1])
      }))

    it('may be any text, and hold any bytes', () =>
      use(async (store) => {
        const keys = [
          'a b',
          'ä/ö',
          '\u0000',
          '\u007f',
          '\ud7ff',
          '\ue000',
          '\uffff',
          '😀',
          '😀x',
          'x'.repeat(1024),
        ]
        for (const [index, key] of keys.entries())
          await store.transact({ then: [op.put(key, Buffer.from([0, index, 255]))] })
        for (const [index, key] of keys.entries())
          assert.deepEqual(
            Buffer.from((await store.get(key)).entry!.value),
            Buffer.from([0, index, 255]),
            key,
          )
        const { entries } = await store.range('')
        const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        assert.deepEqual(
          entries.map(({ key }) => key),
          sorted,
          'in the order of their bytes',
        )
      }))

    it('may hold nothing, and up to the limit', () =>
      use(async (store) => {
        await put(store, 'empty', '')
        assert.equal((await store.get('empty')).entry?.value.length, 0)
        const large = Buffer.alloc(valueBytesMax, 7)
        await store.transact({ then: [op.put('large', large)] })
        assert.deepEqual(Buffer.from((await store.get('large')).entry!.value), large)
        const before = (await store.get('x')).revision
        const over = { then: [op.put('x', bytes('1')), op.put('y', Buffer.alloc(valueBytesMax + 1))] }
        await assert.rejects(store.transact(over), code('STORE_VALUE_TOO_LARGE'))
        assert.deepEqual(await store.get('x'), { entry: undefined, revision: before })
      }))

    it('are read by prefix, in parts if wanted', () =>
      use(async (store) => {
        for (const key of ['a', 'a/1', 'a/2', 'a/3', 'a0', 'b']) await put(store, key, key)
        assert.deepEqual(shown((await store.range('a/')).entries), ['a/1=a/1', 'a/2=a/2', 'a/3=a/3'])
        const part = await store.range('a', { limit: 2 })
        assert.deepEqual([part.entries.map(({ key }) => key), part.more], [['a', 'a/1'], true])
        const rest = await store.range('a', { limit: 9, after: 'a/1' })
        assert.deepEqual([rest.entries.map(({ key }) => key), rest.more], [['a/2', 'a/3', 'a0'], false])
        assert.deepEqual((await store.range('a', { after: 'a0' })).entries, [])
        assert.deepEqual((await store.range('a', { limit: 5 })).more, false)
      }))

    it('are read in one piece where they are many', () =>
      use(async (store) => {
        const name = (index: number): string => `many/${String(index).padStart(5, '0')}`
        for (let at = 0; at < 3000; at += 100)
          await store.transact({
            then: Array.from({ length: 100 }, (_, index) =>
              op.put(name(at + index), Buffer.alloc(1000, index)),
            ),
          })
        const { entries } = await store.range('many/')
        assert.deepEqual(
          entries.map(({ key }) => key),
          Array.from({ length: 3000 }, (_, index) => name(index)),
        )
      }))

    it('that cannot be keys are refused', () =>
      use(async (store) => {
        for (const key of ['', '\ud800', 'x'.repeat(1025)])
          await assert.rejects(store.transact({ then: [op.put(key, bytes(''))] }), code('STORE_KEY_INVALID'))
        await assert.rejects(store.get(''), code('STORE_KEY_INVALID'))
      }))
  })

  describe('transactions', () => {
    it('take the one branch or the other', () =>
      use(async (store) => {
        const tx: Transaction = {
          compare: [op.isMissing('lock')],
          then: [op.put('lock', bytes('mine'))],
          otherwise: [op.get('lock')],
        }
        const first = await store.transact(tx)
        assert.deepEqual([first.succeeded, first.results], [true, [{ type: 'put' }]])
        const second = await store.transact(tx)
        assert.equal(second.succeeded, false)
        assert.equal(second.revision, first.revision, 'what only reads does not use up a revision')
        const [read] = second.results
        assert.equal(read?.type === 'get' && text(read.entry?.value), 'mine')
      }))

    it('do their operations in order, all in one revision', () =>
      use(async (store) => {
        await put(store, 'p/old', '0')
        const { results, revision } = await store.transact({
          then: [
            op.get('p/a'),
            op.put('p/a', bytes('1')),
            op.get('p/a'),
            op.range('p/'),
            op.remove('p/old'),
            op.remove('p/none'),
            op.range('p/'),
            op.removeRange('q/'),
          ],
        })
        const seen = results.map((result) => {
          if (result.type === 'get') return text(result.entry?.value)
          if (result.type === 'range') return shown(result.entries)
          return result.type === 'put' ? 'put' : result.deleted
        })
        assert.deepEqual(seen, [undefined, 'put', '1', ['p/a=1', 'p/old=0'], 1, 0, ['p/a=1'], 0])
        assert.equal((await store.get('p/a')).entry?.modRevision, revision)
      }))

    it('that change nothing use up no revision', () =>
      use(async (store) => {
        const before = await put(store, 'a', '1')
        for (const tx of [{}, { then: [op.remove('none')] }, { then: [op.removeRange('none/')] }])
          assert.equal((await store.transact(tx)).revision, before)
      }))

    it('compare versions, revisions and values', () =>
      use(async (store) => {
        const created = await put(store, 'k', 'b')
        const changed = await put(store, 'k', 'b')
        const holds: Compare[] = [
          { key: 'k', target: 'version', is: '=', than: 2 },
          { key: 'k', target: 'version', is: '<', than: 3 },
          { key: 'k', target: 'version', is: '>', than: 1 },
          { key: 'k', target: 'version', is: '!=', than: 1 },
          { key: 'k', target: 'createRevision', is: '=', than: created },
          { key: 'k', target: 'modRevision', is: '=', than: changed },
          { key: 'k', target: 'value', is: '=', than: bytes('b') },
          { key: 'k', target: 'value', is: '<', than: bytes('ba') },
          { key: 'k', target: 'value', is: '>', than: bytes('a') },
          { key: 'k', target: 'value', is: '!=', than: bytes('c') },
          { key: 'none', target: 'version', is: '=', than: 0 },
          { key: 'none', target: 'modRevision', is: '=', than: 0 },
          { key: 'none', target: 'createRevision', is: '<', than: 1 },
        ]
        for (const compare of holds)
          assert.equal(
            (await store.transact({ compare: [compare] })).succeeded,
            true,
            JSON.stringify(compare),
          )
        const fails: Compare[] = [
          { key: 'k', target: 'version', is: '=', than: 1 },
          { key: 'k', target: 'createRevision', is: '>', than: created },
          { key: 'k', target: 'value', is: '=', than: bytes('') },
          { key: 'none', target: 'value', is: '=', than: bytes('') },
          { key: 'none', target: 'value', is: '!=', than: bytes('x') },
          { key: 'none', target: 'value', is: '<', than: bytes('x') },
        ]
        for (const compare of fails)
          assert.equal(
            (await store.transact({ compare: [compare] })).succeeded,
            false,
            JSON.stringify(compare),
          )
        assert.equal(
          (await store.transact({ compare: [holds[0]!, fails[0]!] })).succeeded,
          false,
          'all must hold',
        )
      }))

    it('that no store takes are refused before anything is written', () =>
      use(async (store) => {
        const before = await put(store, 'a', '1')
        const invalid: Transaction[] = [
          { then: Array.from({ length: 129 }, (_, index) => op.put(`n${index}`, bytes(''))) },
          { then: [op.put('n', bytes('1')), op.put('n', bytes('2'))] },
          { then: [op.put('n', bytes('1')), op.remove('n')] },
          { then: [op.put('n/1', bytes('1')), op.removeRange('n/')] },
          { then: [op.put('n', bytes('1'))], otherwise: [op.put('m', bytes('1')), op.put('m', bytes('2'))] },
          { then: [op.put('n', Buffer.alloc(800_000)), op.put('m', Buffer.alloc(800_000))] },
        ]
        for (const tx of invalid) await assert.rejects(store.transact(tx), code('STORE_TRANSACTION_INVALID'))
        assert.deepEqual(shown((await store.range('')).entries), ['a=1'])
        assert.equal((await store.get('a')).revision, before)
      }))

    it('of many clients at once lose no change', () =>
      use(async (store, fixture) => {
        const others = await Promise.all([fixture.open(), fixture.open()])
        const add = async (client: Store): Promise<void> => {
          for (;;) {
            const { entry } = await client.get('sum')
            const next = bytes(String(Number(text(entry?.value) ?? '0') + 1))
            const { succeeded } = await client.transact({
              compare: [op.isUnchanged('sum', entry)],
              then: [op.put('sum', next)],
            })
            if (succeeded) return
          }
        }
        const clients = [store, ...others]
        await Promise.all(clients.flatMap((client) => Array.from({ length: 10 }, () => add(client))))
        assert.equal(text((await store.get('sum')).entry?.value), '30')
      }))

    it('are seen by every client once they are acknowledged', () =>
      use(async (store, fixture) => {
        const other = await fixture.open()
        for (let round = 0; round < 50; round++) {
          const [writer, reader] = round % 2 === 0 ? [store, other] : [other, store]
          await put(writer, 'turn', String(round))
          assert.equal(text((await reader.get('turn')).entry?.value), String(round))
        }
      }))
  })

  describe('a closed store', () => {
    it('refuses everything, and closing again is harmless', () =>
      use(async (_store, fixture) => {
        const store = await fixture.open()
        await store.close()
        await store.close()
        await assert.rejects(store.get('a'), code('STORE_CLOSED'))
        await assert.rejects(store.transact({}), code('STORE_CLOSED'))
        assert.throws(() => store.watch(''), code('STORE_CLOSED'))
      }))

    it('leaves the others alone', () =>
      use(async (store, fixture) => {
        await (await fixture.open()).close()
        await put(store, 'a', '1')
        assert.equal(text((await store.get('a')).entry?.value), '1')
      }))
  })

  it('does nothing for a call that was given up before it began', () =>
    use(async (store) => {
      const signal = AbortSignal.abort(new Error('given up'))
      await assert.rejects(store.transact({ then: [op.put('a', bytes('1'))] }, { signal }), /given up/)
      assert.equal((await store.get('a')).entry, undefined)
    }))
}
