import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  bytes,
  count,
  duration,
  fitted,
  list,
  printable,
  short,
  wrapped,
} from '../../../../src/cli/report/text.ts'

test('numbers are short', () => {
  const texts = [
    0, 0.04, 1.5, 9.96, 999, 999.6, 1234, 12_345, 999_499, 999_501, 1.5e6, 123e6, 9.9e8, 2e9, 5e13,
  ].map(short)
  assert.deepEqual(texts, [
    '0',
    '0.0',
    '1.5',
    '10',
    '999',
    '1.00k',
    '1.23k',
    '12.3k',
    '999k',
    '1.00M',
    '1.50M',
    '123M',
    '990M',
    '2.00G',
    '5.0e+13',
  ])
  assert.ok([...texts].every((text) => text.length <= 7))
  assert.equal(count(1_234_567), '1,234,567')
  assert.equal(count(999), '999')
})

test('times and sizes are for people', () => {
  const times = [0, 999, 1000, 59_940, 59_960, 245_000, 3_600_000, 7_260_000].map(duration)
  assert.deepEqual(times, [
    '0 ms',
    '999 ms',
    '1.0 s',
    '59.9 s',
    '1 min 00 s',
    '4 min 05 s',
    '1 h 00 min',
    '2 h 01 min',
  ])
  assert.deepEqual([512 * 1024, 300 * 1024 ** 2, 12 * 1024 ** 3].map(bytes), [
    '512 KiB',
    '300 MiB',
    '12.0 GiB',
  ])
})

test('lists name what fits', () => {
  assert.equal(list([]), '')
  assert.equal(list(['a']), 'a')
  assert.equal(list(['a', 'b', 'c']), 'a, b and c')
  assert.equal(list(['a', 'b', 'c', 'd'], 2), 'a, b and 2 more')
})

test('texts of others cannot move the cursor', () => {
  assert.equal(printable('a\u001b[2Jb\u0000\r\tc\nd'), 'a\uFFFD[2Jb\uFFFD\uFFFD\tc\nd')
})

test('fitted text is as long as asked for', () => {
  assert.equal(fitted('abc', 5), 'abc  ')
  assert.equal(fitted('abc', 5, 'right'), '  abc')
  assert.equal(fitted('abcdef', 4), 'abc…')
  fc.assert(
    fc.property(
      fc.string(),
      fc.integer({ min: 0, max: 30 }),
      (text, width) => fitted(text, width).length === width,
    ),
  )
})

test('wrapping keeps the words', () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{1,12}$/)),
      fc.integer({ min: 12, max: 40 }),
      (words, width) => {
        const lines = wrapped(words.join(' '), width)
        assert.equal(lines.join(' '), words.join(' '))
        assert.ok(lines.every((line) => line.length <= width))
      },
    ),
  )
})
