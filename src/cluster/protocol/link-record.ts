import * as v from 'valibot'
import { nodeId, text, timeMs } from './fields.ts'
import type { NodeId } from './numbers.ts'
import { recordType } from './record.ts'

/**
 * Which other nodes a node does not reach, under its lease; no record where it reaches all.
 *
 * - LR-1 It is of this life of the node, and names lives of others: who came back is reached until somebody finds otherwise.
 * - LR-2 A pair counts as broken where both say so, or one has been sure of it for longer than a lease takes to end: a node that
 *   is frozen or gone is found by its lease, and not by what its peers miss.
 */
const schema = v.object({
  incarnation: text,
  /** In the order of ids. */
  unreached: v.array(
    v.object({
      node: nodeId,
      incarnation: text,
      sinceMs: timeMs,
      /** It counts without a word of the other side. */
      sure: v.boolean(),
      /** What the last try came to, for people. */
      why: text,
    }),
  ),
})
export type LinkRecord = Readonly<v.InferOutput<typeof schema>>
export const linkRecord = recordType('What a node says of its links', schema)

/** Two nodes without a link between them, the lower id first. */
export interface BrokenPair {
  readonly a: NodeId
  readonly b: NodeId
  readonly sinceMs: number
  readonly why: string
}

/** What a view of the cluster has of them. */
interface Links {
  readonly links: ReadonlyMap<NodeId, { readonly value: LinkRecord }>
  readonly nodes: ReadonlyMap<NodeId, { readonly value: { readonly incarnation: string } }>
}

/** Of nodes that are there, in the order of ids. */
export function brokenPairs({ links, nodes }: Links): readonly BrokenPair[] {
  const reports = new Map<string, Reported[]>()
  for (const [by, { value }] of links) {
    if (nodes.get(by)?.value.incarnation !== value.incarnation) continue
    for (const { node, incarnation, ...said } of value.unreached) {
      if (node === by || nodes.get(node)?.value.incarnation !== incarnation) continue
      const [a, b] = by < node ? [by, node] : [node, by]
      const key = JSON.stringify([a, b])
      reports.set(key, [...(reports.get(key) ?? []), { a, b, ...said }])
    }
  }
  return [...reports.values()]
    .filter((both) => both.length > 1 || both.some(({ sure }) => sure))
    .map((both) => {
      const { a, b, sinceMs, why } = both.toSorted((one, other) => one.sinceMs - other.sinceMs)[0]!
      return { a, b, sinceMs, why }
    })
    .toSorted((one, other) => compare(one.a, other.a) || compare(one.b, other.b))
}

interface Reported extends BrokenPair {
  readonly sure: boolean
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
