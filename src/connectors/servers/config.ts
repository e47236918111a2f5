import * as v from 'valibot'
import { oneOf, text, truth, wholeNumber } from '../../component/built-in-config.ts'

/** Fields that kinds of several servers have, with the same meaning and default. */

export const tlsField = v.optional(
  v.union(
    [truth(), v.strictObject({ ca: v.optional(text()), cert: v.optional(text()), key: v.optional(text()) })],
    'must be true, or have the texts `ca`, `cert`, `key`',
  ),
  false,
)

export const retryMsField = v.optional(wholeNumber(0, 86_400_000), 60_000)

/** Of a sink without snapshots: what is written together. */
export const batchField = v.optional(wholeNumber(1, 100_000), 500)

export const fromField = v.optional(oneOf('first', 'end'), 'first')

export const followField = v.optional(truth(), true)

export const formatField = v.optional(oneOf('text', 'json', 'bytes'), 'text')

export const sendsField = v.optional(oneOf('records', 'values'), 'records')
