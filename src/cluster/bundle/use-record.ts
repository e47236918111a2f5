import * as v from 'valibot'
import { recordType } from '../protocol/record.ts'

/** When somebody last meant to use a bundle, by that one's clock. */
export const useRecord = recordType('The use of a bundle', v.object({ usedAtMs: v.number() }))
