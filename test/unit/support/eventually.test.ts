import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, Hopeless, pauseMsAfter } from '../../support/eventually.ts'

test('who has waited for long looks less often, but never seldom', () => {
  assert.deepEqual([0, 100, 200, 400, 1_000, 60_000].map(pauseMsAfter), [10, 10, 10, 20, 50, 50])
})

test('what comes true is given, however many looks it takes', async () => {
  let looks = 0
  assert.equal(await eventually('a third look', () => ++looks > 2 && looks), 3)
})

test('what does not happen in time is told with the last reason, and what cannot happen at once', async () => {
  const fails = (error: Error) => () => Promise.reject(error)
  await assert.rejects(eventually('a wonder', fails(new Error('no')), 30), {
    message: 'within 30 ms it did not happen: a wonder',
    cause: new Error('no'),
  })
  await assert.rejects(eventually('a wonder', fails(new Hopeless('never'))), {
    message: 'it will not happen: a wonder',
  })
})
