import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { Failure } from '../../../scripts/demo/failure.ts'
import type { Node } from '../../../scripts/demo/nodes.ts'
import { countWords, differences } from '../../../scripts/demo/plain-count.ts'
import { Published } from '../../../scripts/demo/published.ts'
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
  const failure = new Failure({ id: 'node-2' } as Node, ['split[0]'], 0, () => undefined)

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

  test('fewer words are wrong, whatever has failed', () => {
    for (const failed of [undefined, failure]) {
      const { isRight, text } = told({
        counted: new Map([['b', 2]]),
        faults: [],
        failure: failed,
        mishaps: [],
      })
      assert.equal(isRight, false)
      assert.match(text, /"a": the network counted none, the loop 1/)
    }
  })

  test('equal counts after a failure are told with what that means', () => {
    const { isRight, text } = told({ counted: expected, faults: [], failure, mishaps: [] })
    assert.equal(isRight, true)
    assert.match(text, /difference +none: 2 different words, all counts equal/)
    assert.match(text, /"exactly once"/)
  })

  test('what else went wrong is told, too', () => {
    const { isRight, text } = told({
      counted: expected,
      faults: [],
      failure: undefined,
      mishaps: ['it rained'],
    })
    assert.equal(isRight, true)
    assert.match(text, /Not planned: it rained\./)
  })

  test('a count that was published twice is wrong, though the highest is right', () => {
    const faults = ['"b": 1 was published behind 1']
    const { isRight, text } = told({ counted: expected, faults, failure, mishaps: [] })
    assert.equal(isRight, false)
    assert.match(text, /"b": 1 was published behind 1/)
  })
})

describe('what the network of the demo publishes', () => {
  function published(t: TestContext, ...lines: readonly (readonly [string, number])[]): Published {
    const folder = mkdtempSync(join(tmpdir(), 'vertigo-published-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'counts.jsonl')
    writeFileSync(file, lines.map(([word, count]) => `${JSON.stringify({ word, count })}\n`).join(''))
    return new Published(file)
  }

  test('is counted as it grows', (t) => {
    const found = published(t, ['a', 1], ['b', 1])
    assert.equal(found.look(), 2)
    assert.equal(found.look(), 2)
    assert.equal(new Published('no such file').look(), 0)
  })

  test('has each count of each word once, in order; what is lost or double is named', (t) => {
    const right = published(t, ['a', 1], ['b', 1], ['a', 2]).read()
    assert.deepEqual(
      [...right.counts],
      [
        ['a', 2],
        ['b', 1],
      ],
    )
    assert.deepEqual(right.faults, [])
    assert.deepEqual(published(t, ['a', 1], ['a', 3], ['b', 1], ['b', 1]).read().faults, [
      '"a": 3 was published behind 1',
      '"b": 1 was published behind 1',
    ])
  })
})
