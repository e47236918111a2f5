import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { run } from 'vertigo-flow'
import { failure } from '../support/error-code.ts'

/** What code that runs a network hears of its feeders and collectors when something is wrong. */

const kinds = fileURLToPath(new URL('../fixtures/run/kinds.ts', import.meta.url))
const network = {
  name: 'failing',
  components: {
    numbers: { kind: 'feeder' },
    fussy: { kind: `${kinds}#fussy` },
    results: { kind: 'collector' },
  },
  connections: [
    { from: 'numbers.out', to: 'fussy.in' },
    { from: 'fussy.out', to: 'results.in' },
  ],
}

for (const workers of [0, 2])
  test(`with ${workers} workers, who awaits an output hears why the run has failed, and a wrong name is told at once`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'vertigo-code-'))
    t.after(() => rm(folder, { recursive: true }))
    const file = join(folder, 'network.json')
    await writeFile(file, JSON.stringify(network))
    const running = await run(file, { workers })
    t.after(() => running.stop())

    assert.throws(() => running.output('result'), { code: 'PORT_UNKNOWN', message: /Did you mean "results"/ })
    assert.throws(() => running.endInput('results'), { code: 'PORT_UNKNOWN', message: /It has: numbers\.$/ })
    assert.equal((await failure(running.send('number', 1))).code, 'PORT_UNKNOWN')
    assert.equal((await failure(running.request('number', 1))).code, 'PORT_UNKNOWN')

    const passed: unknown[] = []
    const reading = (async () => {
      for await (const message of running.output('results')) passed.push(message)
    })()
    for (const n of [1, 2, 3]) await running.send('numbers', n)
    const reason = await failure(reading)
    assert.deepEqual([reason.code, reason.place?.component], ['COMPONENT_FAILED', 'fussy[0]'])
    assert.equal(await failure(running.done), reason)
    // What was on its way is lost.
    assert.deepEqual(passed, [1, 2].slice(0, passed.length))
  })
