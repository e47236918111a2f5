import type { Cancel, Clock } from '../../base/clock.ts'
import {
  acked,
  type Answer,
  hasFailedBehind,
  isAnsweredIn,
  type Outcome,
  type Tree,
  treeState,
} from './tracker.ts'

/** A tree, as a snapshot keeps it. */
export interface SavedTree {
  readonly port: string
  readonly id: unknown
  readonly message: unknown
  readonly timeoutMs: number
  readonly wantsAnswers: boolean
  /** What belongs to the snapshot; told anew. */
  readonly answer?: Pick<Answer, 'value'>
  /** To be told to the source. Without it, the message is sent again. */
  readonly outcome: Outcome | undefined
}

/** How long a snapshot waits for answers at most, in milliseconds: as long as it waits for barriers (SN-8). */
export const answerWaitMsMax = 1_000

/**
 * The trees that are open at a source's cut, of which some want answers.
 *
 * All that was sent before the cut belongs to the snapshot: who goes back to it does not handle it again. So the answers to it
 * have to be in the snapshot, too, though they come back behind the cut: the part of the source waits for them, while
 * messages go on.
 *
 * - OC-1 An answer, or a failure, belongs to the snapshot where who gave it had not taken its cut: else its message is handled again.
 *   A failure that does not belong to it says nothing about the tree, as if it had not come so far.
 * - OC-2 No later than `answerWaitMsMax` after the cut it is saved what is known. What is not known then is `lost` to
 *   whoever goes back to this snapshot: a message that waits in a channel, as in a held group, behind a slow handler.
 */
export class OpenAtCut {
  readonly saved: Promise<readonly SavedTree[]>
  private readonly snapshot: number
  /** Index in `known`. */
  private readonly open = new Map<Tree, number>()
  private readonly known: (SavedTree | undefined)[]
  private readonly resolve: (saved: readonly SavedTree[]) => void
  private readonly cancel: Cancel

  constructor(clock: Clock, snapshot: number, trees: readonly Tree[]) {
    this.snapshot = snapshot
    this.known = trees.map((tree, at) => {
      if (!tree.wantsAnswers || tree.state === treeState.over) return savedTree(tree, snapshot, false)
      this.open.set(tree, at)
      return undefined
    })
    const { promise, resolve } = Promise.withResolvers<readonly SavedTree[]>()
    this.saved = promise
    this.resolve = resolve
    this.cancel = clock.after(answerWaitMsMax, () => this.end(), { background: true })
  }

  /** Of any tree: its outcome is known. */
  over(tree: Tree): void {
    const at = this.open.get(tree)
    if (at === undefined) return
    this.known[at] = savedTree(tree, this.snapshot, false)
    this.open.delete(tree)
    if (this.open.size === 0) this.end()
  }

  /** Idempotent. */
  end(): void {
    this.cancel()
    for (const [tree, at] of this.open) this.known[at] = savedTree(tree, this.snapshot, false)
    this.open.clear()
    this.resolve(this.known as readonly SavedTree[])
  }
}

/** `replays`: it is sent again where it is not over. */
export function savedTree(tree: Tree, snapshot: number, replays: boolean): SavedTree {
  const { answer, id, message, timeoutMs, wantsAnswers } = tree
  const isAnswered = isAnsweredIn(tree, snapshot)
  return {
    port: tree.port!.name,
    id,
    message,
    timeoutMs,
    wantsAnswers,
    ...(isAnswered && { answer: { value: answer!.value } }),
    outcome: outcomeAtCut(tree, snapshot, isAnswered, replays),
  }
}

/** OC-1. */
function outcomeAtCut(
  tree: Tree,
  snapshot: number,
  isAnswered: boolean,
  replays: boolean,
): Outcome | undefined {
  const { answer, outcome, state, wantsAnswers } = tree
  const isOver = state === treeState.over && !hasFailedBehind(tree, snapshot)
  if (isOver && outcome.type !== 'ack') return outcome
  if (!isOver && replays) return undefined
  if (!wantsAnswers || isAnswered) return acked
  return isOver && answer === undefined ? acked : { type: 'lost' }
}
