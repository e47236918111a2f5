import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { Failure } from '../../../scripts/demo/failure.ts'
import type { Node } from '../../../scripts/demo/nodes.ts'
import { countWords, differences } from '../../../scripts/demo/plain-count.ts'
import { compare, type Outcome } from '../../../scripts/demo/result.ts'
import type { Screen } from '../../../scripts/demo/screen.ts'
import { prepareText, type Text } from '../../../scripts/demo/text.ts'

function prepared(
  t: TestContext,
  ...texts: readonly (string | Buffer)[]
): Text & { readonly content: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'vertigo-demo-text-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const files = texts.map((text, index) => {
    const file = join(folder, `${index}.txt`)
    writeFileSync(file, text)
    return file
  })
  const text = prepareText(files, folder)
  return { ...text, content: readFileSync(text.path) }
}

function longest(content: Buffer): number {
  return Math.max(
    ...content
      .toString('latin1')
      .split('\n')
      .map(({ length }) => length),
  )
}

describe("the demo's text", () => {
  test('files follow each other, without a word that is made of two', (t) => {
    const { content, lines, isCut } = prepared(t, 'one two', 'three\n')
    assert.equal(content.toString(), 'one two\nthree\n\n')
    assert.deepEqual([lines, isCut], [3, false])
  })

  test('nothing is nothing', (t) => {
    const { content } = prepared(t, '')
    assert.equal(content.toString().trim(), '')
  })

  test('long lines are folded between words, so that the same words are counted', (t) => {
    const text = 'some words, naïve ones: "isn\'t" '.repeat(10_000)
    const { content, lines, path } = prepared(t, text)
    assert.ok(longest(content) <= 1024)
    assert.equal(lines, content.toString('latin1').split('\n').length - 1)
    assert.deepEqual(
      countWords([path]),
      new Map([
        ['isn', 10_000],
        ['na', 10_000],
        ['ones', 10_000],
        ['some', 10_000],
        ['t', 10_000],
        ['ve', 10_000],
        ['words', 10_000],
      ]),
    )
  })

  test('a word without end is cut', (t) => {
    const { content, path } = prepared(t, 'x'.repeat(10_000))
    assert.ok(longest(content) <= 1024)
    assert.equal(countWords([path]).get('x'.repeat(1024)), 9)
  })

  test('no more than 16 MiB are read', (t) => {
    const mebibyte = Buffer.alloc(1024 * 1024, 'a ')
    const eight = Buffer.concat(Array.from({ length: 8 }, () => mebibyte))
    assert.equal(prepared(t, eight, eight).isCut, false)
    const { isCut, bytes } = prepared(t, eight, eight, 'more')
    assert.equal(isCut, true)
    assert.ok(bytes < 17 * 1024 * 1024)
    assert.equal(prepared(t, Buffer.concat([eight, eight, mebibyte])).isCut, true)
  })
})

describe('comparing counts', () => {
  const expected = new Map([
    ['a', 1],
    ['b', 2],
  ])
  const failure = new Failure({ id: 'node-2' } as Node, ['split[0]'], () => undefined)

  function told(outcome: Omit<Outcome, 'expected'>): { readonly isRight: boolean; readonly text: string } {
    const lines: string[] = []
    const screen = { say: (line = '') => lines.push(line) } as unknown as Screen
    return { isRight: compare({ expected, ...outcome }, screen), text: lines.join('\n') }
  }

  test('equal counts have no difference, whatever their order', () => {
    assert.deepEqual(differences(new Map([...expected].toReversed()), expected), [])
  })

  test('a wrong, a missing and a foreign word are all named', () => {
    const counted = new Map([
      ['b', 3],
      ['c', 1],
    ])
    assert.deepEqual(differences(counted, expected), [
      '"a": the network counted none, the loop 1',
      '"b": the network counted 3, the loop 2',
      '"c": the network counted 1, the loop none',
    ])
  })

  test('without a failure, fewer words are wrong', () => {
    const { isRight, text } = told({ counted: new Map([['b', 2]]), failure: undefined, mishaps: [] })
    assert.equal(isRight, false)
    assert.match(text, /"a": the network counted none, the loop 1/)
  })

  test('after a failure, fewer words are told with the reason', () => {
    const { isRight, text } = told({ counted: new Map([['b', 1]]), failure, mishaps: [] })
    assert.equal(isRight, true)
    assert.match(text, /difference +2 fewer \(66\.67 %\)/)
    assert.match(text, /on their way through node-2/)
  })

  test('what else went wrong is told, too', () => {
    const { isRight, text } = told({ counted: new Map(), failure: undefined, mishaps: ['it rained'] })
    assert.equal(isRight, true)
    assert.match(text, /Not planned: it rained\./)
    assert.doesNotMatch(text, /on their way/)
  })

  test('a word that is counted twice is wrong, also where others are missing', () => {
    const { isRight, text } = told({ counted: new Map([['a', 2]]), failure, mishaps: [] })
    assert.equal(isRight, false)
    assert.match(text, /"a": the network counted 2, the loop 1/)
  })
})
