import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { durationsFile } from '../../../scripts/gate/durations.ts'
import { runStep, type StepResult } from '../../../scripts/gate/run-step.ts'
import type { Step } from '../../../scripts/gate/steps.ts'
import { closingLine, parseClosingLine } from '../../../scripts/gate/tally.ts'
import { inRoot } from '../../../scripts/lib/paths.ts'
import { run, type RunResult } from '../../../scripts/lib/process.ts'

/** Runs a shell script as a step of the gate, without its output. */
async function stepOf(script: string, more: Partial<Step> = {}): Promise<StepResult> {
  const step = {
    name: 'step',
    about: '',
    timeoutMs: 60_000,
    counts: true,
    run: (options: Parameters<Step['run']>[0]) => run('sh', ['-c', script], options),
  }
  return runStep({ ...step, ...more }, false, () => {})
}

test('the closing line is read as it is written', () => {
  const tally = { passed: 12, failed: 0, skipped: 3 }
  assert.equal(closingLine(tally), '12 passed, 0 failed, 3 skipped')
  assert.deepEqual(parseClosingLine(closingLine(tally)), tally)
  assert.equal(parseClosingLine('all: 12 passed, 0 failed, 3 skipped'), undefined)
})

test('a check counts as one', async () => {
  const passed = await stepOf('echo fine', { counts: false })
  assert.deepEqual([passed.state, passed.tally.passed], ['passed', 1])
  const failed = await stepOf('exit 1', { counts: false })
  assert.deepEqual([failed.state, failed.tally.failed], ['FAILED', 1])
})

test('a step that prepares counts nothing, whatever comes of it', async () => {
  for (const script of ['true', 'exit 1']) {
    const { state, tally } = await stepOf(script, { counts: false, prepares: true })
    assert.deepEqual([state, tally], ['passed', { passed: 0, failed: 0, skipped: 0 }])
  }
})

test('a step that counts gives its numbers', async () => {
  const { state, tally } = await stepOf('echo "3 passed, 0 failed, 1 skipped"')
  assert.deepEqual([state, tally], ['passed', { passed: 3, failed: 0, skipped: 1 }])
})

test('a step that counts more than once gives the sum', async () => {
  const { tally } = await stepOf(
    'echo "3 passed, 0 failed, 1 skipped"; echo "1 passed, 2 failed, 0 skipped"; exit 1',
  )
  assert.deepEqual(tally, { passed: 4, failed: 2, skipped: 1 })
})

test('failures are kept by name, each with the first lines of why', async () => {
  const script =
    "seq -f 'FAILED a.test.ts > test %.0f' 500; echo '  why'; echo '0 passed, 500 failed, 0 skipped'; exit 1"
  const { failures } = await stepOf(script)
  assert.equal(failures.length, 500)
  assert.deepEqual(failures[0], { name: 'FAILED a.test.ts > test 1', lines: [] })
  assert.deepEqual(failures[499], { name: 'FAILED a.test.ts > test 500', lines: ['  why'] })
})

test('half a line on standard error does not hide the failure that comes with it', async () => {
  const script = "printf warning >&2; echo 'FAILED a'; echo '0 passed, 1 failed, 0 skipped'; exit 1"
  assert.deepEqual((await stepOf(script)).failures, [{ name: 'FAILED a', lines: [] }])
})

test('a step that names no failure shows the end of what it said', async () => {
  const { failures } = await stepOf('seq 100; exit 1', { counts: false })
  assert.equal(failures[0]?.name, 'FAILED step: failed with exit code 1')
  assert.deepEqual([failures[0]?.lines.length, failures[0]?.lines.at(-1)], [12, '  100'])
})

const faulty = {
  'says nothing of what passed': 'true',
  'ran nothing': 'echo "0 passed, 0 failed, 4 skipped"',
  'fails in a way it did not count': 'echo "3 passed, 0 failed, 0 skipped"; exit 1',
}
for (const [what, script] of Object.entries(faulty))
  test(`a step that ${what} has failed`, async () => {
    const { state, tally } = await stepOf(script)
    assert.deepEqual([state, tally.failed], ['FAILED', 1])
  })

