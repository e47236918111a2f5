import type { FlatConnection } from '../../model/flatten.ts'
import { selectorSpec } from '../../model/network.ts'

/**
 * What makes two connections of two versions the same one: its ends, how it chooses, who observes it. A connection that is
 * written twice is there twice; `nth` tells which.
 */
export function connectionKey(connection: FlatConnection, nth: number): string {
  const { from, to, selector, back = false, hooks = {}, base } = connection
  const choice = selectorSpec(selector)
  const parts = [from, to, choice.type]
  if (choice.type === 'hash' && choice.key !== undefined) parts.push(`key=${choice.key}`)
  if (choice.type === 'custom') parts.push(`kind=${choice.kind}`)
  if (back) parts.push('back')
  for (const side of ['send', 'receive'] as const)
    for (const hook of hooks[side] ?? []) parts.push(`${side}=${hook}`)
  // Only these addresses depend on where the connection is written.
  if (choice.type === 'custom' || hooks.send !== undefined || hooks.receive !== undefined) parts.push(base)
  return JSON.stringify(nth === 0 ? parts : [...parts, nth])
}

/** All connections of a network with their keys, in the network's order. */
export function keyedConnections(
  connections: readonly FlatConnection[],
): readonly { readonly key: string; readonly connection: FlatConnection }[] {
  const seen = new Map<string, number>()
  return connections.map((connection) => {
    const first = connectionKey(connection, 0)
    const nth = seen.get(first) ?? 0
    seen.set(first, nth + 1)
    return { key: nth === 0 ? first : connectionKey(connection, nth), connection }
  })
}
