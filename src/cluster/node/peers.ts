import { asError } from '../../base/errors.ts'
import type { Calls } from '../../transport/calls.ts'
import type { MissingNode } from '../client/index.ts'
import type { NodeId } from '../protocol/index.ts'

/** The nodes of the cluster, for whoever asks them. */
export interface Peers {
  readonly self: NodeId
  /** All that are there, this one included. */
  nodes(): readonly NodeId[]
  /** Errors: NODE_UNKNOWN. */
  to(node: NodeId): Pick<Calls, 'request' | 'stream'>
}

export interface Answers<T> {
  readonly answers: ReadonlyMap<NodeId, T>
  readonly missing: readonly MissingNode[]
}

/** Asks all at once. A node that does not answer is named, and keeps nobody from the answers of the others. */
export async function askAll<T>(
  nodes: Iterable<NodeId>,
  ask: (node: NodeId) => Promise<T> | T,
): Promise<Answers<T>> {
  const answers = new Map<NodeId, T>()
  const missing: MissingNode[] = []
  await Promise.all(
    [...nodes].map(async (node) => {
      try {
        answers.set(node, await ask(node))
      } catch (error) {
        missing.push({ node, reason: asError(error).message })
      }
    }),
  )
  return { answers, missing: missing.toSorted((a, b) => (a.node < b.node ? -1 : 1)) }
}
