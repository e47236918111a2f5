import type { KeyTable } from '../apply.ts'
import { compareKeys } from '../keys.ts'
import type { Entry } from '../store.ts'

/** Keys in memory, in order. */
export class MemoryKeyTable implements KeyTable {
  private readonly entries = new Map<string, Entry>()
  private readonly sorted: string[] = []

  get(key: string): Entry | undefined {
    return this.entries.get(key)
  }

  range(prefix: string, after = '', limit = Infinity): Entry[] {
    const found: Entry[] = []
    let at = this.position(prefix)
    if (after !== '' && compareKeys(after, prefix) >= 0) {
      at = this.position(after)
      if (this.sorted[at] === after) at++
    }
    for (; at < this.sorted.length && found.length < limit; at++) {
      const key = this.sorted[at]!
      if (!key.startsWith(prefix)) break
      found.push(this.entries.get(key)!)
    }
    return found
  }

  keysFrom(prefix: string): string[] {
    return this.range(prefix).map(({ key }) => key)
  }

  put(entry: Entry): void {
    if (!this.entries.has(entry.key)) this.sorted.splice(this.position(entry.key), 0, entry.key)
    this.entries.set(entry.key, entry)
  }

  delete({ key }: Entry): void {
    if (this.entries.delete(key)) this.sorted.splice(this.position(key), 1)
  }

  /** Index of the first key that is not before `key`. */
  private position(key: string): number {
    let low = 0
    let high = this.sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeys(this.sorted[middle]!, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
