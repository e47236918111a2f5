import { inspect } from 'node:util'
import { errorToData } from '../../base/errors.ts'
import type { RunEvent } from '../../run/types.ts'

/** Larger values are cut off: what is shown of a message is for people. */
const textLengthMax = 16 * 1024

/** An event whose values of the user's are plain JSON data, so that it can be sent and printed. */
export function plainEvent(event: RunEvent): RunEvent {
  if (event.type === 'log') {
    const { details, ...record } = event.record
    if (details === undefined) return event
    return { type: 'log', record: { ...record, details: plainRecord(details) } }
  }
  if (event.type === 'rejected')
    return { type: 'rejected', record: { ...event.record, message: plainValue(event.record.message) } }
  return event
}

function plainRecord(details: object): Readonly<Record<string, unknown>> {
  const value = plainValue(details)
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : { details: value }
}

/** A value as JSON data; what JSON has no form for becomes the nearest that it has, or text. */
export function plainValue(value: unknown): unknown {
  try {
    const text = JSON.stringify(value, replaced)
    if (text === undefined) return null
    return text.length <= textLengthMax ? (JSON.parse(text) as unknown) : `${text.slice(0, textLengthMax)}…`
  } catch {
    const text = inspect(value, { depth: 3, breakLength: Infinity })
    return text.slice(0, textLengthMax)
  }
}

function replaced(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Map) return [...value]
  if (value instanceof Set) return [...value]
  if (value instanceof Error) {
    const { name, message, code } = errorToData(value)
    return { name, message, code }
  }
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`
  return value
}
