import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { pathToFileURL } from 'node:url'
import { excerpt, sourceLine } from '../../../../src/cli/report/excerpt.ts'

test('a caret stands below the column', () => {
  assert.deepEqual(excerpt('  kind: coutner', 12, 9), ['12 |   kind: coutner', '   |         ^'])
  assert.deepEqual(excerpt('kind', 3, undefined), ['3 | kind'])
})

test('of a long line the part around the column is shown', () => {
  const [line = '', caret = ''] = excerpt(`${'x'.repeat(500)}!${'y'.repeat(500)}`, 1, 501)
  assert.ok(line.length < 140)
  assert.equal(line[caret.indexOf('^')], '!')
})

test('tabs and control characters take one column each', () => {
  const [line = '', caret = ''] = excerpt('\t\u001bkind!', 1, 7)
  assert.equal(line[caret.indexOf('^')], '!')
})

test('lines are read by path and URL; what cannot be read is left out', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-excerpt-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'net work.yaml')
  writeFileSync(file, 'one\r\ntwo\nthree')
  assert.equal(sourceLine(file, 2), 'two')
  assert.equal(sourceLine(pathToFileURL(file).href, 3), 'three')
  assert.equal(sourceLine(file, 9), undefined)
  assert.equal(sourceLine(folder, 1), undefined)
  assert.equal(sourceLine(join(folder, 'none'), 1), undefined)
})

test('a device or a pipe has no lines: it would be read without end', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-excerpt-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  assert.equal(sourceLine(pipe, 1), undefined)
  assert.equal(sourceLine('/dev/zero', 1), undefined)
})
