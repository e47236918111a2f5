import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectedParts, matches } from '../../../scripts/docs/console.ts'
import { parsePage } from '../../../scripts/docs/page.ts'

const page = [
  '# A page, with `code`',
  '',
  'See [other](other.md#part) and `[no](link.md)`.',
  '',
  '```ts run file=split.ts',
  'const a = 1',
  '```',
  '',
  '- in a list:',
  '',
  '  ```console run',
  '  $ vertigo --version',
  '  ```',
  '',
  '## Twice',
  '## Twice',
].join('\n')

test('a page gives its blocks with language, marks, file and line', () => {
  const { blocks } = parsePage('a.md', page)
  assert.deepEqual(
    blocks.map(({ language, marks, file, text, line }) => ({
      language,
      marks: [...marks],
      file,
      text,
      line,
    })),
    [
      { language: 'ts', marks: ['run'], file: 'split.ts', text: 'const a = 1', line: 6 },
      { language: 'console', marks: ['run'], file: undefined, text: '$ vertigo --version', line: 12 },
    ],
  )
})

test('a page gives its links, but not those in code', () => {
  assert.deepEqual(parsePage('a.md', page).links, [{ url: 'other.md#part', line: 3 }])
})

test('anchors are those of the headings, numbered where they repeat', () => {
  assert.deepEqual([...parsePage('a.md', page).anchors], ['a-page-with-code', 'twice', 'twice-1'])
})

test('a console block is commands with what they print', () => {
  assert.deepEqual(expectedParts('$ a\none\ntwo\n$ b \\\n  --c\n$ d'), [
    { command: 'a', expected: 'one\ntwo' },
    { command: 'b \\\n  --c', expected: '' },
    { command: 'd', expected: '' },
  ])
})

test('dots in expected output stand for lines, or for text within a line', () => {
  assert.ok(matches('a\nb\nc\n', 'a\nb\nc'))
  assert.ok(matches('a\nb\nc\n', 'a\n...\nc'))
  assert.ok(matches('a\nc\n', 'a\n...\nc'))
  assert.ok(matches('a\nb\n', 'a\n...'))
  assert.ok(matches('took 12 ms (3)', 'took ... ms (3)'))
  assert.ok(!matches('a\nb\nc', 'a\nc'))
  assert.ok(!matches('took 12\nms (3)', 'took ... ms (3)'))
})
