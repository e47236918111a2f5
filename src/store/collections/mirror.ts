import { VertigoError } from '../../base/errors.ts'
import type { Entry, Revision, Watch } from '../store.ts'
import type { CollectionStore } from './paced-store.ts'

/**
 * A local copy of what is under a prefix, kept by a watch. It is as old as the watch is behind; `revision` says up to where it
 * has seen changes.
 */
export class Mirror {
  readonly entries = new Map<string, Entry>()
  /** Fulfilled when the copy is there; rejects where it could not be read. */
  readonly ready: Promise<void>
  /** Fulfilled when the watch has ended; never rejects. */
  readonly ended: Promise<void>
  private readonly stopping = new AbortController()
  private seen: Revision | undefined
  private error: unknown

  constructor(store: CollectionStore, prefix: string) {
    const reading = this.read(store, prefix)
    this.ready = reading.then(() => undefined)
    // Those who read wait for it and hear of its failure; there may be none at the time.
    this.ready.catch(() => undefined)
    this.ended = this.run(store, prefix, reading)
  }

  get revision(): Revision | undefined {
    return this.seen
  }

  /** Why the watch has ended, if not by `stop`. */
  get failure(): unknown {
    return this.error
  }

  stop(): void {
    this.stopping.abort()
  }

  async close(): Promise<void> {
    this.stop()
    await this.ended
  }

  private async read(store: CollectionStore, prefix: string): Promise<Revision> {
    const { entries, revision } = await store.range(prefix, { signal: this.stopping.signal })
    for (const entry of entries) this.entries.set(entry.key, entry)
    this.seen = revision
    return revision
  }

  /** The copy knows by itself what was there before, so it takes the watch without `follow`, which would keep it once more. */
  private async run(store: CollectionStore, prefix: string, reading: Promise<Revision>): Promise<void> {
    const { signal } = this.stopping
    try {
      for await (const batch of this.watch(store, prefix, await reading)) {
        for (const { key, entry } of batch.events) {
          if (entry === undefined) this.entries.delete(key)
          else this.entries.set(key, entry)
        }
        this.seen = batch.revision
      }
      if (!signal.aborted) throw new VertigoError('STORE_CLOSED', 'The watch of a local copy has ended.')
    } catch (error) {
      this.error = error
    }
  }

  private watch(store: CollectionStore, prefix: string, revision: Revision): Watch {
    const since = { entries: [...this.entries.values()], revision }
    return store.watch(prefix, { since, signal: this.stopping.signal })
  }
}
