import type { Generation, NetworkOutcome, NetworkVersion, OpenRecord, Plan } from '../protocol/index.ts'

/** The next thing that the manager does for a network. */
export type Decision =
  /** Write the plan in place of its parent. */
  | {
      readonly type: 'plan'
      readonly plan: Plan
      /** The network has no snapshots any more: the last one that was committed is nothing to go back to. */
      readonly endsSnapshots?: true
    }
  /** The generation may emit. `outcome`: the version runs for the first time. */
  | { readonly type: 'open'; readonly open: OpenRecord; readonly outcome: NetworkOutcome | undefined }
  /** Delete `open`: senders hold. */
  | { readonly type: 'close'; readonly generation: Generation; readonly why: string }
  /** Write what became of the version; what follows from it is decided next. */
  | { readonly type: 'outcome'; readonly outcome: NetworkOutcome }
  /** Delete what nobody needs. */
  | {
      readonly type: 'clean-up'
      readonly versions: readonly NetworkVersion[]
      readonly ready: readonly Generation[]
    }
  /** Nothing can be done until something changes, or until the time. */
  | { readonly type: 'wait'; readonly untilMs: number | undefined; readonly what: string }
