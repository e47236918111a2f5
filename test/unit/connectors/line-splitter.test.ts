import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { LineSplitter } from '../../../src/connectors/file/line-splitter.ts'

const options = {
  encoding: 'utf8',
  skipEmpty: false,
  maxLineBytes: 1000,
  tooLong: (line: number) => new Error(`line ${line} too long`),
} as const

/** Gives the bytes in pieces of the given sizes (the last size repeats), each in memory that is then spoilt. */
function split(bytes: Buffer, sizes: readonly number[], max: number, splitter: LineSplitter): string[] {
  const lines: string[] = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[Math.min(i, sizes.length - 1)]!
    const chunk = Buffer.from(bytes.subarray(at, at + size))
    at += size
    splitter.push(chunk)
    while (!splitter.exhausted) {
      const before = lines.length
      const sent = splitter.take(max, (line) => lines.push(line))
      assert.equal(lines.length - before, sent)
      assert.ok(sent <= max)
    }
    chunk.fill(88)
  }
  splitter.finish((line) => lines.push(line))
  return lines
}

/** The oracle: a plain split of the whole text. */
function plainSplit(text: string): string[] {
  const lines = text.split('\n')
  const last = lines.pop()!
  const ended = lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
  return last === '' ? ended : [...ended, last]
}

const texts = fc
  .array(fc.constantFrom('a', 'bc', '\n', '\r', '\r\n', 'é', '語', '🌀', '', ' ', '\n\n'), { maxLength: 60 })
  .map((parts) => parts.join(''))
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 })

test('lines are those of a plain split, wherever chunks are cut', () => {
  fc.assert(
    fc.property(texts, sizes, fc.integer({ min: 1, max: 5 }), (text, cuts, max) => {
      assert.deepEqual(split(Buffer.from(text), cuts, max, new LineSplitter(options)), plainSplit(text))
    }),
    { numRuns: 2000 },
  )
})

test('without empty lines, the others are all there', () => {
  fc.assert(
    fc.property(texts, sizes, (text, cuts) => {
      const lines = split(Buffer.from(text), cuts, 3, new LineSplitter({ ...options, skipEmpty: true }))
      assert.deepEqual(
        lines,
        plainSplit(text).filter((line) => line !== ''),
      )
    }),
  )
})

test('latin1 keeps every byte', () => {
  const bytes = Buffer.from([...Array(256).keys()].filter((byte) => byte !== 10))
  const lines = split(bytes, [7], 1, new LineSplitter({ ...options, encoding: 'latin1' }))
  assert.deepEqual(lines, [bytes.toString('latin1')])
})

test('a byte order mark at the start is left out, elsewhere kept, and each file has its own', () => {
  const mark = '\uFEFF'
  for (const cuts of [[1], [2], [100]]) {
    const splitter = new LineSplitter(options)
    assert.deepEqual(split(Buffer.from(`${mark}a\n${mark}b\nc`), cuts, 9, splitter), ['a', `${mark}b`, 'c'])
    assert.deepEqual(split(Buffer.from(`${mark}a`), cuts, 9, splitter), ['a'])
    assert.deepEqual(split(Buffer.from(mark), cuts, 9, splitter), [])
  }
})

test('a line above the limit is an error with its number, ended or not, cut or not', () => {
  const limited = { ...options, maxLineBytes: 10 }
  const long = 'x'.repeat(11)
  for (const text of [`a\n${long}\n`, `a\n${long}`]) {
    for (const cuts of [[1], [4], [100]]) {
      assert.throws(() => split(Buffer.from(text), cuts, 9, new LineSplitter(limited)), /line 2 too long/)
    }
  }
  assert.deepEqual(split(Buffer.from(`${'x'.repeat(10)}\n`), [3], 9, new LineSplitter(limited)), [
    'x'.repeat(10),
  ])
})
