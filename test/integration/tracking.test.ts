import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { network, run } from 'vertigo-flow'
import { feeder } from 'vertigo-flow/connectors'
import { eventually } from '../support/eventually.ts'
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

test('what was sent again in vain is in the dead letters, as TRACKED_FAILED or TRACKED_TIMED_OUT', async (t) => {
  const letters = join(tmpdir(), `vertigo-in-vain-${process.pid}.jsonl`)
  t.after(() => rm(letters, { force: true }))
  const told: string[] = []
  const feedingWithin = (timeoutMs: number) =>
    feeder<string>({
      track: {
        timeoutMs,
        replay: { times: 1, delayMs: 1 },
        ack: (id) => void told.push(`ack ${String(id)}`),
        fail: (id, { error }) => void told.push(`fail ${String(id)}: ${error.message}`),
        timeout: (id) => void told.push(`timeout ${String(id)}`),
      },
    })
  const [feeding, brief] = [feedingWithin(60_000), feedingWithin(100)]
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  let calls = 0
  const net = network('in-vain', { deadLetter: letters })
  const inputs = [net.add('input', feeding.kind), net.add('brief', brief.kind)]
  const work = net.add(
    'work',
    async (message: string): Promise<void> => {
      calls++
      if (message === 'stuck') await released
      if (message === 'bad') throw new Error('a bad message')
    },
    { errors: 'reject', concurrency: 10, order: 'completion' },
  )
  for (const { outputs } of inputs) net.connect(outputs.out, work.inputs.in)
  const running = await run(net, { workers: 0 })
  for (const message of ['good', 'bad']) await feeding.send(message, { id: message })
  await brief.send('stuck', { id: 'stuck' })
  await eventually('all three are told of', () => told.length === 3)
  assert.deepEqual(told.toSorted(), ['ack good', 'fail bad: a bad message', 'timeout stuck'])
  await eventually('two of them have come again', () => calls >= 5)
  assert.equal(calls, 5)
  release()
  feeding.end()
  brief.end()
  await running.done
  const dead = (await readFile(letters, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { component: string; message: string; error: Record<string, string> })
    .filter(({ component }) => component === 'input' || component === 'brief')
  const errors = Object.fromEntries(
    dead.map(({ message, error }) => [message, [error['code'], error['message']]]),
  )
  assert.deepEqual(errors, {
    bad: ['TRACKED_FAILED', 'work[0] failed at port "in": a bad message; it was sent 2 times'],
    stuck: ['TRACKED_TIMED_OUT', 'not complete within 100 ms; it was sent 2 times'],
  })
  assert.equal(dead.length, 2)
})
