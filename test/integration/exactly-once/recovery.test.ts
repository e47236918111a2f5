import { test } from 'node:test'
import { Counting } from './counting.ts'

test('with more instances, a node less, and then fewer, words are counted as by a plain loop', async (t) => {
  const counting = await Counting.start()
  t.after(() => counting.close())
  await counting.scale('count', 5)
  // It never comes back: two nodes take over what three had, of which key groups have moved.
  await counting.loseNode()
  await counting.scale('split', 3)
  await counting.scale('count', 2)
  t.diagnostic(`${await counting.finish()} words were checked`)
})
