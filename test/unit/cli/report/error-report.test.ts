import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { errorFromData, errorToData, VertigoError } from '../../../../src/base/errors.ts'
import { errorReport } from '../../../../src/cli/report/error-report.ts'
import { userFrames } from '../../../../src/cli/report/frames.ts'

const own = join(import.meta.dirname, '../../../../src/worker/call.ts')

test('an error is told with code, place, source line, caret and remedy', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-report-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'network.yaml')
  writeFileSync(file, 'name: a\ncomponents:\n  count: { kind: coutner }\n')
  const place = { file, line: 3, column: 18, path: 'components.count.kind', component: 'count' }
  const error = new VertigoError('KIND_UNKNOWN', '"coutner" is no kind.', { place, remedy: 'Mend it.' })
  assert.equal(
    errorReport(error),
    `error KIND_UNKNOWN: "coutner" is no kind.
  at ${file}:3:18 (components.count.kind)
    3 |   count: { kind: coutner }
      |                  ^
  fix: Mend it.
`,
  )
})

test('all faults are told, each with its place', () => {
  const faults = [
    new VertigoError('FIELD_MISSING', 'name is missing', {
      place: { file: 'n.yaml', line: 1 },
      remedy: 'Add it.',
    }),
    new VertigoError('PORT_UNKNOWN', 'no port "ut"', {
      place: { path: 'connections[0]' },
      remedy: 'Mend it.',
    }),
  ]
  assert.equal(
    errorReport(new VertigoError('NETWORK_INVALID', 'n.yaml has 2 faults.', { faults })),
    `error NETWORK_INVALID: n.yaml has 2 faults.

  FIELD_MISSING: name is missing
    at n.yaml:1
    fix: Add it.

  PORT_UNKNOWN: no port "ut"
    at connections[0]
    fix: Mend it.
`,
  )
})

const stack = `TypeError: no such number
    at inspect (file:///home/me/throws.ts:2:23)
    at Array.map (<anonymous>)
    at Call.perform (file://${own}:10:3)
    at other (/home/me/node_modules/lib/index.js:1:1)
    at async file:///home/me/with%20blank.ts:7:1
    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)`

function failed(): VertigoError {
  const cause = new TypeError('no such number')
  cause.stack = stack
  const options = { cause, place: { component: 'check[0]', port: 'in' }, remedy: 'Mend it.' }
  return new VertigoError('COMPONENT_FAILED', 'check[0] failed: no such number', options)
}

test('of stacks the frames in the files of the user are shown, the first one as the place', () => {
  assert.deepEqual(
    userFrames(stack).map(({ file, line, column }) => `${file}:${line}:${column}`),
    ['/home/me/throws.ts:2:23', '/home/me/with blank.ts:7:1'],
  )
  const report = `error COMPONENT_FAILED: check[0] failed: no such number
  at /home/me/throws.ts:2:23 (check[0].in)
  cause: TypeError: no such number
    at inspect (file:///home/me/throws.ts:2:23)
    at async file:///home/me/with%20blank.ts:7:1
  fix: Mend it.
`
  assert.equal(errorReport(failed()), report)
  assert.equal(errorReport(errorFromData(errorToData(failed()))), report, 'also after a process was crossed')
})

test('for debugging whole stacks are shown', () => {
  const report = errorReport(failed(), { debug: true })
  assert.match(report, /at Array\.map \(<anonymous>\)/)
  assert.match(report, /node:internal/)
})

test('what Node says in other words is left out', () => {
  const cause = new Error("ENOENT: no such file or directory, stat 'nope.yaml'")
  cause.stack = `Error: ${cause.message}\n    at async stat (node:internal/fs/promises:1866:18)`
  const report = errorReport(
    new VertigoError('NETWORK_NOT_FOUND', 'There is no file.', { cause, remedy: 'Mend it.' }),
  )
  assert.equal(report, 'error NETWORK_NOT_FOUND: There is no file.\n  fix: Mend it.\n')
})

test('an error that nobody foresaw is a fault of ours, with its stack', () => {
  const report = errorReport(new RangeError('too deep'))
  assert.match(report, /^error INTERNAL: too deep\n {2}at .*error-report\.test\.ts/)
  assert.match(report, /fix: Please report it/)
})

test('colors are for terminals, and texts of others hold none', () => {
  const error = new VertigoError('USAGE', 'no \u001b[31mred\u001b[0m', { remedy: 'Mend it.' })
  assert.doesNotMatch(errorReport(error), /\u001b/)
  assert.match(errorReport(error, { color: true }), /^\u001b\[31merror\u001b\[39m/)
})

test('the errors inside of an AggregateError are shown, the first ones of many', () => {
  const cause = new AggregateError(
    [1, 2, 3, 4, 5, 6, 7].map((n) => new Error(`number ${n}`)),
    'all failed',
  )
  const report = errorReport(new VertigoError('COMPONENT_FAILED', 'check[0] failed: all failed', { cause }))
  assert.match(
    report,
    /cause: AggregateError: all failed\n[^]* {4}- Error: number 1\n[^]*- Error: number 5\n/,
  )
  assert.match(report, / {4}- 2 more\n/)
  assert.doesNotMatch(report, /number 6/)
})

test('causes that form a circle, and messages without end, are shown within bounds', () => {
  const first = new Error('first')
  first.cause = new Error('second', { cause: first })
  const report = errorReport(new VertigoError('COMPONENT_FAILED', 'it failed', { cause: first }))
  assert.equal(report.match(/cause: Error: first/g)?.length, 1)
  assert.equal(report.match(/cause: Error: second/g)?.length, 1)
  const huge = new Error('x'.repeat(50_000_000))
  assert.ok(errorReport(new VertigoError('COMPONENT_FAILED', huge.message, { cause: huge })).length < 20_000)
  assert.ok(errorReport(huge).length < 20_000)
})
