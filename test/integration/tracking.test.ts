import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { test } from 'node:test'
import { run } from 'vertigo-flow'
import { deadLetter, heard, input } from '../fixtures/run/tracked-net.ts'

/** Tracked messages across real threads: what comes back has to find its way over threads that have no link to the source. */

test('code hears of each message that it feeds what became of all of it, across threads', async (t) => {
  t.after(() => rm(deadLetter, { force: true }))
  const net = new URL('../fixtures/run/tracked-net.ts', import.meta.url)
  const running = await run(net, { workers: 4 })
  const expected = new Map<unknown, readonly string[]>()
  for (let id = 0; id < 3_000; id++) {
    const isBad = id % 7 === 3
    const asks = id % 5 === 0 && !isBad
    const line = id % 4 === 2 ? 'dull' : `one two-${id} dull three`
    await input.send(isBad ? `${line} bad` : line, { id, wantsAnswers: asks })
    const answers = asks && line !== 'dull' ? ['"one"', `"two-${id}"`, '"three"'] : []
    expected.set(id, isBad ? ['check: a bad word'] : [...answers, 'ack'])
  }
  input.end()
  await running.done
  const sorted = (lines: readonly string[]): string => JSON.stringify(lines.toSorted())
  for (const [id, lines] of expected) {
    assert.equal(sorted(heard.get(id) ?? []), sorted(lines), `of message ${String(id)}`)
    if (lines.includes('ack')) assert.equal(heard.get(id)?.at(-1), 'ack', 'answers come before the end')
  }
  assert.equal(heard.size, expected.size)
  const dead = (await readFile(deadLetter, 'utf8')).trim().split('\n')
  assert.equal(dead.length, [...expected.values()].filter(([first]) => first === 'check: a bad word').length)
})
