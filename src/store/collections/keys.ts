import { createHash } from 'node:crypto'
import { decodeSegment, encodeSegment } from '../recipes/key-text.ts'
import { canonicalJson } from './canonical-json.ts'

/**
 * The keys of all shared collections, made in this place only.
 *
 * - CK-1 `shared/<kind>/<name>/...`: two collections of different kind or name have no key in common, and the keys of one
 *   never begin with the prefix of another, whatever characters names have: an encoded part holds no `/`.
 * - CK-2 Numbers are padded, so that the order of keys is that of numbers.
 */
export type CollectionKind = 'map' | 'multimap' | 'set' | 'list' | 'queue' | 'counter' | 'lock' | 'topic'

export function collectionPrefix(kind: CollectionKind, name: string): string {
  return `shared/${kind}/${encodeSegment(name)}/`
}

/** What a sink has published: beside the collections, under a name that is no kind of them. */
export const publishedKey = (writer: string): string => `shared/published/${encodeSegment(writer)}`

export const mapKey = (prefix: string, key: string): string => prefix + encodeSegment(key)
export const mapKeyText = (prefix: string, key: string): string => decodeSegment(key.slice(prefix.length))

export const multimapPrefix = (prefix: string, key: string): string => `${prefix}${encodeSegment(key)}/`
export const multimapKey = (prefix: string, key: string, value: unknown): string =>
  multimapPrefix(prefix, key) + valueName(value)
export const multimapKeyText = (prefix: string, key: string): string =>
  decodeSegment(key.slice(prefix.length, key.lastIndexOf('/')))

export const setKey = (prefix: string, value: unknown): string => prefix + valueName(value)

export const listKey = (prefix: string, id: string, index: number): string =>
  `${prefix}${id}.${String(index).padStart(3, '0')}`

/** A key beside the numbered ones, with what the collection keeps about itself. */
export const headKey = (prefix: string): string => `${prefix}head`
export const numberedPrefix = (prefix: string): string => `${prefix}number/`
export const numberedKey = (prefix: string, number: number): string =>
  numberedPrefix(prefix) + String(number).padStart(16, '0')
export const numberOfKey = (key: string): number => Number(key.slice(-16))

export const counterKey = (prefix: string): string => `${prefix}value`

/** Values of any length by a name of one length: 128 bits of their hash, more than enough against accidents and attacks. */
function valueName(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 32)
}
