import type { Cancel, Clock } from '../../base/clock.ts'
import type { Entry, Revision } from '../store.ts'
import { Mirror } from './mirror.ts'
import type { CollectionStore } from './paced-store.ts'

/** Copies that a connection keeps. A collection beyond them takes the place of the one that was not read for the longest. */
export const mirrorsMax = 100
/** A copy that was not read for this long is dropped; the next cached read makes it anew. */
export const mirrorIdleMs = 60_000

interface Kept {
  readonly mirror: Mirror
  /** Reads that wait for the copy to be there. */
  readers: number
  readAtMs: number
}

/**
 * The local copies of a connection.
 *
 * - MI-1 There are `mirrorsMax` at most, and each was read within `mirrorIdleMs`, or half as much again.
 * - MI-2 A copy that somebody waits for is not dropped.
 * - MI-3 A copy whose watch has ended is not read from again: what it shows would stay as it is for good.
 */
export class Mirrors {
  private readonly store: CollectionStore
  private readonly clock: Clock
  /** Those that were read last come last. */
  private readonly kept = new Map<string, Kept>()
  private cancelSweep: Cancel | undefined

  constructor(store: CollectionStore, clock: Clock) {
    this.store = store
    this.clock = clock
  }

  get size(): number {
    return this.kept.size
  }

  /** What is under a prefix, from the copy; made where there is none. */
  async read(prefix: string): Promise<ReadonlyMap<string, Entry>> {
    const kept = this.current(prefix) ?? this.make(prefix)
    if (kept === undefined) return this.readStore(prefix)
    kept.readers++
    try {
      await kept.mirror.ready
      return kept.mirror.entries
    } finally {
      kept.readers--
    }
  }

  /** Up to where a copy has seen changes; undefined where there is none. */
  revision(prefix: string): Revision | undefined {
    return this.kept.get(prefix)?.mirror.revision
  }

  async close(): Promise<void> {
    this.cancelSweep?.()
    const all = [...this.kept.values()]
    this.kept.clear()
    await Promise.all(all.map(({ mirror }) => mirror.close()))
  }

  private current(prefix: string): Kept | undefined {
    const kept = this.kept.get(prefix)
    if (kept === undefined || kept.mirror.failure !== undefined) return undefined
    kept.readAtMs = this.clock.monotonic()
    this.kept.delete(prefix)
    this.kept.set(prefix, kept)
    return kept
  }

  /** Undefined where all that may be kept are just being made. */
  private make(prefix: string): Kept | undefined {
    this.kept.delete(prefix)
    if (this.kept.size >= mirrorsMax && !this.dropFirst()) return undefined
    const made = { mirror: new Mirror(this.store, prefix), readers: 0, readAtMs: this.clock.monotonic() }
    this.kept.set(prefix, made)
    this.cancelSweep ??= this.clock.every(mirrorIdleMs / 2, () => this.sweep(), { background: true })
    return made
  }

  private dropFirst(): boolean {
    for (const [prefix, { readers }] of this.kept) {
      if (readers > 0) continue
      this.drop(prefix)
      return true
    }
    return false
  }

  private sweep(): void {
    const sinceMs = this.clock.monotonic() - mirrorIdleMs
    for (const [prefix, { readers, readAtMs }] of this.kept)
      if (readers === 0 && readAtMs <= sinceMs) this.drop(prefix)
    if (this.kept.size > 0) return
    this.cancelSweep?.()
    this.cancelSweep = undefined
  }

  private drop(prefix: string): void {
    this.kept.get(prefix)?.mirror.stop()
    this.kept.delete(prefix)
  }

  private async readStore(prefix: string): Promise<ReadonlyMap<string, Entry>> {
    const { entries } = await this.store.range(prefix)
    return new Map(entries.map((entry) => [entry.key, entry]))
  }
}
