import { Buffer } from 'node:buffer'
import { MessageCodec } from '../../wire/message-codec.ts'
import type { SlotChange } from '../row.ts'

/** What stands for a row that has changed since the last cut. */
export interface Mark {
  /** The row was taken out; it may have come back. */
  readonly isRemoved: boolean
  /** As of rows. */
  readonly changes: readonly SlotChange[] | undefined
  /** Where the database's key does not have it. */
  readonly encoded: string | undefined
}

const codec = new MessageCodec()

export function encodeMark({ isRemoved, changes, encoded }: Mark): Buffer {
  if (!isRemoved && changes === undefined && encoded === undefined) return plain
  return Buffer.from(codec.encode([isRemoved, changes, encoded], 0))
}

const plain = Buffer.from(codec.encode([false, undefined, undefined], 0))

export function decodeMark(bytes: Uint8Array): Mark {
  const [isRemoved, changes, encoded] = codec.decode(bytes) as [boolean, Mark['changes'], string | undefined]
  return { isRemoved, changes, encoded }
}

/** What both say, in their order. */
export function mergedMark(older: Mark, newer: Mark): Mark {
  // What was taken out is written as it is afterwards.
  if (newer.isRemoved) return newer
  const { isRemoved, changes: before, encoded } = older
  const { changes: after } = newer
  if (before === undefined || after === undefined) return { isRemoved, changes: before ?? after, encoded }
  const changes = Array.from({ length: Math.max(before.length, after.length) }, (_, at) =>
    mergedChange(before[at], after[at]),
  )
  return { isRemoved, changes, encoded }
}

function mergedChange(before: SlotChange, after: SlotChange): SlotChange {
  if (before === undefined) return after
  if (after === undefined) return before
  if (before === 'whole' || after === 'whole') return 'whole'
  if (before instanceof Set) return after instanceof Set ? new Set([...before, ...after]) : 'whole'
  return after instanceof Set ? 'whole' : Math.min(before, after)
}
