import type { Compare, Entry, LeaseId, Operation, Revision } from './store.ts'

/** Short ways to write the parts of a transaction. */

export const put = (key: string, value: Uint8Array, lease?: LeaseId): Operation =>
  lease === undefined ? { type: 'put', key, value } : { type: 'put', key, value, lease }
/** The same where a damaged record may be in its place. */
export const mend = (key: string, value: Uint8Array): Operation => ({ type: 'put', key, value, mends: true })
export const remove = (key: string): Operation => ({ type: 'delete', key })
export const removeRange = (prefix: string): Operation => ({ type: 'delete-range', prefix })
export const get = (key: string): Operation => ({ type: 'get', key })
export const range = (prefix: string): Operation => ({ type: 'range', prefix })

export const isPresent = (key: string): Compare => ({ key, target: 'version', is: '>', than: 0 })
export const isMissing = (key: string): Compare => ({ key, target: 'version', is: '=', than: 0 })
/** The key is as it was when it was read; where nothing was read, still missing. */
export const isUnchanged = (key: string, entry: Entry | undefined): Compare => ({
  key,
  target: 'modRevision',
  is: '=',
  than: entry?.modRevision ?? 0,
})
/** The very key that came to be in that revision, whatever its value is now: the guard of a leader or a lock. */
export const wasCreatedAt = (key: string, revision: Revision): Compare => ({
  key,
  target: 'createRevision',
  is: '=',
  than: revision,
})
