import { canonicalJson, sameJson } from './json.ts'

/** What leads from one list to another: items that go, with their indices before, and items that come, with their indices after; each in rising order. */
export interface ListChange<T> {
  readonly removed: readonly ListItem<T>[]
  readonly added: readonly ListItem<T>[]
}

export interface ListItem<T> {
  readonly index: number
  readonly item: T
}

/** Comparisons that the search for the shortest change may take; longer lists are replaced from the first to the last difference. */
const comparisonsMax = 4_000_000

/** The shortest change that keeps the order of what stays (longest common subsequence). */
export function listChange<T>(a: readonly T[], b: readonly T[]): ListChange<T> {
  // Equal items get equal numbers, so that they are compared as data once only.
  const numbers = new Map<string, number>()
  const numbered = (item: T): number => {
    const key = canonicalJson(item) ?? ''
    const known = numbers.get(key) ?? numbers.size
    numbers.set(key, known)
    return known
  }
  const x = a.map(numbered)
  const y = b.map(numbered)
  let start = 0
  while (start < x.length && start < y.length && x[start] === y[start]) start++
  let end = 0
  while (end < x.length - start && end < y.length - start && x.at(-1 - end) === y.at(-1 - end)) end++
  const { fromX, fromY } = commonItems(x.slice(start, x.length - end), y.slice(start, y.length - end))
  const rest = (list: readonly T[], common: ReadonlySet<number>): ListItem<T>[] =>
    list.flatMap((item, index) => {
      const stays = index < start || index >= list.length - end || common.has(index - start)
      return stays ? [] : [{ index, item }]
    })
  return { removed: rest(a, fromX), added: rest(b, fromY) }
}

function commonItems(
  x: readonly number[],
  y: readonly number[],
): { readonly fromX: ReadonlySet<number>; readonly fromY: ReadonlySet<number> } {
  const fromX = new Set<number>()
  const fromY = new Set<number>()
  const width = y.length + 1
  if (x.length * y.length > comparisonsMax) return { fromX, fromY }
  /** Length of the longest common subsequence of what follows i and j. */
  const lengths = new Uint32Array((x.length + 1) * width)
  for (let i = x.length - 1; i >= 0; i--)
    for (let j = y.length - 1; j >= 0; j--)
      lengths[i * width + j] =
        x[i] === y[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!)
  for (let i = 0, j = 0; i < x.length && j < y.length;) {
    if (x[i] === y[j]) {
      fromX.add(i++)
      fromY.add(j++)
    } else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i++
    else j++
  }
  return { fromX, fromY }
}

/**
 * Applies a change. An item to be removed that is not at its index is looked for from the end, so that a change also
 * fits a list that others have changed; where it is not found, `missing` is told. An index beyond the end means the end.
 */
export function mergeList<T>(
  list: readonly T[],
  change: ListChange<T>,
  missing: (item: T) => void,
): readonly T[] {
  const gone = new Set<number>()
  for (const { index, item } of change.removed) {
    const matches = (at: number): boolean =>
      !gone.has(at) && at >= 0 && at < list.length && sameJson(list[at], item)
    let found = matches(index) ? index : list.length - 1
    while (found >= 0 && !matches(found)) found--
    if (found >= 0) gone.add(found)
    else missing(item)
  }
  const merged = list.filter((_, index) => !gone.has(index))
  for (const { index, item } of change.added) merged.splice(Math.min(index, merged.length), 0, item)
  return merged
}
