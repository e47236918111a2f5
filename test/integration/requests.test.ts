import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { defineComponent, hash, network, port, run, value } from 'vertigo-flow'
import { feeder } from 'vertigo-flow/connectors'
import { errorCode } from '../support/error-code.ts'
import { kinds } from './cluster/ports-world.ts'

/** Requests of the code that runs a network: with each guarantee, in one thread and over several. */

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-requests-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const counted = {
  name: 'counted',
  components: {
    pass: { kind: `${kinds}#passing` },
    count: { kind: `${kinds}#counting`, instances: 2 },
    reply: { kind: 'answer' },
  },
  connections: [
    { from: 'pass.out', to: 'count.in', selector: { type: 'hash', key: 'key' } },
    { from: 'count.out', to: 'reply.in' },
  ],
  exports: { inputs: { things: 'pass.in' } },
}

for (const guarantee of [undefined, 'at-most-once', 'at-least-once', 'exactly-once'] as const)
  for (const workers of [0, 3])
    test(`a network in a file is asked, with ${guarantee ?? 'no'} guarantee, in ${workers || 'its own'} threads`, async (t) => {
      const source = join(folderOf(t), 'counted.json')
      await writeFile(source, JSON.stringify({ ...counted, ...(guarantee && { guarantee }) }))
      const running = await run(source, { workers, attach: ['things'] })
      const messages = Array.from({ length: 200 }, (_, n) => ({ key: `k${n % 7}`, n }))
      const answers = await Promise.all(messages.map((message) => running.request('things', message)))
      assert.deepEqual(
        answers,
        messages.map((message) => ({ ...message, times: 1 })),
      )
      running.endInput('things')
      await running.done
      assert.equal(await errorCode(running.request('things', messages[0])), 'BRIDGE_CLOSED')
    })

test('an exported input of a component with state is asked by the whole message, where nothing says by what', async (t) => {
  const source = join(folderOf(t), 'counted.json')
  const { components, connections } = counted
  const { pass: _, ...others } = components
  const exports = { inputs: { things: 'count.in' } }
  const network = { name: 'direct', components: others, connections: connections.slice(1), exports }
  await writeFile(source, JSON.stringify(network))
  const running = await run(source, { workers: 0, attach: ['things'] })
  const message = { key: 'k', n: 1 }
  for (const times of [1, 2])
    assert.deepEqual(await running.request('things', message), { ...message, times })
  running.endInput('things')
  await running.done
})

test('a feeder asks: answers, none, failures, and time', async (t) => {
  const input = feeder<string>()
  const net = network('asked', { deadLetter: join(folderOf(t), 'dead.jsonl') })
  const from = net.add('input', input.kind)
  const words = net.add('words', function* words(line: string) {
    yield* line.split(' ')
  })
  const { promise: never } = Promise.withResolvers<void>()
  const reply = net.add(
    'reply',
    defineComponent({
      inputs: { word: port<string>() },
      state: { seen: value(0) },
      concurrency: 8,
      order: 'completion',
      on: {
        async word(word, { answer, state }) {
          if (word === 'bad') throw new Error('a bad word')
          if (word.startsWith('slow')) await never
          const count = state.seen.update((n) => n + 1)
          if (word !== 'quiet') answer({ word, count })
        },
      },
    }),
    { errors: 'reject' },
  )
  net.connect(from.outputs.out, words.inputs.in)
  net.connect(words.outputs.out, reply.inputs.word, { selector: hash() })
  const early = input.request('early')
  const running = await run(net, { workers: 0 })
  assert.deepEqual(await early, { word: 'early', count: 1 })
  assert.deepEqual(await input.request('early quiet'), { word: 'early', count: 2 })
  assert.equal(await input.request('quiet quiet'), undefined)
  await input.send('early')
  await assert.rejects(input.request('fine bad'), {
    code: 'REQUEST_FAILED',
    message: 'reply[0] failed at port "word": a bad word; its message: \'bad\'',
  })
  assert.equal(await errorCode(input.request('slow', { timeoutMs: 30 })), 'REQUEST_TIMED_OUT')
  const aborting = new AbortController()
  const aborted = errorCode(input.request('slower', { signal: aborting.signal }))
  aborting.abort(new Error('enough'))
  assert.match(await aborted, /enough/)
  const open = errorCode(input.request('slowest'))
  assert.deepEqual(await input.request('early'), { word: 'early', count: 4 })
  const over = errorCode(running.done)
  await running.stop()
  assert.equal(await open, 'BRIDGE_CLOSED')
  assert.equal(await over, 'STOPPED')
  assert.equal(await errorCode(input.request('late')), 'BRIDGE_CLOSED')
})
