/**
 * Estimates of how much memory a message takes. Back-pressure within a thread needs a size, and encoding every
 * message for it would cost more than the handlers; the senders look at samples only (see `messaging/channel`).
 */

const objectBytes = 48
const slotBytes = 8
/** A value of more items than this is estimated from its first ones. */
const itemsSampled = 32
const depthMax = 8

/** Roughly the bytes that `value` holds on to. */
export function estimateBytes(value: unknown, depth = 0): number {
  switch (typeof value) {
    case 'string':
      return 24 + value.length
    case 'bigint':
      return 32
    case 'object':
      return value === null || depth >= depthMax ? slotBytes : estimateObject(value, depth + 1)
    default:
      return slotBytes
  }
}

function estimateObject(value: object, depth: number): number {
  if (Array.isArray(value)) return objectBytes + estimateItems(value, value.length, depth)
  if (ArrayBuffer.isView(value)) return objectBytes + value.byteLength
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer)
    return objectBytes + value.byteLength
  if (value instanceof Map) {
    return (
      objectBytes +
      estimateItems(value.keys(), value.size, depth) +
      estimateItems(value.values(), value.size, depth)
    )
  }
  if (value instanceof Set) return objectBytes + estimateItems(value, value.size, depth)
  let bytes = objectBytes
  for (const field of Object.keys(value)) {
    bytes += slotBytes + estimateBytes((value as Readonly<Record<string, unknown>>)[field], depth)
  }
  return bytes
}

function estimateItems(items: Iterable<unknown>, count: number, depth: number): number {
  let bytes = 0
  let seen = 0
  for (const item of items) {
    if (seen === itemsSampled) break
    bytes += slotBytes + estimateBytes(item, depth)
    seen++
  }
  return seen === 0 ? 0 : Math.ceil((bytes * count) / seen)
}
