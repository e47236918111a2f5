import assert from 'node:assert/strict'
import { join } from 'node:path'
import { checkExample, readJsonLines, readLines } from '../lib/example.ts'
import type { Priced } from './price.ts'

await checkExample(import.meta.dirname, async ({ folder, vertigo }) => {
  const priced = join(folder, 'priced.jsonl')
  const refused = join(folder, 'refused.csv')
  const settings = [`priced.config.path=${priced}`, `refused.config.path=${refused}`]
  await vertigo('run', 'network.yaml', ...settings.flatMap((setting) => ['--set', setting]))

  const expected: Priced[] = []
  const expectedRefused = ['id,reason']
  for (let id = 1; id <= 1000; id++) {
    if (id % 7 === 0) {
      expectedRefused.push(`${id},no quantity`)
      continue
    }
    const country = ['DE', 'FR', 'GB', 'US'][id % 4]!
    const net = (1 + (id % 5)) * (199 + ((id * 37) % 1000))
    const tax = country === 'US' ? 0 : net * (country === 'DE' ? 0.19 : 0.2)
    expected.push({ id, country, totalCents: Math.round(net + tax) })
  }
  // Two instances give the prices, so the order of their results is not fixed.
  const actual = readJsonLines<Priced>(priced).toSorted((a, b) => a.id - b.id)
  assert.deepEqual(actual, expected)
  assert.deepEqual(readLines(refused), expectedRefused)
})
