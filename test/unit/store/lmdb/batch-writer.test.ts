import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { systemClock } from '../../../../src/base/clock.ts'
import { BatchWriter } from '../../../../src/store/lmdb/batch-writer.ts'
import type { Environment } from '../../../../src/store/lmdb/environment.ts'
import type { LockWait } from '../../../../src/store/lmdb/lock-wait.ts'
import { Refusal } from '../../../../src/store/lmdb/refusal.ts'
import type { Tables } from '../../../../src/store/lmdb/tables.ts'

/** A database whose commits end with an error of LMDB, one after the other; how often one was begun. */
function failing(...codes: number[]): {
  readonly writer: BatchWriter
  readonly other: BatchWriter
  readonly begun: () => number
} {
  let begun = 0
  const environment = {
    folder: tmpdir(),
    file: { check: () => undefined },
    refusal: new Refusal(),
    root: {
      childTransaction: () => {
        const code = codes[begun++]
        const commitError = Promise.reject(Object.assign(new Error(`LMDB says ${code}`), { code }))
        return Promise.reject(Object.assign(new Error('Commit failed'), { commitError }))
      },
    },
  } as unknown as Environment
  return { writer: writerOf(environment), other: writerOf(environment), begun: () => begun }
}

function writerOf(environment: Environment): BatchWriter {
  return new BatchWriter({
    environment,
    tables: {} as Tables,
    clock: systemClock,
    limits: {} as never,
    wait: { begin: () => undefined, end: () => undefined } as unknown as LockWait,
    untilOpened: () => Promise.resolve(),
    onNews: () => undefined,
    report: () => undefined,
  })
}

const nothing = (): void => undefined
const refused = { code: 'STORE_PLACE_UNFIT', message: /LMDB says/, remedy: /start the node again/ }

for (const [what, code, first] of [
  ['is read-only', 30, 'STORE_PLACE_UNFIT'],
  ['is broken', 5, 'STORE_OUTCOME_UNKNOWN'],
] as const)
  test(`BW-5: after a commit that a disk refused which ${what}, LMDB is called by nobody any more`, async () => {
    const { writer, other, begun } = failing(code)
    await assert.rejects(writer.write(nothing), { code: first })
    await assert.rejects(writer.write(nothing), refused)
    await Promise.all([writer, writer, other].map((one) => assert.rejects(one.write(nothing), refused)))
    await writer.close()
    assert.equal(begun(), 1)
  })

test('BW-5: after another failure the next commit is tried', async () => {
  const { writer, begun } = failing(28, 5_000, 30)
  await assert.rejects(writer.write(nothing), { code: 'STORE_FULL' })
  await assert.rejects(writer.write(nothing), { code: 'STORE_OUTCOME_UNKNOWN' })
  await assert.rejects(writer.write(nothing), { code: 'STORE_PLACE_UNFIT' })
  await assert.rejects(writer.write(nothing), refused)
  assert.equal(begun(), 3)
})
