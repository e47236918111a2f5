import { VertigoError } from '../../base/errors.ts'
import type {
  SharedChange,
  SharedChanges,
  SharedCounter,
  SharedReadOptions,
  SharedWatchOptions,
} from '../../component/shared.ts'
import { decodeInteger, encodeValue } from '../envelope.ts'
import { isUnchanged, put } from '../operations.ts'
import { conflict } from '../recipes/backoff.ts'
import { Collection, type CollectionMeans } from './collection.ts'
import { Combiner } from './combiner.ts'
import { counterKey } from './keys.ts'
import { typedChanges } from './typed-changes.ts'

/** One key of the store. What a process adds while a write is under way is added by the next one, together. */
export class StoreCounter extends Collection implements SharedCounter {
  private readonly additions: Combiner<number, number | VertigoError>
  private readonly key: string

  constructor(means: CollectionMeans, name: string) {
    super(means, 'counter', name)
    this.key = counterKey(this.prefix)
    const limits = { itemsMax: 10_000, weightMax: 10_000 }
    this.additions = new Combiner(
      (deltas) => this.addAll(deltas),
      limits,
      () => 1,
    )
  }

  async get(options?: SharedReadOptions): Promise<number> {
    const entry = await this.readOne(this.key, options)
    return entry === undefined ? 0 : decodeInteger(entry)
  }

  async add(delta = 1): Promise<number> {
    checkInteger(delta)
    const sum = await this.additions.add(delta)
    if (typeof sum !== 'number') throw sum
    return sum
  }

  async set(value: number): Promise<void> {
    checkInteger(value)
    await this.write({ then: [put(this.key, encodeValue(value))] })
  }

  watch(options?: SharedWatchOptions): Promise<SharedChanges<SharedChange<number>>> {
    return typedChanges(this.means.store, this.prefix, () => ({}), options)
  }

  /** For each the sum behind it, or why it was refused: as if they came one after the other. */
  private async addAll(deltas: readonly number[]): Promise<readonly (number | VertigoError)[]> {
    return this.compete(async () => {
      const { entry } = await this.means.store.get(this.key)
      let sum = entry === undefined ? 0 : decodeInteger(entry)
      const results = deltas.map((delta) => {
        const next = sum + delta
        if (!Number.isSafeInteger(next)) return noInteger(next)
        sum = next
        return sum
      })
      if (!results.some((result) => typeof result === 'number')) return results
      const then = [put(this.key, encodeValue(sum))]
      const { succeeded } = await this.write({ compare: [isUnchanged(this.key, entry)], then })
      return succeeded ? results : conflict
    })
  }
}

function checkInteger(value: number): void {
  if (!Number.isSafeInteger(value)) throw noInteger(value)
}

function noInteger(value: number): VertigoError {
  return new VertigoError('USAGE', `A counter counts in whole numbers up to 2^53, not ${value}.`)
}
