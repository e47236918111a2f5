import type { Compare, Operation } from '../../store/store.ts'
import type { SnapshotRecord } from '../protocol/index.ts'

/** What a deployment goes on from, as it is asked for and as it is written. */

/** What a deployment goes on from. */
export interface GoOnFrom {
  /** Its name or number. */
  readonly snapshot: string
  /** For one that is not the last. Default false. */
  readonly acceptDuplicates?: boolean
}

export interface GoOn {
  /** Default: the last one. */
  readonly from?: GoOnFrom | undefined
  /** Components that begin afresh, whatever the snapshot has of them. Default none. */
  readonly discardState?: readonly string[]
  /** Where no snapshot is named, there is none to go on from. Default false. */
  readonly beginsAfresh?: boolean
}

/** Of a transaction. */
export interface GoingOn {
  readonly compare: readonly Compare[]
  readonly then: readonly Operation[]
  readonly snapshot: SnapshotRecord
}

/** What is decided by does not count of components that begin afresh. */
export function without(
  { finished, hasChannelState, components }: SnapshotRecord,
  discards: readonly string[],
): Pick<SnapshotRecord, 'finished' | 'hasChannelState' | 'components'> {
  const left = components?.filter(({ component }) => !discards.includes(component))
  return {
    finished: finished.filter(({ component }) => !discards.includes(component)),
    hasChannelState: left?.some((one) => one.hasChannelState) ?? hasChannelState,
    ...(left !== undefined && { components: left }),
  }
}

/** Sinks may have published up to it. */
export function newestOf(all: readonly { readonly incarnation: number; readonly id: number }[]): {
  incarnation: number
  id: number
} {
  const [newest] = all.toSorted((a, b) => b.incarnation - a.incarnation || b.id - a.id)
  return { incarnation: newest!.incarnation, id: newest!.id }
}
