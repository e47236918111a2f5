import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { BatchWriter } from '../../../../src/store/lmdb/batch-writer.ts'
import type { Environment } from '../../../../src/store/lmdb/environment.ts'
import type { LockWait } from '../../../../src/store/lmdb/lock-wait.ts'
import type { Tables } from '../../../../src/store/lmdb/tables.ts'

/** A database whose commits end with an error of LMDB, one after the other; how often one was begun. */
function failing(...codes: number[]): { readonly writer: BatchWriter; readonly begun: () => number } {
  let begun = 0
  const environment = {
    folder: '/store',
    file: { check: () => undefined },
    root: {
      childTransaction: () => {
        const code = codes[begun++]
        const commitError = Promise.reject(Object.assign(new Error(`LMDB says ${code}`), { code }))
        return Promise.reject(Object.assign(new Error('Commit failed'), { commitError }))
      },
    },
  } as unknown as Environment
  const writer = new BatchWriter({
    environment,
    tables: {} as Tables,
    clock: systemClock,
    limits: {} as never,
    wait: { begin: () => undefined, end: () => undefined } as unknown as LockWait,
    untilOpened: () => Promise.resolve(),
    onNews: () => undefined,
    report: () => undefined,
  })
  return { writer, begun: () => begun }
}

const nothing = (): void => undefined

for (const [what, codes, expected] of [
  ['a disk that has become read-only', [30], 'STORE_PLACE_UNFIT'],
  ['a database that LMDB writes to no more', [-30795], 'STORE_CORRUPT'],
] as const)
  test(`BW-5: ${what} refuses a commit: LMDB is called no more, and all calls fail as that one did`, async () => {
    const { writer, begun } = failing(...codes)
    await assert.rejects(writer.write(nothing), { code: expected })
    await assert.rejects(writer.write(nothing), { code: expected })
    await Promise.all([1, 2].map(() => assert.rejects(writer.write(nothing), { code: expected })))
    assert.equal(begun(), 1)
  })

test('BW-5: after another failure the next commit is tried', async () => {
  const { writer, begun } = failing(28, 5_000, 30)
  await assert.rejects(writer.write(nothing), { code: 'STORE_FULL' })
  await assert.rejects(writer.write(nothing), { code: 'STORE_OUTCOME_UNKNOWN' })
  await assert.rejects(writer.write(nothing), { code: 'STORE_PLACE_UNFIT' })
  await assert.rejects(writer.write(nothing), { code: 'STORE_PLACE_UNFIT' })
  assert.equal(begun(), 3)
})
