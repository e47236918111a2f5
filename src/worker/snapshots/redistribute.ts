import { isDeepStrictEqual } from 'node:util'
import type { VertigoError } from '../../base/errors.ts'
import type { DeclaredState } from '../../component/kind.ts'
import type { Entry } from '../../state/entries.ts'

/**
 * State of the instance for another number of instances, as its author has declared it. Every instance makes its own share of all that
 * there is, and asks nobody: so the shares are a function of the snapshot and of the numbers.
 *
 * - RD-1 `split`: each item is at exactly one instance. `union`: each is at all of them.
 * - RD-2 Where that cannot be, it is refused: state that is not for it, and two entries of one key that differ (`union`) or of which only
 *   one could stay (`split`).
 */

export interface Share {
  readonly instance: number
  readonly instances: number
}

/** `all`: of the instances before, in their order; whole. `states`: those of the instance, in the order of an entry's slots. */
export function redistributed(
  all: readonly Entry[],
  states: readonly DeclaredState[],
  share: Share,
  refused: (what: string) => VertigoError,
): Entry | undefined {
  if (all.length === 0) return undefined
  const slots = states.map((state, at) => {
    const { name, onRescale, type } = state
    if (onRescale === 'refuse' || type === 'value')
      throw refused(
        `they have the state "${name}" of the instance, which is not declared as one that can be shared`,
      )
    const parts = all.map(({ slots: of }) => (of[at] as { readonly all: never }).all)
    return { all: type === 'list' ? ofLists(parts, state, share) : ofMaps(parts, state, share, refused) }
  })
  const { key } = all[0]!
  // The oldest time of all: what has parts of several is forgotten no later than any of them would be.
  const times = all.flatMap(({ changed }) => (changed === null ? [] : [changed]))
  const changed = times.length === 0 ? null : states.map((_, at) => Math.min(...times.map((one) => one[at]!)))
  return { key, changed, slots }
}

function ofLists(
  lists: readonly (readonly unknown[])[],
  { onRescale }: DeclaredState,
  share: Share,
): unknown[] {
  const items = lists.flat(1)
  return onRescale === 'union' ? items : items.filter((_, at) => isOf(share, at))
}

function ofMaps(
  maps: readonly ReadonlyMap<unknown, unknown>[],
  { name, onRescale }: DeclaredState,
  share: Share,
  refused: (what: string) => VertigoError,
): Map<unknown, unknown> {
  const merged = new Map<unknown, unknown>()
  for (const map of maps)
    for (const [key, value] of map) {
      const isTwice = merged.has(key) && (onRescale === 'split' || !isDeepStrictEqual(merged.get(key), value))
      if (isTwice) throw refused(`two of them have an entry ${JSON.stringify(key)} in "${name}"`)
      merged.set(key, value)
    }
  return onRescale === 'union' ? merged : new Map([...merged].filter((_, at) => isOf(share, at)))
}

function isOf({ instance, instances }: Share, at: number): boolean {
  return at % instances === instance
}
