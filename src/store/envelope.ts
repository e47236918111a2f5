import { Buffer } from 'node:buffer'
import { crc32 } from 'node:zlib'
import { VertigoError } from '../base/errors.ts'
import type { Entry } from './store.ts'

/** Values of recipes and collections: JSON with the version of its format, checked when it is read. */
const version = 1
/** Made once: making one takes longer than decoding a value. */
const text = new TextDecoder('utf-8', { fatal: true })

/** The same with a checksum: for what must not be believed where a server gives other bytes than it took. Older versions read it as well. */
export function encodeCheckedValue(value: unknown): Uint8Array {
  checkJson(value, 'the value', 0)
  return Buffer.from(JSON.stringify({ v: version, c: crc32(JSON.stringify(value)), d: value }))
}

/** Errors: STORE_VALUE_INVALID where JSON would lose something. */
export function encodeValue(value: unknown): Uint8Array {
  checkJson(value, 'the value', 0)
  return Buffer.from(JSON.stringify({ v: version, d: value }))
}

/** Errors: STORE_CORRUPT, STORE_FORMAT_NEWER, both with the key. */
export function decodeValue({ key, value, damage }: Pick<Entry, 'key' | 'value' | 'damage'>): unknown {
  if (damage !== undefined) throw new VertigoError('STORE_CORRUPT', damage)
  const envelope = parse(key, value)
  if (typeof envelope === 'object' && envelope !== null && 'v' in envelope) {
    if (envelope.v === version && 'd' in envelope) {
      if ('c' in envelope && envelope.c !== crc32(JSON.stringify(envelope.d)))
        throw new VertigoError('STORE_CORRUPT', `The value of "${key}" does not fit its checksum.`)
      return envelope.d
    }
    if (typeof envelope.v === 'number' && envelope.v > version)
      throw new VertigoError('STORE_FORMAT_NEWER', `The value of "${key}" has format ${envelope.v}.`)
  }
  throw new VertigoError('STORE_CORRUPT', `The value of "${key}" is not one that Vertigo has written.`)
}

/** A number that a recipe or collection keeps for itself. Errors: as `decodeValue`. */
export function decodeInteger(entry: Pick<Entry, 'key' | 'value'>): number {
  const value = decodeValue(entry)
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new VertigoError('STORE_CORRUPT', `The value of "${entry.key}" is not a whole number.`)
  return value
}

function parse(key: string, value: Uint8Array): unknown {
  try {
    return JSON.parse(text.decode(value))
  } catch (error) {
    throw new VertigoError('STORE_CORRUPT', `The value of "${key}" is not JSON.`, { cause: error })
  }
}

const depthMax = 200

function checkJson(value: unknown, where: string, depth: number): void {
  if (depth > depthMax) throw invalid(where, `is nested more than ${depthMax} deep, or holds itself`)
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return
    case 'number':
      if (!Number.isFinite(value)) throw invalid(where, `is ${value}`)
      return
    case 'object':
      if (value !== null) checkObject(value, where, depth)
      return
    default:
      throw invalid(where, value === undefined ? 'is undefined' : `is a ${typeof value}`)
  }
}

function checkObject(value: object, where: string, depth: number): void {
  if (Array.isArray(value)) {
    for (const [index, element] of value.entries()) checkJson(element, `${where}[${index}]`, depth + 1)
    return
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype && !isForeignPlain(prototype))
    throw invalid(where, `is a ${(prototype as object).constructor.name}, not a plain object`)
  for (const [name, member] of Object.entries(value)) {
    // As in TypeScript, a member that is undefined is one that is not there.
    if (member !== undefined) checkJson(member, `${where}.${name}`, depth + 1)
  }
}

/** Plain objects of another realm (a `vm` context) have a prototype of their own. */
function isForeignPlain(prototype: unknown): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf')
}

function invalid(where: string, what: string): VertigoError {
  return new VertigoError('STORE_VALUE_INVALID', `${where} ${what}, which JSON cannot hold.`)
}
