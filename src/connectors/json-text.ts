/**
 * A message as one line of JSON. What JSON does not know is written in the nearest form instead of being lost
 * silently, as `JSON.stringify` would: a `bigint` as a text of its digits, a `Map` as an object (as pairs where its
 * keys are not texts), a `Set` and a typed array as an array, an error as its name, message and code. `undefined` is
 * `null`.
 */
export function jsonText(message: unknown): string {
  if (typeof message === 'string' || typeof message === 'number') return JSON.stringify(message)
  const text = isPlain(message) ? JSON.stringify(message) : JSON.stringify(message, replace)
  return text ?? 'null'
}

/** A message as a line of text: a string as it is, anything else as JSON. */
export function plainText(message: unknown): string {
  return typeof message === 'string' ? message : jsonText(message)
}

/** Whether `JSON.stringify` alone writes it: looking is far cheaper than giving it a replacer for every message. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'bigint') return false
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) {
    for (const item of value) if (!isPlain(item)) return false
    return true
  }
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value) || value instanceof Error)
    return false
  for (const key in value) if (!isPlain((value as Record<string, unknown>)[key])) return false
  return true
}

/** `this` holds the value as it was before its `toJSON` (a `Buffer` has one). */
function replace(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  const before = this[key]
  if (ArrayBuffer.isView(before)) return before instanceof DataView ? null : [...(before as Uint8Array)]
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Map) {
    const entries = [...(value as Map<unknown, unknown>)]
    return entries.every(([key]) => typeof key === 'string')
      ? Object.fromEntries(entries as [string, unknown][])
      : entries
  }
  if (value instanceof Set) return [...(value as Set<unknown>)]
  if (value instanceof Error) {
    const { name, message, code } = value as Error & { readonly code?: unknown }
    return { name, message, code }
  }
  return value
}
