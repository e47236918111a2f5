import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { run, type RunOptions, type VertigoError } from 'vertigo-flow'
import { eventually } from '../support/eventually.ts'

/** What a run says when a component cannot be set up, in threads and in one thread. */

const kinds = fileURLToPath(new URL('../fixtures/run/setups.ts', import.meta.url))
let folder = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vertigo-setup-'))
})
after(() => rm(folder, { recursive: true, force: true }))

/** Runs a network with components of these kinds, and gives the error that it begins with. */
async function failure(kindNames: readonly string[], options: RunOptions): Promise<VertigoError> {
  const file = join(folder, 'network.json')
  const components = Object.fromEntries(kindNames.map((name) => [name, { kind: `${kinds}#${name}` }]))
  const connections = kindNames.map((name) => ({ from: 'numbers.out', to: `${name}.in` }))
  const numbers = { kind: 'generator', config: { count: 1 } }
  const network = { name: 'setups', components: { numbers, ...components }, connections }
  await writeFile(file, JSON.stringify(network))
  try {
    await run(file, options)
  } catch (error) {
    return error as VertigoError
  }
  assert.fail('the network should not have begun')
}

for (const workers of [0, 2]) {
  test(`a setup that fails is told though another one never ends (${workers} workers)`, async () => {
    const error = await failure(['silent', 'refused'], { workers })
    assert.equal(error.code, 'COMPONENT_FAILED')
    assert.match(error.message, /^refused\[0\] could not be set up: no database$/)
  })

  test(`a setup without end is named after its time (${workers} workers)`, async () => {
    const error = await failure(['silent'], { workers, setupMsMax: 300 })
    assert.equal(error.code, 'SETUP_TIMEOUT')
    assert.equal(error.message, 'silent[0]: not set up within 300 ms')
    assert.equal(error.place.component, 'silent[0]')
  })

  test(`what a setup opens after the end of the run is closed (${workers} workers)`, async () => {
    const notes = join(folder, `notes-${workers}.txt`)
    process.env['VERTIGO_TEST_NOTES'] = notes
    const error = await failure(['late', 'refused'], { workers })
    assert.match(error.message, /^refused\[0\]/)
    assert.equal(await readFile(notes, 'utf8'), 'closed\n')
  })

  test(`a run that is stopped while it starts says what it waits for (${workers} workers)`, async (t) => {
    const called = join(folder, `called-${workers}.txt`)
    process.env['VERTIGO_TEST_CALLED'] = called
    t.after(() => delete process.env['VERTIGO_TEST_CALLED'])
    const stopping = new AbortController()
    const failing = failure(['silent'], { workers, signal: stopping.signal })
    await eventually('it is being set up', () => existsSync(called))
    const stoppedMs = performance.now()
    stopping.abort()
    const error = await failing
    assert.equal(error.code, 'STOPPED')
    // The other one may not have come to it, either.
    assert.match(error.message, /Not set up yet: (numbers\[0\], )?silent\[0\]\.$/)
    // The setup would be given a minute.
    assert.ok(performance.now() - stoppedMs < 30_000, 'it waited for the setup')
  })
}
