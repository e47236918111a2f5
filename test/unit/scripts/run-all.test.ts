import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runAll } from '../../../scripts/gate/run-all.ts'
import type { Step } from '../../../scripts/gate/steps.ts'
import { run } from '../../../scripts/lib/process.ts'

/** A step that is a shell script, in `folder`. */
function step(name: string, cwd: string, script: string, more: Partial<Step> = {}): Step {
  const counted = `${script}; code=$?; echo "1 passed, $((code != 0)) failed, 0 skipped"; exit $code`
  return {
    name,
    about: `about ${name}`,
    timeoutMs: 60_000,
    counts: true,
    run: (options) => run('sh', ['-c', counted], { ...options, cwd }),
    ...more,
  }
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'run-all-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

const wait = (file: string): string => `until [ -e ${file} ]; do sleep 0.02; done`

test('a step that yields runs beside those behind it, and says what it says between two of them', async (t) => {
  const folder = folderOf(t)
  const lines: string[] = []
  const steps = [
    step('before', folder, '[ ! -e begun ]'),
    step('yields', folder, `touch begun; ${wait('second')}; echo told`, { yields: true }),
    step('first', folder, wait('begun')),
    step('second', folder, `touch second`),
    step('third', folder, `echo FAILED a; echo "  why"; exit 1`),
  ]
  const results = await runAll(steps, false, (line) => lines.push(line))
  assert.deepEqual(
    results.map(({ step: { name }, state }) => [name, state]),
    [
      ['before', 'passed'],
      ['yields', 'passed'],
      ['first', 'passed'],
      ['second', 'passed'],
      ['third', 'FAILED'],
    ],
  )
  const at = (line: string): number => lines.indexOf(line)
  assert.equal(at('  why'), at('FAILED a') + 1)
  assert.equal(at('told'), at('\n== yields: about yields') + 1)
})

test('a failure of a step that yields is a failure of the gate', async (t) => {
  const folder = folderOf(t)
  const steps = [
    step('yields', folder, 'echo "FAILED seed 1"; exit 1', { yields: true }),
    step('next', folder, 'true'),
  ]
  const [yielding, next] = await runAll(steps, false, () => {})
  assert.deepEqual([yielding?.state, yielding?.tally.failed, next?.state], ['FAILED', 1, 'passed'])
  assert.deepEqual(yielding?.failures, [{ name: 'FAILED seed 1', lines: [] }])
})

test('a step that cannot be run is a failure, and the others run', async (t) => {
  const folder = folderOf(t)
  const cannot = (name: string, more: Partial<Step> = {}): Step => ({
    ...step(name, folder, 'true', more),
    run: () => Promise.reject(new Error(`no ${name}`)),
  })
  const steps = [cannot('yields', { yields: true }), cannot('first'), step('second', folder, 'true')]
  const results = await runAll(steps, false, () => {})
  assert.deepEqual(
    results.map(({ state, failures }) => [state, ...failures.map(({ name }) => name)]),
    [
      ['FAILED', 'FAILED yields: could not be run: Error: no yields'],
      ['FAILED', 'FAILED first: could not be run: Error: no first'],
      ['passed'],
    ],
  )
})

test('steps that yield take the time that others leave; alone, one does not yield', async (t) => {
  const folder = folderOf(t)
  // The priority is lowered when the program has begun.
  const low = 'until [ "$(nice)" -gt 10 ]; do sleep 0.02; done'
  const ofSession = '/proc/self/autogroup'
  const lowSession = existsSync(ofSession)
    ? `until grep -q 'nice 19' ${ofSession}; do sleep 0.02; done`
    : 'true'
  const yields = step('yields', folder, `${low}; ${lowSession}; touch low`, { yields: true })
  const results = await runAll([yields, step('next', folder, wait('low'))], false, () => {})
  assert.deepEqual(
    results.map(({ state }) => state),
    ['passed', 'passed'],
  )
  const alone = step('yields', folder, `[ "$(nice)" -eq ${getPriority()} ]`, { yields: true })
  assert.equal((await runAll([alone], true, () => {}))[0]?.state, 'passed')
})

const oneCore = availableParallelism() < 2 && 'there is one core'
test('neighbours run beside each other', { skip: oneCore }, async (t) => {
  const folder = folderOf(t)
  const steps = [
    step('a', folder, `touch a; ${wait('b')}`, { beside: 'checks' }),
    step('b', folder, `touch b; ${wait('a')}`, { beside: 'checks' }),
    step('c', folder, '[ -e a ]'),
  ]
  const results = await runAll(steps, false, () => {})
  assert.deepEqual(
    results.map(({ step: { name }, state }) => [name, state]),
    [
      ['a', 'passed'],
      ['b', 'passed'],
      ['c', 'passed'],
    ],
  )
})
