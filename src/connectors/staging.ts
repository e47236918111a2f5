import type { InputControl } from '../component/context.ts'

/** Of what waits for the next snapshot. */
const stagingBytesMax = 64 * 1024 * 1024

/**
 * What a sink has received since the last snapshot. With too much of it the input is paused until the next one: a handler that waited would
 * hold up the snapshot that it waits for.
 */
export class Staging<T> {
  private readonly input: InputControl
  private readonly bytesMax: number
  private items: T[] = []
  private bytes = 0

  constructor(input: InputControl, bytesMax = stagingBytesMax) {
    this.input = input
    this.bytesMax = bytesMax
  }

  /** `bytes`: about. */
  add(item: T, bytes: number): void {
    this.items.push(item)
    this.bytes += bytes
    if (this.bytes >= this.bytesMax) this.input.pause()
  }

  /** All that there is; from now on there is nothing. */
  take(): readonly T[] {
    const { items } = this
    this.items = []
    this.bytes = 0
    if (this.input.paused) this.input.resume()
    return items
  }
}
