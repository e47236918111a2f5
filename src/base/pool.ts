/**
 * Objects that nobody uses, to be used again: for what is needed for each message and outlives a turn, which costs the
 * collector most. Last in, first out, so that what is taken is likely to be in a cache.
 */
export class Pool<T> {
  private readonly objects: T[] = []
  /** Counted here: an array that is made shorter and longer all the time is slower. */
  private count = 0
  private readonly objectsMax: number

  /** `objectsMax`: more than that are left to the collector. */
  constructor(objectsMax: number) {
    this.objectsMax = objectsMax
  }

  take(): T | undefined {
    return this.count > 0 ? this.objects[--this.count] : undefined
  }

  give(object: T): void {
    if (this.count < this.objectsMax) this.objects[this.count++] = object
  }
}
