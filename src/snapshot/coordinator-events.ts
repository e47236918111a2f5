/** What the coordinator of snapshots is told, and what it wants done. Instances are named by their ids in the plan. */

export interface SnapshotTimes {
  /** From the beginning of one snapshot to that of the next. Default 1000; at least 50. */
  readonly intervalMs: number
  /** One that is not whole after that is aborted, whatever the interval is (SN-8). Default 10 minutes. */
  readonly timeoutMs: number
}

/** A generation that works. */
export interface OpenGeneration {
  readonly generation: number
  readonly instances: readonly number[]
}

/** Why a snapshot came to nothing. */
export type AbortReason =
  /** The generation is not open any more: something failed, or another one takes its place. */
  | { readonly type: 'generation' }
  /** `late`: ids of the instances without a part. */
  | { readonly type: 'timed-out'; readonly timeoutMs: number; readonly late: readonly number[] }
  /** An instance could not write its part, or the storage not take it. */
  | { readonly type: 'failed'; readonly error: Error }
  /** The store has another truth: a newer term, plan, or commit (SN-2). */
  | { readonly type: 'superseded' }

export type CoordinatorEvent<Part> =
  | ({ readonly type: 'opened' } & OpenGeneration)
  | { readonly type: 'closed'; readonly reason: AbortReason }
  /** Names under which a snapshot is wanted; all that are, each time. `isUrgent`: one is wanted without a name. */
  | { readonly type: 'wanted'; readonly names: readonly string[]; readonly isUrgent: boolean }
  | { readonly type: 'allocated'; readonly id: number }
  | { readonly type: 'not-allocated' }
  | {
      readonly type: 'part'
      readonly generation: number
      readonly id: number
      readonly instance: number
      readonly part: Part
    }
  | {
      readonly type: 'failed'
      readonly generation: number
      readonly id: number
      readonly reason: AbortReason
    }
  | { readonly type: 'committed'; readonly id: number }
  | { readonly type: 'not-committed'; readonly id: number; readonly reason: AbortReason }
  | { readonly type: 'time' }

export type CoordinatorEffect<Part> =
  /** Answered by `allocated` or `not-allocated`. */
  | { readonly type: 'allocate' }
  /** All instances are to give their parts. */
  | { readonly type: 'begin'; readonly generation: number; readonly id: number }
  /** Answered by `committed` or `not-committed`. */
  | {
      readonly type: 'commit'
      readonly generation: number
      readonly id: number
      /** By instance. */
      readonly parts: ReadonlyMap<number, Part>
      /** Under which it is kept. */
      readonly names: readonly string[]
      readonly begunAtMs: number
    }
  /** Those who have begun are told; nobody has to have heard it. */
  | {
      readonly type: 'abort'
      readonly generation: number
      readonly id: number
      readonly reason: AbortReason
    }
