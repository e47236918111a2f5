import { inspect } from 'node:util'

/** Long enough to recognize a message by, short enough for a line of a log. */
const lengthMax = 10_000

/** Any value as text for people: for what cannot be encoded, or holds itself. Never throws. */
export function readableText(value: unknown): string {
  try {
    const text = inspect(value, { depth: 4, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 100 })
    return text.length > lengthMax ? `${text.slice(0, lengthMax)}...` : text
  } catch {
    return Object.prototype.toString.call(value)
  }
}
