import * as v from 'valibot'
import { VertigoError } from '../../base/errors.ts'
import { decodeValue, encodeCheckedValue, encodeValue } from '../../store/envelope.ts'
import type { Entry } from '../../store/store.ts'

/** How one kind of record is written and read: versioned JSON, checked on reading. */
export interface RecordType<T> {
  encode(value: T): Uint8Array
  /** Errors: STORE_CORRUPT, STORE_FORMAT_NEWER, with the key. */
  decode(entry: Pick<Entry, 'key' | 'value' | 'damage'>): T
}

/** A record with the entry that it was read from, whose revisions guard what is written because of it. */
export interface Recorded<T> {
  readonly value: T
  readonly entry: Entry
}

/**
 * `what`: as in "the plan". The schema's output must be what is written: no transformation. `isChecked`: with a checksum, since a value that
 * is another one, and still of the right form, would be acted upon; without one it is as earlier versions wrote it.
 */
export function recordType<T>(
  what: string,
  schema: v.GenericSchema<unknown, T>,
  { isChecked = false }: { readonly isChecked?: boolean } = {},
): RecordType<T> {
  return {
    encode: isChecked ? encodeCheckedValue : encodeValue,
    decode(entry) {
      const parsed = v.safeParse(schema, decodeValue(entry))
      if (parsed.success) return parsed.output
      const [issue] = parsed.issues
      const path = v.getDotPath(issue)
      throw new VertigoError(
        'STORE_CORRUPT',
        `${what} at "${entry.key}" is not as Vertigo writes it: ${path === null ? '' : `${path}: `}${issue.message}`,
      )
    },
  }
}
