import type { ErrorData } from '../../base/errors.ts'
import type { Revision, WatchEvent } from '../store.ts'

/**
 * A store in one thread, used by another.
 *
 * - PO-1 Who uses it says `hello` first and calls nothing before `ready`: who serves makes the store only then.
 * - PO-2 Each call and each following has a number of its own; answers bear it.
 * - PO-3 Calls are done in the order in which they were sent.
 * - PO-4 Values are sent in buffers of exactly their size (`exact.ts`), either way.
 */
export type StoreCall = 'get' | 'range' | 'transact' | 'grant' | 'keepAlive' | 'revoke' | 'leases'

export type ToStore =
  | { readonly type: 'hello' }
  | {
      readonly type: 'call'
      readonly id: number
      readonly call: StoreCall
      readonly args: readonly unknown[]
    }
  | { readonly type: 'follow'; readonly id: number; readonly prefix: string; readonly from: Revision }
  | { readonly type: 'cancel'; readonly id: number }

export type FromStore =
  | { readonly type: 'ready' }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'error'; readonly id: number; readonly error: ErrorData }
  | {
      readonly type: 'events'
      readonly id: number
      readonly revision: Revision
      readonly events: readonly WatchEvent[]
    }
  | { readonly type: 'compacted'; readonly id: number }
  | { readonly type: 'failed'; readonly id: number; readonly error: ErrorData }
