import type { Tracks } from './tracks.ts'

/**
 * A parcel: messages that travel a channel together, all in one group (or in none), with at most one control, which
 * comes after them. So no message is tested for being a control, and no message has an envelope.
 */
export interface Parcel {
  /** A fresh array; its owner is whoever holds the parcel. */
  readonly items: unknown[]
  /**
   * Id of the group that the items are in, unique within the source instance; 0 for none. The control belongs to the
   * same group: the start of a group belongs to the one around it, its end to itself.
   */
  readonly group: number
  readonly control: Control | null
  /** What the parcel counts for in back-pressure. */
  readonly bytes: number
  /** Which of it belongs to trees of tracked messages; null where nothing does. */
  readonly tracks: Tracks | null
  /** Set where its credit went back to the sender before it was handled (it waits for an earlier group). */
  released: boolean
}

/** A parcel that counts for nothing. */
export type BareParcel = Pick<Parcel, 'items' | 'group' | 'control'>

/** Whether what came over a link is a control of this version. */
export function isControl(value: unknown): value is Control {
  const { type, id, parent } = value as Partial<Record<string, unknown>>
  switch (type) {
    case 'group-start':
      return typeof id === 'number' && typeof parent === 'number'
    case 'group-end':
      return typeof id === 'number'
    case 'barrier':
      return typeof (value as { snapshot?: unknown }).snapshot === 'number'
    case 'batch-start':
    case 'batch-end':
    case 'end':
      return true
    default:
      return false
  }
}

/**
 * What a parcel counts for in back-pressure beside its bytes: its messages, and its control, since groups may be empty
 * and as many as messages. The end of a channel waits for nothing, and neither does a barrier.
 */
export function countOf(items: readonly unknown[], control: Control | null): number {
  const isFree = control === null || control.type === 'end' || control.type === 'barrier'
  return isFree ? items.length : items.length + 1
}

export type Control =
  | {
      readonly type: 'group-start'
      readonly id: number
      /** Id of the group around it; 0 for none. */
      readonly parent: number
      readonly name: string | undefined
      readonly args: unknown
      /** It was open at the cut of a snapshot: what its handlers had gathered. Never leaves its worker. */
      readonly resumed?: Readonly<Record<string, unknown>>
    }
  | { readonly type: 'group-end'; readonly id: number; readonly args: unknown }
  | {
      readonly type: 'batch-start'
      readonly args: unknown
      /** It was open at the cut of a snapshot. Never leaves its worker. */
      readonly resumed?: true
    }
  | { readonly type: 'batch-end'; readonly args: unknown }
  /** What came before it belongs to the snapshot, what comes behind it does not. Alone in its parcel, and of no group. */
  | { readonly type: 'barrier'; readonly snapshot: number }
  /**
   * Nothing comes after it. `removed`: its sender's plan is without the channel, so it is not as if its source had
   * finished, and the receiver, who may hear of that plan later, goes on without it.
   */
  | { readonly type: 'end'; readonly removed?: boolean }
