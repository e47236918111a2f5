import type { Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import { MessageCodec } from '../wire/message-codec.ts'
import type { Entry } from './entries.ts'
import { encodeKey } from './keys.ts'
import type { SlotDeclaration } from './row.ts'

/** What snapshots write of a state, and how rows are written. */

/** A part of what a snapshot writes: of one key group, in the order in which it has to be applied. */
export interface StateChunk {
  readonly group: number
  /** Encoded keys. They come before the rows: a key may have come back. */
  readonly removed: readonly string[]
  readonly rows: readonly CapturedRow[]
}

export interface CapturedRow {
  /** Its encoded key. */
  readonly key: string
  /** Says all of the row; else what has changed since the snapshot before. */
  readonly isWhole: boolean
  readonly bytes: Uint8Array
}

/**
 * Writes what an epoch has changed, in slices, while the state goes on changing.
 *
 * - CA-1 Each row is written as it was at the cut.
 * - CA-2 `step` takes about as long as it was told, but for one row and one chunk.
 * - CA-3 A capture that is given back never was: the next one writes that again, whole.
 */
export interface Capture {
  /** Everything has been written, or it was given back. */
  readonly isDone: boolean
  /** Works for about `budgetMs`. Errors: STATE_NOT_ENCODABLE. */
  step(clock: Clock, budgetMs: number): void
  /** It will not be part of a committed snapshot: what it holds is for the next one. */
  giveBack(): void
}

/** Rows of a chunk: few enough that one is encoded within a slice. */
export const chunkEntriesMax = 128
/** Rows between two looks at the clock. */
export const rowsPerLook = 16

const codec = new MessageCodec()

/** Errors: STATE_NOT_ENCODABLE. */
export function encodeRows(
  entries: readonly Entry[],
  declared: readonly SlotDeclaration[],
  place: string,
): CapturedRow[] {
  const values = entries.map(valuesOf)
  const found = codec.fault(values)
  if (found !== undefined)
    throw new VertigoError(
      'STATE_NOT_ENCODABLE',
      `state of ${place} cannot be written: at the key ${String(values[found.index]![0])}, ${found.fault.path} ${found.fault.problem}`,
    )
  return entries.map(({ key, slots }, at) => ({
    key: encodeKey(key),
    isWhole: slots.every((part, slot) => declared[slot]!.type === 'value' || isAll(part)),
    bytes: new Uint8Array(codec.encode(values[at], 0)),
  }))
}

function isAll(part: unknown): boolean {
  return part !== null && 'all' in (part as object)
}

/** What a row says. The bytes have been verified. */
export function readRow(bytes: Uint8Array): Entry {
  const [key, changed, ...slots] = codec.decode(bytes) as [unknown, number[] | null, ...unknown[]]
  return { key, changed, slots }
}

/** As `CapturedRow.bytes`: for entries that were merged. */
export function writeRow(entry: Entry): Uint8Array {
  return new Uint8Array(codec.encode(valuesOf(entry), 0))
}

function valuesOf({ key, changed, slots }: Entry): readonly unknown[] {
  return [key, changed, ...slots]
}
