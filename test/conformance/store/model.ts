import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Compare, Operation, Store, Transaction, TransactionResult } from '../../../src/store/store.ts'
import type { Use } from './subjects.ts'
import { bytes, text } from './support.ts'

interface Row {
  readonly value: string
  readonly created: number
  readonly changed: number
  readonly version: number
}

/** What a store does, as a plain map; written from etcd's documentation, and knowing nothing of ours. */
class Model {
  rows = new Map<string, Row>()
  revision = 0

  run({ compare = [], then = [], otherwise = [] }: Transaction): unknown {
    const succeeded = compare.every((one) => this.holds(one))
    const next = this.revision + 1
    let wrote = false
    const drop = (keys: readonly string[]): number => {
      for (const key of keys) this.rows.delete(key)
      if (keys.length > 0) wrote = true
      return keys.length
    }
    const results = (succeeded ? then : otherwise).map((operation: Operation): unknown => {
      if (operation.type === 'get') return this.rows.get(operation.key) ?? null
      if (operation.type === 'range')
        return this.under(operation.prefix).map((key) => [key, this.rows.get(key)])
      if (operation.type === 'delete') return drop(this.rows.has(operation.key) ? [operation.key] : [])
      if (operation.type === 'delete-range') return drop(this.under(operation.prefix))
      const old = this.rows.get(operation.key)
      wrote = true
      this.rows.set(operation.key, {
        value: text(operation.value)!,
        created: old?.created ?? next,
        changed: next,
        version: (old?.version ?? 0) + 1,
      })
      return 'put'
    })
    if (wrote) this.revision = next
    return { succeeded, revision: this.revision, results }
  }

  under(prefix: string): string[] {
    const keys = [...this.rows.keys()].filter((key) => key.startsWith(prefix))
    return keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  private holds(compare: Compare): boolean {
    const row = this.rows.get(compare.key)
    let order: number
    if (compare.target === 'value') {
      if (row === undefined) return false
      order = Buffer.compare(Buffer.from(row.value), compare.than)
    } else {
      const of = { version: row?.version, createRevision: row?.created, modRevision: row?.changed }
      order = (of[compare.target] ?? 0) - compare.than
    }
    return { '=': order === 0, '!=': order !== 0, '<': order < 0, '>': order > 0 }[compare.is]
  }
}

const key = fc.constantFrom('a', 'a/b', 'a/c', 'b', 'é', '😀')
const prefix = fc.constantFrom('', 'a', 'a/', 'zzz')
const value = fc.constantFrom('', '0', '1', '10').map(bytes)
const is = fc.constantFrom('=' as const, '!=' as const, '<' as const, '>' as const)
const compare: fc.Arbitrary<Compare> = fc.oneof(
  fc.record({ key, target: fc.constant('value' as const), is, than: value }),
  fc.record({ key, target: fc.constant('version' as const), is, than: fc.nat(3) }),
  fc.record({
    key,
    target: fc.constantFrom('createRevision' as const, 'modRevision' as const),
    is,
    than: fc.nat(12),
  }),
)
const read: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ type: fc.constant('get' as const), key }),
  fc.record({ type: fc.constant('range' as const), prefix }),
)
const write: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('put' as const), key, value }) },
  fc.record({ type: fc.constant('delete' as const), key }),
)
/** Writes to different keys, or one deletion of a range. */
const branch: fc.Arbitrary<Operation[]> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.uniqueArray(write, { maxLength: 3, selector: (one) => 'key' in one && one.key }),
        fc.array(read, { maxLength: 2 }),
        fc.boolean(),
      )
      .map(([writes, reads, first]) => (first ? [...reads, ...writes] : [...writes, ...reads])),
  },
  fc.record({ type: fc.constant('delete-range' as const), prefix }).map((one): Operation[] => [one]),
)
const transaction: fc.Arbitrary<Transaction> = fc.record(
  { compare: fc.array(compare, { maxLength: 2 }), then: branch, otherwise: branch },
  { requiredKeys: [] },
)

/** Generated transactions give what a plain map gives. */
export function modelTests(use: Use, numRuns: number): void {
  describe('compared with a plain map', () => {
    it('every transaction gives the same', () =>
      use(async (store) => {
        await fc.assert(
          fc.asyncProperty(fc.array(transaction, { minLength: 1, maxLength: 12 }), async (transactions) => {
            await store.transact({ then: [{ type: 'delete-range', prefix: '' }] })
            const offset = (await store.get('a')).revision
            const model = new Model()
            for (const one of transactions) {
              const real = shift(one, offset)
              const result = await store.transact(real)
              assert.deepEqual(plain(result, offset), model.run(one))
            }
            assert.deepEqual(
              await state(store),
              Object.fromEntries([...model.rows].map(([k, row]) => [k, row.value])),
            )
          }),
          { numRuns },
        )
      }))
  })
}

/** Revisions of the model begin at 0, wherever the store is. */
function shift(transaction: Transaction, offset: number): Transaction {
  return {
    ...transaction,
    compare: (transaction.compare ?? []).map((one) =>
      one.target === 'value' || one.target === 'version' || one.than === 0
        ? one
        : { ...one, than: one.than + offset },
    ),
  }
}

function plain({ succeeded, revision, results }: TransactionResult, offset: number): unknown {
  const row = (entry: {
    value: Uint8Array
    createRevision: number
    modRevision: number
    version: number
  }): Row => ({
    value: text(entry.value)!,
    created: entry.createRevision - offset,
    changed: entry.modRevision - offset,
    version: entry.version,
  })
  return {
    succeeded,
    revision: revision - offset,
    results: results.map((result): unknown => {
      if (result.type === 'get') return result.entry === undefined ? null : row(result.entry)
      if (result.type === 'range') return result.entries.map((entry) => [entry.key, row(entry)])
      return result.type === 'put' ? 'put' : result.deleted
    }),
  }
}

async function state(store: Store): Promise<unknown> {
  const { entries } = await store.range('')
  return Object.fromEntries(entries.map((entry) => [entry.key, text(entry.value)]))
}
