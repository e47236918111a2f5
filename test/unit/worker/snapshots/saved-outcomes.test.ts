import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeptOutcome } from '../../../../src/component/tracking.ts'
import { MessageCodec } from '../../../../src/wire/message-codec.ts'
import { decodeSaved, encodeSaved, nothingSaved } from '../../../../src/worker/snapshots/saved.ts'

/** Outcomes of requests in a snapshot: many in a part, so that a cut is short. */

const outcomes = (count: number, length: number): KeptOutcome[] =>
  Array.from({ length: count }, (_, n) =>
    n % 10 === 9
      ? { id: `r${n}`, failure: { name: 'VertigoError', code: 'REQUEST_FAILED', message: `no ${n}` } }
      : { id: `r${n}`, text: JSON.stringify('x'.repeat(length)) },
  )

for (const [count, length, parts] of [
  [1, 10, 1],
  [10_000, 10, 10],
  [1_000, 10_000, 34],
  [3, 1_000_000, 3],
] as const)
  test(`${count} outcomes of ${length} characters are written in ${parts} parts, and read`, () => {
    const answered = outcomes(count, length)
    const entries = encodeSaved({ ...nothingSaved, answered }, 'in')
    assert.equal(entries.find(({ key }) => key.toString() === 'answered')?.parts.length, parts)
    assert.deepEqual(decodeSaved(entries).answered, answered)
  })

test('outcomes of files of format 2 are read, each of which is a part', () => {
  const answered = outcomes(20, 10)
  const codec = new MessageCodec()
  const parts = answered.map((one) => new Uint8Array(codec.encode(one, 0)))
  const entries = [{ kind: 'put', key: Buffer.from('answered'), parts }] as const
  assert.deepEqual(decodeSaved(entries).answered, answered)
})