test('a step over its limit is ended, with what it started', async () => {
  const { state, tally } = await stepOf('sleep 600 & wait', { timeoutMs: 50 })
  assert.deepEqual([state, tally.failed], ['FAILED', 1])
})

/** What `node --test` with our reporter says of a file. */
async function reportOn(text: string, more: readonly string[] = []): Promise<RunResult> {
  const folder = mkdtempSync(join(tmpdir(), 'reporter-'))
  try {
    const file = join(folder, 'a.test.mjs')
    writeFileSync(file, `import { describe, test, before } from 'node:test'\n${text}`)
    const reporter = inRoot('scripts/gate/reporter.ts')
    const output = [`--test-reporter=${reporter}`, '--test-reporter-destination=stdout']
    // As the gate does, which names files beneath where it is.
    const args = ['--test', ...output, relative(process.cwd(), file)]
    // Within a test, `node --test` would speak to the runner around it, and durations belong to that one too.
    const outer = ['-u', 'NODE_TEST_CONTEXT', '-u', durationsFile]
    return await run('env', [...outer, ...more, process.execPath, ...args], { timeoutMs: 60_000 })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('the reporter counts tests, not the suites around them', async () => {
  const { code, stdout } = await reportOn("describe('a', () => { test('b', () => {}); test('c', () => {}) })")
  assert.deepEqual([code, stdout], [0, '2 passed, 0 failed, 0 skipped\n'])
})

test('the reporter names the slowest files and tests where one asks for them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'durations-'))
  try {
    const usage = inRoot('scripts/gate/file-usage.ts')
    const variables = [`${durationsFile}=${join(folder, 'notes')}`, `NODE_OPTIONS=--import=${usage}`]
    const { code, stdout } = await reportOn("test('a', () => {}); test('b', () => {})", variables)
    assert.equal(code, 0)
    assert.match(stdout, /^1 files: \d+\.\d s, \d+\.\d s of processors\nslowest files .*:\n.*a\.test\.mjs\n/)
    assert.match(stdout, /slowest tests .*:\n.*a\.test\.mjs > [ab]\n.*a\.test\.mjs > [ab]\n2 passed/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the reporter names skipped tests with the reason', async () => {
  const { stdout } = await reportOn("test('a', { skip: 'no server' }, () => {}); test.todo('b')")
  assert.match(
    stdout,
    /^skipped: .* > a: no server\nskipped: .* > b: to do\n0 passed, 0 failed, 2 skipped\n$/,
  )
})

test('the reporter shows a failure once, in full, with what its file wrote', async () => {
  const { code, stdout } = await reportOn(
    "describe('outer', () => { test('inner', () => { console.log('written'); throw new Error('the reason') }) })",
  )
  assert.equal(code, 1)
  assert.equal(stdout.match(/^FAILED/gm)?.length, 1)
  assert.match(stdout, /^FAILED .*a\.test\.mjs > outer > inner\n/)
  assert.match(stdout, /the reason/)
  assert.match(stdout, /output of .*:\n {2}written\n/)
  assert.match(stdout, /\n0 passed, 1 failed, 0 skipped\n$/)
})

const crashes = {
  'a file that cannot be loaded': "throw new Error('at once')",
  'a file that ends its process': "test('a', () => process.exit(3))",
  'a hook that fails':
    "describe('a', () => { before(() => { throw new Error('hook') }); test('b', () => {}) })",
}
for (const [what, text] of Object.entries(crashes))
  test(`the reporter counts ${what} as failed`, async () => {
    const { code, stdout } = await reportOn(text)
    assert.equal(code, 1)
    assert.match(stdout, /\n0 passed, [1-9]\d* failed, 0 skipped\n$/)
  })
