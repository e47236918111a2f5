import { VertigoError } from '../../base/errors.ts'
import { decodeValue } from '../envelope.ts'
import type { Entry } from '../store.ts'

/** What a task queue keeps about itself. */
export interface TaskHead {
  /** Number of the next task. */
  readonly next: number
  readonly size: number
}

export const emptyHead: TaskHead = { next: 0, size: 0 }

export function decodeHead(entry: Entry): TaskHead {
  const value = decodeValue(entry)
  if (typeof value === 'object' && value !== null && 'next' in value && 'size' in value) {
    const { next, size } = value
    if (Number.isSafeInteger(next) && Number.isSafeInteger(size)) return value as TaskHead
  }
  throw new VertigoError('STORE_CORRUPT', `The value of "${entry.key}" is not the head of a queue of tasks.`)
}
