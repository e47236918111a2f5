import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { durationsFile } from '../../../scripts/gate/durations.ts'
import { runTests, type TierOptions } from '../../../scripts/gate/run-tests.ts'
import { parseClosingLine } from '../../../scripts/gate/tally.ts'

/** Runs test files of these names and texts. */
async function runFiles(
  t: TestContext,
  texts: Readonly<Record<string, string>>,
  options: Partial<TierOptions> = {},
): Promise<{ readonly lines: readonly string[]; readonly code: number | null; readonly folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'lanes-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = (name: string): string => join(folder, name)
  for (const [name, text] of Object.entries(texts))
    writeFileSync(path(name), `import { test } from 'node:test'\n${text}`)
  const lines: string[] = []
  const { NODE_TEST_CONTEXT: context, [durationsFile]: durations } = process.env
  // Within a test, `node --test` would speak to the runner around it.
  delete process.env['NODE_TEST_CONTEXT']
  delete process.env[durationsFile]
  try {
    const { besides = [], alone = [] } = options
    const paths = { besides: besides.map(path), alone: alone.map(path) }
    const { code } = await runTests(
      Object.keys(texts).map(path),
      { timeoutMs: 60_000, ...options, ...paths },
      { onLine: (line) => lines.push(line) },
    )
    return { lines, code, folder }
  } finally {
    if (context !== undefined) process.env['NODE_TEST_CONTEXT'] = context
    if (durations !== undefined) process.env[durationsFile] = durations
  }
}

const noteTimes = `
  import { appendFileSync } from 'node:fs'
  import { basename, dirname, join } from 'node:path'
  const here = basename(import.meta.filename)
  const told = join(dirname(import.meta.filename), 'told')
  appendFileSync(told, \`begin \${here}\\n\`)
  process.on('exit', () => appendFileSync(told, \`end \${here}\\n\`))
`

test('each file of a tier runs once: one by one those that need to be alone, then those of the lanes', async (t) => {
  const says = (name: string): string => `${noteTimes}
    import { readFileSync } from 'node:fs'
    test('${name}', (t) => t.diagnostic('') )
    if (here.startsWith('alone')) test('alone', () => {
      const lines = readFileSync(told, 'utf8').trim().split('\\n')
      const open = lines.filter((line) => line.startsWith('begin')).length - lines.filter((line) => line.startsWith('end')).length
      if (open !== 1 || lines.length > 3) throw new Error(lines.join())
    })`
  const names = ['alone-1', 'alone-2', 'besides-1', 'first-1', 'first-2'].map((name) => `${name}.test.mjs`)
  const { lines, code } = await runFiles(t, Object.fromEntries(names.map((name) => [name, says(name)])), {
    concurrency: 2,
    besides: ['besides-*'],
    alone: ['alone-1.test.mjs', 'alone-2.test.mjs'],
  })
  assert.deepEqual([code, lines.filter((line) => !parseClosingLine(line))], [0, []])
  const passed = lines.map((line) => parseClosingLine(line)?.passed ?? 0)
  assert.deepEqual(
    passed.toSorted((a, b) => a - b),
    [1, 2, 4],
  )
})

test('lanes do not mix what they say, and one that fails is a failure of all', async (t) => {
  const fails = (name: string): string =>
    `for (let i = 0; i < 30; i++) test(\`\${i}\`, () => { throw new Error('${name}'.padEnd(40_000, '.') + '\\nend-${name}') })`
  const { lines, code } = await runFiles(
    t,
    { 'a.test.mjs': fails('of-a'), 'b.test.mjs': fails('of-b'), 'c.test.mjs': "test('fine', () => {})" },
    { besides: ['b.test.mjs'], alone: ['c.test.mjs'] },
  )
  assert.equal(code, 1)
  let of: string | undefined
  let reasons = 0
  for (const line of lines) {
    of = /^FAILED .*\/([ab])\.test/.exec(line)?.[1] ?? of
    const reason = /^ +(?:Error: |end-)of-([ab])/.exec(line)?.[1]
    if (reason === undefined) continue
    reasons++
    assert.equal(reason, of)
  }
  assert.equal(reasons, 120)
})

test('a file that has a place in a lane and is not there is told', async (t) => {
  const { lines, code } = await runFiles(
    t,
    { 'a.test.mjs': "test('a', () => {})" },
    { alone: ['b.test.mjs'] },
  )
  assert.equal(code, 1)
  assert.match(lines.join(), /no test file is .*b\.test\.mjs/)
})

test('a lane of which the runner is ended is a failure, though the other one passes', async (t) => {
  const { code } = await runFiles(
    t,
    {
      'a.test.mjs': "test('a', () => process.kill(process.ppid, 'SIGKILL'))",
      'b.test.mjs': "test('b', () => {})",
    },
    { besides: ['b.test.mjs'] },
  )
  assert.notEqual(code, 0)
})

test('what processes of a tier load is bundled before, where it asks for that', async (t) => {
  const looks = `
    import { existsSync, readFileSync } from 'node:fs'
    test('looks', () => {
      const built = process.env.VERTIGO_TEST_BUILT
      if (!existsSync(built + '/dist/cli/main.js')) throw new Error('there is no command')
      if (!existsSync(built + '/dist/programs/cluster-faults/node-process.js')) throw new Error('there is no node')
      if (JSON.parse(readFileSync(built + '/package.json', 'utf8')).name !== 'vertigo-flow') throw new Error('it is no package')
    })`
  const { lines, code } = await runFiles(t, { 'looks.test.mjs': looks }, { bundled: true })
  assert.equal(code, 0, lines.join('\n'))
})

const notePid = `
  import { appendFileSync } from 'node:fs'
  import { dirname, join } from 'node:path'
  appendFileSync(join(dirname(import.meta.filename), 'pids'), process.pid + '\\n')
`

test('files that may be together share a process for each lane, and those that may not have their own', async (t) => {
  const names = ['alone', 'a', 'b', 'c', 'd'].map((name) => `${name}.test.mjs`)
  const texts = Object.fromEntries(names.map((name) => [name, `${notePid} test('${name}', () => {})`]))
  const { lines, code, folder } = await runFiles(t, texts, {
    concurrency: 2,
    together: true,
    alone: ['alone.test.mjs'],
  })
  assert.equal(code, 0, lines.join('\n'))
  assert.deepEqual(
    lines.map(parseClosingLine).filter((tally) => tally !== undefined),
    [
      { passed: 1, failed: 0, skipped: 0 },
      { passed: 2, failed: 0, skipped: 0 },
      { passed: 2, failed: 0, skipped: 0 },
    ],
  )
  const pids = readFileSync(join(folder, 'pids'), 'utf8').trim().split('\n')
  assert.deepEqual([pids.length, new Set(pids).size], [5, 3], pids.join())
})

const faults = {
  'cannot be loaded': "throw new Error('at once')",
  'throws when its test is over': "test('a', () => { setTimeout(() => { throw new Error('late') }) })",
  'fails in a hook': "test.before(() => { throw new Error('hook') }); test('a', () => {})",
  'ends the process': "test('a', () => process.exit(0))",
}
for (const [what, text] of Object.entries(faults))
  test(`a file among others together that ${what} is a failure`, async (t) => {
    const texts = {
      'a.test.mjs': text,
      'b.test.mjs': "test('b', (t) => new Promise((r) => setTimeout(r, 50)))",
    }
    const { code } = await runFiles(t, texts, { together: true })
    assert.equal(code, 1)
  })
