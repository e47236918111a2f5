/**
 * Estimates of how much memory a message takes. Back-pressure within a thread needs a size, and encoding every
 * message for it would cost more than the handlers; the senders look at samples only (see `messaging/channel`).
 */

const objectBytes = 48
const slotBytes = 8
/** A value of more items than this is estimated from its first ones. */
const itemsSampled = 32
const depthMax = 8
/** Objects that are looked at for one message: in a graph, where much refers back, there are more paths than objects. */
const objectsMax = 10_000

let objectsLeft = 0

/** Roughly the bytes that `value` holds on to. */
export function estimateBytes(value: unknown): number {
  objectsLeft = objectsMax
  return estimate(value, 0)
}

function estimate(value: unknown, depth: number): number {
  switch (typeof value) {
    case 'string':
      return 24 + value.length
    case 'bigint':
      return 32
    case 'object':
      if (value === null || depth >= depthMax || objectsLeft-- <= 0) return slotBytes
      return estimateObject(value, depth + 1)
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
  if (value instanceof Error) return objectBytes + 2 * value.message.length + estimate(value.cause, depth)
  let bytes = objectBytes
  for (const field of Object.keys(value)) {
    bytes += slotBytes + estimate((value as Readonly<Record<string, unknown>>)[field], depth)
  }
  return bytes
}

function estimateItems(items: Iterable<unknown>, count: number, depth: number): number {
  let bytes = 0
  let seen = 0
  for (const item of items) {
    if (seen === itemsSampled) break
    bytes += slotBytes + estimate(item, depth)
    seen++
  }
  return seen === 0 ? 0 : Math.ceil((bytes * count) / seen)
}
