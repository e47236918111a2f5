import { tooManyWait, waitingMax } from './turns.ts'

interface Waiting<I, R> {
  readonly item: I
  readonly resolve: (result: R) => void
  readonly reject: (error: unknown) => void
}

/**
 * Does in one transaction what came while the last one was under way, so that many callers in a process cost a round trip
 * together and do not compete with each other ("flat combining": Hendler et al., SPAA 2010).
 *
 * - FC-1 An error of `perform` is one of the store, which all of a batch hear. What is wrong with one item is found before it is
 *   added, or is its result.
 */
export class Combiner<I, R> {
  private readonly perform: (items: readonly I[]) => Promise<readonly R[]>
  private readonly itemsMax: number
  private readonly weightMax: number
  private readonly weigh: (item: I) => number
  private waiting: Waiting<I, R>[] = []
  private isRunning = false

  /** `perform` gives a result for each item, in their order. A batch has one item, or `weightMax` at most. */
  constructor(
    perform: (items: readonly I[]) => Promise<readonly R[]>,
    limits: { readonly itemsMax: number; readonly weightMax: number },
    weigh: (item: I) => number,
  ) {
    this.perform = perform
    this.itemsMax = limits.itemsMax
    this.weightMax = limits.weightMax
    this.weigh = weigh
  }

  add(item: I): Promise<R> {
    return new Promise((resolve, reject) => {
      if (this.waiting.length >= waitingMax) {
        reject(tooManyWait(this.waiting.length))
        return
      }
      this.waiting.push({ item, resolve, reject })
      if (!this.isRunning) this.drain().catch(reject)
    })
  }

  /** Never rejects: errors go to those whose items they concern. */
  private async drain(): Promise<void> {
    this.isRunning = true
    while (this.waiting.length > 0) {
      const batch = this.nextBatch()
      try {
        const results = await this.perform(batch.map(({ item }) => item))
        for (const [i, { resolve }] of batch.entries()) resolve(results[i]!)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    // In the same step as the look at what waits: who comes later starts anew.
    this.isRunning = false
  }

  private nextBatch(): readonly Waiting<I, R>[] {
    let weight = 0
    let count = 0
    for (const { item } of this.waiting.slice(0, this.itemsMax)) {
      weight += this.weigh(item)
      if (count > 0 && weight > this.weightMax) break
      count++
    }
    return this.waiting.splice(0, count)
  }
}
