import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { inRoot } from '../../scripts/lib/paths.ts'
import { runScript } from '../../scripts/lib/process.ts'

const timeoutMs = 180_000

/** The examples with large real input, beside the one that their own checks bring. */
describe('examples with real input', () => {
  for (const [example, input] of [
    ['01-word-count', '../shared/data/shakespeare.txt'],
    ['02-access-log', '../shared/data/apache-access.log'],
    ['03-copy-files', '../shared/data'],
  ] as const) {
    const path = inRoot(input)
    const skip = existsSync(path) ? false : `${input} is not on this machine`
    test(`${example} with ${input}`, { skip }, async () => {
      const { code, output } = await runScript(`examples/${example}/check.ts`, ['--file', path], {
        timeoutMs,
      })
      assert.equal(code, 0, output)
    })
  }
})
