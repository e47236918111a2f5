import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { array, assert as check, constantFrom, oneof, property, string } from 'fast-check'
import { isVertigoError } from '../../../src/base/errors.ts'
import { sendLetterWords, splitWords } from '../../../src/operators/split-words.ts'
import { runKind, stepsOf } from './run-kind.ts'

const wordsOf = (text: string, lowerCase = true): string[] => {
  const words: string[] = []
  sendLetterWords(text, lowerCase, (word) => words.push(word))
  return words
}
const split = async (text: string, config = {}) => await runKind(splitWords, [text], { config })

test('words are runs of the letters A to Z in lower case', () => {
  assert.deepEqual(wordsOf("It's 5 o'CLOCK, über-Tea"), ['it', 's', 'o', 'clock', 'ber', 'tea'])
  assert.deepEqual(wordsOf(''), [])
  assert.deepEqual(wordsOf(' \t123 '), [])
  assert.deepEqual(wordsOf('aZ@[`{Az'), ['az', 'az'])
  // A Kelvin sign becomes a k in lower case, but is no letter of A to Z; nor are full-width letters.
  assert.deepEqual(wordsOf('x\u212ay\uff21z'), ['x', 'y', 'z'])
  assert.deepEqual(wordsOf('Ab cD', false), ['Ab', 'cD'])
})

const line = array(
  oneof(constantFrom('a', 'Z', 'z', 'A', ' ', "'", '\t', 'é', '0', '@', '[', '`', '{'), string()),
  {
    maxLength: 40,
  },
)

test('the scanner finds what the pattern finds', () => {
  check(
    property(line, (parts) => {
      const text = parts.join('')
      assert.deepEqual(wordsOf(text, false), text.match(/[A-Za-z]+/g) ?? [])
      assert.deepEqual(
        wordsOf(text),
        (text.match(/[A-Za-z]+/g) ?? []).map((word) => word.toLowerCase()),
      )
    }),
  )
})

test('it splits as tr does', () => {
  const text = "The Tempest's 1st line:\n  We are such stuff\n\nAs dreams are made on; ÄÖ naïve x--Y\n"
  const byTr = execFileSync('sh', ['-c', "tr -cs 'A-Za-z' '\\n' | tr A-Z a-z"], {
    input: text,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  })
  assert.deepEqual(
    text.split('\n').flatMap((each) => wordsOf(each)),
    byTr.split('\n').filter((word) => word !== ''),
  )
})

test('configuration: pattern and case', async () => {
  assert.deepEqual(await split('Ab cD'), ['ab', 'cd'])
  assert.deepEqual(await split('Ab cD', { lowerCase: false }), ['Ab', 'cD'])
  assert.deepEqual(await split('Äpfel 12', { pattern: '\\p{L}+' }), ['äpfel'])
  assert.deepEqual(await split('Äpfel 12', { pattern: '\\p{L}+', lowerCase: false }), ['Äpfel'])
  assert.deepEqual(await split('a1b', { pattern: '\\d*' }), ['1'])
})

test('long texts are sent in steps, with the same words', async () => {
  const text = 'One two, '.repeat(5000)
  assert.deepEqual(await runKind(splitWords, [text]), wordsOf(text))
  const steps = await stepsOf(splitWords, text, { lowerCase: true })
  assert.ok(steps.every((step) => step <= 1024))
  assert.ok(steps.length > 5)
  const lower = await runKind(splitWords, [text], { config: { lowerCase: false } })
  assert.deepEqual(lower, wordsOf(text, false))
})

test('what is no text is refused by name', async () => {
  await assert.rejects(
    runKind(splitWords, [{ text: 'x' }]),
    (error: unknown) =>
      isVertigoError(error) &&
      error.code === 'MESSAGE_INVALID' &&
      /not a value of type object/.test(error.message),
  )
})
