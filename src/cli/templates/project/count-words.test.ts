import assert from 'node:assert/strict'
import test from 'node:test'
import { testComponent } from 'vertigo-flow/testkit'
import countWords from './count-words.ts'

test('counts equal words', async () => {
  const tester = await testComponent(countWords)
  await tester.send('word', 'flow', 'based', 'flow')
  assert.deepEqual(tester.outputs.count, [], 'nothing is sent while words may come')
  const { count } = await tester.end()
  assert.deepEqual(
    count.toSorted((a, b) => a.word.localeCompare(b.word)),
    [
      { word: 'based', count: 1 },
      { word: 'flow', count: 2 },
    ],
  )
})

test('leaves out rare words', async () => {
  const tester = await testComponent(countWords, { config: { least: 2 } })
  await tester.send('word', 'flow', 'based', 'flow')
  assert.deepEqual(await tester.end(), { count: [{ word: 'flow', count: 2 }] })
})
