import { Buffer, isUtf8 } from 'node:buffer'
import type { Entry } from '../../store/store.ts'

/** An entry as JSON: its value as text where it is UTF-8, else in base64. */
export interface EntryJson {
  readonly key: string
  readonly value?: string
  readonly base64?: string
  readonly createRevision: number
  readonly modRevision: number
  readonly version: number
  readonly lease?: string
}

export function entryJson({ value, ...rest }: Entry): EntryJson {
  return { ...rest, ...(isUtf8(value) ? { value: textOf(value) } : { base64: base64Of(value) }) }
}

/** A value in one line for people; what is not text is described. */
export function shownValue(value: Uint8Array, charactersMax: number): string {
  if (!isUtf8(value)) return `(${value.byteLength} bytes that are no text)`
  const text = visible(textOf(value))
  return text.length > charactersMax ? `${text.slice(0, charactersMax - 1)}…` : text
}

/** Without what would move the cursor or change the terminal: keys and values are anybody's. */
export function visible(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (character) =>
    JSON.stringify(character).slice(1, -1),
  )
}

function textOf(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8')
}

export function base64Of(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
}
