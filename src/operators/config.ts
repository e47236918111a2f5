import * as v from 'valibot'
import { didYouMean } from '../base/suggest.ts'

/** The configuration of an operator; unknown fields are refused by name. Messages stand behind the field's name. */
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

const functionMessage = 'must be the address of a function, such as "./rules.ts#isError"'

/** The configuration of operators that work by a function of the user's. */
export const functionConfig = configObject({
  /** Address of the function: a path relative to the network's file, or a package; `#name` picks a named export. */
  function: v.pipe(v.string(functionMessage), v.minLength(1, functionMessage)),
})

/** A whole number, `least` or more. */
export function wholeNumber(least: number) {
  const message = `must be a whole number, ${least} or more`
  return v.pipe(v.number(message), v.safeInteger(message), v.minValue(least, message))
}

/** A number above 0. */
export function positiveNumber() {
  const message = 'must be a number above 0'
  return v.pipe(v.number(message), v.finite(message), v.gtValue(0, message))
}
