import { VertigoError } from '../../base/errors.ts'
import { jsonText } from '../json-text.ts'

/** How bytes of keys and values become what a network works with. */
export type MessageFormat = 'text' | 'json' | 'bytes'

/** Errors: SOURCE_MESSAGE_INVALID, which says where it stands. */
export function decode(
  bytes: Uint8Array | null | undefined,
  format: MessageFormat,
  place: () => { readonly component: string; readonly where: string },
): unknown {
  if (bytes === null || bytes === undefined) return null
  if (format === 'bytes') return new Uint8Array(bytes)
  const text = asBuffer(bytes).toString('utf8')
  if (format === 'text') return text
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    const { component, where } = place()
    throw new VertigoError('SOURCE_MESSAGE_INVALID', `${component}: ${where} holds no JSON.`, {
      cause,
      place: { component },
    })
  }
}

/** Bytes as they are, texts as UTF-8, anything else as JSON. */
export function encode(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value
  return Buffer.from(typeof value === 'string' ? value : jsonText(value))
}

/** The same bytes, as the client takes them. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
