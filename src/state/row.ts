/** How much of a list or map changed in an epoch: all of it, items from an index on, or entries of these keys. */
export type SlotChange = 'whole' | number | Set<unknown> | undefined

/** All declared states of one key; slots in the order of the declaration. */
export interface Row {
  readonly key: unknown
  readonly slots: unknown[]
  /** When each slot changed last, in milliseconds since 1970; only where a state has a time to live. */
  readonly changed: number[] | undefined
  readonly group: number
  /** Of its last change; see `changes.ts`. */
  epoch: number
  /** What of its lists and maps changed in that epoch; undefined where none did. */
  changes: SlotChange[] | undefined
}

/** What is declared, as the store needs it. */
export interface SlotDeclaration {
  readonly type: 'value' | 'map' | 'list'
  readonly initial: unknown
  readonly ttlMs: number | undefined
}
