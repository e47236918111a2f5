/** Of what waits for the next snapshot. */
export const stagingBytesMax = 64 * 1024 * 1024

/** What a sink has received since the last snapshot. With too much of it, the sink says that it is full (`Sink.isFull`). */
export class Staging<T> {
  private readonly bytesMax: number
  private items: T[] = []
  private bytes = 0

  constructor(bytesMax = stagingBytesMax) {
    this.bytesMax = bytesMax
  }

  get isFull(): boolean {
    return this.bytes >= this.bytesMax
  }

  /** `bytes`: about. */
  add(item: T, bytes: number): void {
    this.items.push(item)
    this.bytes += bytes
  }

  /** All that there is; from now on there is nothing. */
  take(): readonly T[] {
    const { items } = this
    this.items = []
    this.bytes = 0
    return items
  }
}
