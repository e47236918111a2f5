import { Buffer } from 'node:buffer'
import { exists, missing } from '../storage-errors.ts'
import type { Page, StorageBackend, WriteOptions } from '../storage.ts'

/** Keeps objects in memory: for simulations, and for networks whose snapshots need not outlive the process. */
export class MemoryStorageBackend implements StorageBackend {
  readonly about = 'memory'
  readonly place = 'local'
  /** As they are stored; tests damage them. */
  readonly objects = new Map<string, Uint8Array>()

  async write(
    name: string,
    content: AsyncIterable<Uint8Array>,
    { ifAbsent, signal }: WriteOptions,
  ): Promise<void> {
    const pieces: Uint8Array[] = []
    for await (const piece of content) {
      signal.throwIfAborted()
      pieces.push(piece)
    }
    if (ifAbsent && this.objects.has(name)) throw exists(this.about, name)
    this.objects.set(name, Buffer.concat(pieces))
  }

  async *read(name: string): AsyncGenerator<Uint8Array, void, undefined> {
    const object = this.objects.get(name)
    if (object === undefined) throw missing(this.about, name)
    yield object
  }

  async page(prefix: string, after: string, countMax: number): Promise<Page> {
    const names = [...this.objects.keys()]
      .filter((name) => name.startsWith(prefix) && name > after)
      .toSorted()
    return { names: names.slice(0, countMax), more: names.length > countMax }
  }

  async delete(name: string): Promise<void> {
    this.objects.delete(name)
  }

  async close(): Promise<void> {}
}
