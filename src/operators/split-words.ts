import * as v from 'valibot'
import { VertigoError } from '../base/errors.ts'
import { builtInKind, defineComponent, port } from '../component/index.ts'
import { configObject } from '../component/built-in-config.ts'

/** Longer texts may hold more words than may be sent for one message: for these the engine asks part by part. */
const charactersAtOnceMax = 16_384
const wordsPerStep = 1024

const patternMessage = 'must be a regular expression, such as "[\\\\p{L}\']+"'

const config = configObject({
  /** Regular expression (flag `u`) of a word. Default: letters a to z and A to Z. */
  pattern: v.optional(
    v.pipe(v.string(patternMessage), v.minLength(1, patternMessage), v.check(isPattern, patternMessage)),
  ),
  /** Whether words are put into lower case. Default true, so that a word counts as one however it is written. */
  lowerCase: v.optional(v.boolean('must be true or false'), true),
})

/**
 * Kind `split-words`: sends each word of a text, in order. Without a `pattern` a word is a run of the letters A to Z,
 * whatever their case, as `tr -cs 'A-Za-z' '\n' | tr A-Z a-z` has it: letters of other alphabets separate words.
 */
export const splitWords = builtInKind(
  'split-words',
  defineComponent({
    description: 'Sends each word of a text: letters a to z in lower case, or what a pattern says.',
    inputs: { in: port<string>() },
    outputs: { out: port<string>() },
    config,
    setup({ config: { pattern, lowerCase } }) {
      const words = pattern === undefined ? letterWords(lowerCase) : patternWords(pattern, lowerCase)
      return {
        on: {
          in(text, { emit }) {
            if (typeof text !== 'string') throw notText(text)
            if (text.length > charactersAtOnceMax) return inSteps(words(text), emit.out)
            if (pattern === undefined) sendLetterWords(text, lowerCase, emit.out)
            else for (const word of words(text)) emit.out(word)
            return undefined
          },
        },
      }
    },
  }),
)

/** The words of a text, sent one by one. Written for the machine: this is the inner loop of counting words. */
export function sendLetterWords(text: string, lowerCase: boolean, send: (word: string) => void): void {
  const { length } = text
  let start = -1
  let capital = false
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    // Bit 5 is what a small letter has and a capital has not. Codes above 127 stay above 127.
    const small = code | 32
    if (small >= 97 && small <= 122) {
      if (start < 0) {
        start = i
        capital = false
      }
      if (code < 97) capital = true
    } else if (start >= 0) {
      const word = text.slice(start, i)
      send(capital && lowerCase ? word.toLowerCase() : word)
      start = -1
    }
  }
  if (start >= 0) {
    const word = text.slice(start)
    send(capital && lowerCase ? word.toLowerCase() : word)
  }
}

function letterWords(lowerCase: boolean): (text: string) => Iterable<string> {
  return patternWords('[A-Za-z]+', lowerCase)
}

function patternWords(pattern: string, lowerCase: boolean): (text: string) => Iterable<string> {
  const regExp = new RegExp(pattern, 'gu')
  return function* (text) {
    for (const [word] of text.matchAll(regExp)) if (word !== '') yield lowerCase ? word.toLowerCase() : word
  }
}

function* inSteps(words: Iterable<string>, send: (word: string) => void): Generator<undefined, undefined> {
  let sent = 0
  for (const word of words) {
    send(word)
    if (++sent % wordsPerStep === 0) yield
  }
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'gu').global
  } catch {
    return false
  }
}

function notText(message: unknown): VertigoError {
  return new VertigoError(
    'MESSAGE_INVALID',
    `split-words takes texts, not ${message === null ? 'null' : `a value of type ${typeof message}`}`,
    { remedy: 'Put a component before it that gives the text of the message, such as `map`.' },
  )
}
