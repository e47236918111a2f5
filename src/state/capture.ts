import type { Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import { MessageCodec } from '../wire/message-codec.ts'
import type { Entry } from './entries.ts'
import type { EntryBlock } from './entry-block.ts'
import { encodeKey } from './keys.ts'
import type { SlotDeclaration } from './row.ts'

/** What snapshots write of a state, and how rows are written. */

/** A part of what a snapshot writes: of one key group, in the order in which it has to be applied. */
export interface StateChunk {
  readonly group: number
  /** How many entries it has: keys that were taken out, and rows. */
  readonly count: number
  /** As an `EntryBlock` writes them. Keys that were taken out come before the rows: one may have come back. */
  readonly bytes: Uint8Array
}

/** What is done between others' turns. */
export interface StateWork {
  readonly isWaiting: boolean
  /** Works for about `budgetMs`. */
  step(clock: Clock, budgetMs: number): void
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
  /**
   * It will not be part of a committed snapshot: what it holds is for the next one. What is left to do for that, in slices; the next capture
   * does the rest.
   */
  giveBack(): StateWork | undefined
}

/** Rows between two looks at the clock. */
export const rowsPerLook = 16
/** A chunk is given on when it has come to this. */
export const chunkBytesMin = 32 * 1024

const codec = new MessageCodec()

/** Writes what an entry says. Errors: STATE_NOT_ENCODABLE. */
export function addEntry(
  block: EntryBlock,
  entry: Entry,
  declared: readonly SlotDeclaration[],
  place: string,
): void {
  const isWhole = entry.slots.every((part, slot) => declared[slot]!.type === 'value' || isAll(part))
  block.add(encodeKey(entry.key), isWhole, encodeEntry(entry, place))
}

/** As `EntryBlock.add` wants it. To be copied before the next one. Errors: STATE_NOT_ENCODABLE. */
export function encodeEntry(entry: Entry, place: string): Uint8Array {
  const values = valuesOf(entry)
  const found = codec.fault([values])
  if (found !== undefined)
    throw new VertigoError(
      'STATE_NOT_ENCODABLE',
      `state of ${place} cannot be written: at the key ${String(entry.key)}, ${found.fault.path} ${found.fault.problem}`,
    )
  return codec.encode(values, 0)
}

function isAll(part: unknown): boolean {
  return part !== null && 'all' in (part as object)
}

/** What a row says. The bytes have been verified. */
export function readRow(bytes: Uint8Array): Entry {
  const [key, changed, ...slots] = codec.decode(bytes) as [unknown, number[] | null, ...unknown[]]
  return { key, changed, slots }
}

/** As `EntryBlock.add` wants it: for entries that were merged. */
export function writeRow(entry: Entry): Uint8Array {
  return new Uint8Array(codec.encode(valuesOf(entry), 0))
}

function valuesOf({ key, changed, slots }: Entry): readonly unknown[] {
  return [key, changed, ...slots]
}
