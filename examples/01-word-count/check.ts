import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkExample, readJsonLines } from '../lib/example.ts'
import type { WordCount } from './count.ts'

const home = import.meta.dirname

await checkExample(home, async ({ folder, vertigo, file }) => {
  const expected: Record<string, number> = Object.create(null) as Record<string, number>
  const files =
    file === undefined ? globSync('**/*.md', { cwd: home }).map((name) => join(home, name)) : [file]
  for (const name of files)
    for (const word of readFileSync(name, 'latin1').split(/[^A-Za-z]+/))
      if (word !== '') expected[word.toLowerCase()] = (expected[word.toLowerCase()] ?? 0) + 1
  assert.ok(Object.keys(expected).length > 20, 'there is hardly any input')

  for (const network of ['network.yaml', 'network.ts']) {
    const result = join(folder, `${network}.jsonl`)
    const input = file === undefined ? [] : ['--set', `lines.config.path=${file}`]
    await vertigo('run', network, '--workers', '2', '--set', `result.config.path=${result}`, ...input)
    const counts = readJsonLines<WordCount>(result)
    const actual: Record<string, number> = Object.create(null) as Record<string, number>
    for (const { word, count } of counts) actual[word] = count
    assert.deepEqual(actual, expected, `the counts of ${network} differ`)
    assert.equal(counts.length, Object.keys(expected).length, `${network} sent a word twice`)
  }
})
