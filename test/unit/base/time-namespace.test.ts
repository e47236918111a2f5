import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTimeOffsets } from '../../../src/base/time-namespace.ts'

test('offsets are those of the text, in milliseconds; what is not there is none', () => {
  assert.deepEqual(parseTimeOffsets('monotonic      100000         0\nboottime           -3 500000000\n'), {
    monotonicMs: 100_000_000,
    bootMs: -2_500,
  })
  assert.deepEqual(parseTimeOffsets(''), { monotonicMs: 0, bootMs: 0 })
})
