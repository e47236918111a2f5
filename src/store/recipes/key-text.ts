import { VertigoError } from '../../base/errors.ts'

/**
 * Any text as a part of a key (errors: STORE_KEY_INVALID): what separates parts, and what terminals choke on, is written as `%` and its code. Two
 * texts never give the same part, and no part holds a `/`.
 */
export function encodeSegment(text: unknown): string {
  // Authors meet it first where a field that should be the key is missing.
  if (typeof text !== 'string')
    throw new VertigoError(
      'STORE_KEY_INVALID',
      `A name or key is to be a text, not ${text === null ? 'null' : typeof text}.`,
    )
  if (!text.isWellFormed())
    throw new VertigoError(
      'STORE_KEY_INVALID',
      'A name holds half of a surrogate pair, which UTF-8 cannot say.',
    )
  return text.replace(
    /[%/\u0000-\u001f\u007f]/g,
    (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

export function decodeSegment(segment: string): string {
  return segment.replace(/%([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)))
}
