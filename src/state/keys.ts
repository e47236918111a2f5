/**
 * Routing keys: their encoding, their hash and their key group. Frozen: version 1. Changing any of it would send
 * keys to instances that do not hold their state.
 *
 * - KEY-1 Keys have one encoding exactly if they are equal: same value, same order of array items, any order of fields.
 * - KEY-2 The hash is FNV-1a over UTF-16 code units of the encoding, finished as in MurmurHash3 (Austin Appleby,
 *   public domain), since FNV's low bits alone spread badly over 256 groups.
 * - KEY-3 A key group is hash modulo 256; an instance owns a contiguous range of groups.
 */

/** Key groups of a component: the unit in which keyed state moves between instances. */
export const keyGroupCount = 256

/** What may be a routing key. */
export type Key =
  string | number | bigint | boolean | null | undefined | readonly Key[] | { readonly [field: string]: Key }

const fnvOffset = 0x811c9dc5
const fnvPrime = 0x01000193

/** A value that is its own `Map` key: strings as they are (the common case), everything else by its encoding. */
export function encodeKey(key: unknown): string {
  // A string that begins like an encoding is encoded too, so that no string is taken for another value.
  if (typeof key === 'string' && key.charCodeAt(0) !== 0) return key
  return `\u0000${encodeOther(key)}`
}

function encodeOther(key: unknown): string {
  switch (typeof key) {
    case 'string':
      return JSON.stringify(key)
    case 'number':
      return Object.is(key, -0) ? '0' : String(key)
    case 'bigint':
      return `${key}n`
    case 'boolean':
    case 'undefined':
      return String(key)
    case 'object':
      return encodeObject(key)
    default:
      throw new TypeError(`a ${typeof key} cannot be a routing key`)
  }
}

function encodeObject(key: object | null): string {
  if (key === null) return 'null'
  if (Array.isArray(key)) return `[${Array.from(key, encodeOther).join(',')}]`
  if (key instanceof Date) return `d${key.getTime()}`
  if (key instanceof Uint8Array)
    return `b${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('hex')}`
  const prototype: unknown = Object.getPrototypeOf(key)
  if (prototype !== Object.prototype && prototype !== null) {
    const name = (key.constructor as { name?: string } | undefined)?.name ?? 'unknown class'
    throw new TypeError(`an object of ${name} cannot be a routing key`)
  }
  const record = key as Readonly<Record<string, unknown>>
  const fields = Object.keys(record).toSorted()
  return `{${fields.map((field) => `${JSON.stringify(field)}:${encodeOther(record[field])}`).join(',')}}`
}

/** Hash of an encoded key: 32 bits, unsigned. */
export function hashKey(encoded: string): number {
  let hash = fnvOffset
  for (let i = 0; i < encoded.length; i++) hash = Math.imul(hash ^ encoded.charCodeAt(i), fnvPrime)
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  hash ^= hash >>> 16
  return hash >>> 0
}

export function keyGroupOf(encoded: string): number {
  return hashKey(encoded) & (keyGroupCount - 1)
}

/** The instance that owns a key group, of `instances`. */
export function instanceOfKeyGroup(keyGroup: number, instances: number): number {
  return Math.floor((keyGroup * instances) / keyGroupCount)
}

/** Reads the key of a message by its path; compiled once per connection. */
export type KeyReader = (message: unknown) => unknown

/** A reader for a path such as `user.id`; without a path the whole message is the key. */
export function keyReader(path: string | undefined): KeyReader {
  if (path === undefined || path === '') return (message) => message
  const steps = path.split('.')
  const [first] = steps
  if (steps.length === 1 && first !== undefined) return (message) => readField(message, first)
  return (message) => {
    let at = message
    for (const step of steps) at = readField(at, step)
    return at
  }
}

function readField(value: unknown, field: string): unknown {
  return value === null || value === undefined
    ? undefined
    : (value as Readonly<Record<string, unknown>>)[field]
}
