import type { Entry, Revision } from '../store.ts'
import { follow, type Following } from '../recipes/changes.ts'
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
  private readonly stop = new AbortController()
  private seen: Revision | undefined
  private error: unknown

  constructor(store: CollectionStore, prefix: string) {
    const following = follow(store, prefix, { signal: this.stop.signal })
    this.ready = following.then((opened) => {
      for (const entry of opened.entries) this.entries.set(entry.key, entry)
      this.seen = opened.revision
    })
    // Those who read wait for it and hear of its failure; there may be none at the time.
    this.ready.catch(() => undefined)
    this.ended = this.run(following)
  }

  get revision(): Revision | undefined {
    return this.seen
  }

  /** Why the watch has ended, if not by `close`. */
  get failure(): unknown {
    return this.error
  }

  async close(): Promise<void> {
    this.stop.abort()
    await this.ended
  }

  private async run(opening: Promise<Following>): Promise<void> {
    try {
      const following = await opening
      await this.ready
      for await (const { changes, revision } of following) {
        for (const { key, entry } of changes) {
          if (entry === undefined) this.entries.delete(key)
          else this.entries.set(key, entry)
        }
        this.seen = revision
      }
    } catch (error) {
      this.error = error
    }
  }
}
