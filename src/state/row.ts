/** How much of a list or map changed in an epoch: all of it, items from an index on, or entries of these keys. */
export type SlotChange = 'whole' | number | Set<unknown> | undefined

/** All declared states of one key; slots in the order of the declaration. */
export interface Row {
  readonly key: unknown
  readonly slots: unknown[]
  /** When each slot changed last, in milliseconds since 1970; only where a state has a time to live. */
  readonly changed: number[] | undefined
  readonly group: number
  /** Of its last change. */
  epoch: number
  /** What of its lists and maps changed in that epoch; undefined where none did. */
  changes: SlotChange[] | undefined
}

/** Before any snapshot: nothing is noted. Also of rows that have not changed since they were written. */
export const noEpoch = 0

/** Is told of rows that are about to change. */
export interface RowTracker {
  /** Of now; rows compare with it on the hot path. */
  readonly epoch: number
  /** Before the first change of a row in an epoch. */
  note(row: Row): void
}

/** What is declared, as a backend needs it. */
export interface SlotDeclaration {
  readonly type: 'value' | 'map' | 'list'
  readonly initial: unknown
  readonly ttlMs: number | undefined
}

export function newRow(key: unknown, group: number, declared: readonly SlotDeclaration[]): Row {
  const slots = declared.map((slot) => (slot.type === 'value' ? slot.initial : undefined))
  const changed = hasTtl(declared) ? declared.map(() => 0) : undefined
  return { key, slots, changed, group, epoch: noEpoch, changes: undefined }
}

export function hasTtl(declared: readonly SlotDeclaration[]): boolean {
  return declared.some(({ ttlMs }) => ttlMs !== undefined)
}

/** All of it has outlived its time. */
export function isExpired({ changed }: Row, declared: readonly SlotDeclaration[], nowMs: number): boolean {
  return declared.every(({ ttlMs }, at) => ttlMs !== undefined && nowMs - changed![at]! >= ttlMs)
}
