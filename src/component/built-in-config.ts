import * as v from 'valibot'
import { didYouMean } from '../base/suggest.ts'

/**
 * The configuration of a built-in kind: an object whose unknown fields are refused by name. Messages stand behind the
 * field's name, so they do not repeat it.
 */
export function configObject<const E extends v.ObjectEntries>(entries: E): v.StrictObjectSchema<E, Message> {
  const known = Object.keys(entries)
  return v.strictObject(entries, (issue) => {
    const field = issue.path?.[0]?.key
    if (typeof field !== 'string') return 'the configuration must be an object'
    if (issue.expected !== 'never') return 'is missing'
    if (known.length === 0) return 'is not a field of this kind, which has none'
    const suggestion = didYouMean(field, known)
    return `is not a field of this kind.${suggestion === '' ? ` It has: ${known.join(', ')}.` : suggestion}`
  })
}

type Message = (issue: v.StrictObjectIssue) => string

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER) {
  const message =
    most === Number.MAX_SAFE_INTEGER
      ? `must be a whole number, ${least} or more`
      : `must be a whole number from ${least} to ${most}`
  return v.pipe(v.number(message), v.integer(message), v.minValue(least, message), v.maxValue(most, message))
}

export function truth() {
  return v.boolean('must be true or false')
}

/** A text that is not empty. */
export function text() {
  return v.pipe(v.string('must be a text'), v.minLength(1, 'must not be empty'))
}

export function oneOf<const T extends readonly string[]>(...values: T) {
  return v.picklist(values, `must be one of: ${values.join(', ')}`)
}

/** A number above 0. */
export function positiveNumber() {
  const message = 'must be a number above 0'
  return v.pipe(v.number(message), v.finite(message), v.gtValue(0, message))
}
