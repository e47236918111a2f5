import type { CallOptions, Damaged, Entry, Revision, Store } from '../store.ts'

/** A change of one key, with what was there before. */
export interface EntryChange {
  readonly key: string
  readonly revision: Revision
  /** Undefined where the key was deleted. */
  readonly entry: Entry | undefined
  /** Undefined where the key was not there. */
  readonly previous: Entry | undefined
}

export interface ChangeBatch {
  readonly revision: Revision
  readonly changes: readonly EntryChange[]
  /** The changes are the difference over a gap: what came and went within it is not among them. */
  readonly resynced: boolean
}

/**
 * What is under a prefix, and all changes after that. In force as soon as it exists: what happens before the first
 * iteration waits, within the bound of the watch.
 *
 * - EC-1 Applying `changes` to `entries` gives what is in the store at each batch's revision.
 * - EC-2 `previous` is what the follower knew, so it is right also where the store's history no longer has it.
 */
export interface Following extends AsyncIterable<ChangeBatch> {
  readonly entries: readonly Entry[]
  readonly revision: Revision
  close(): void
}

export async function follow(
  store: Pick<Store, 'range' | 'watch'>,
  prefix: string,
  options: CallOptions & { readonly damaged?: Damaged } = {},
): Promise<Following> {
  const { signal, damaged = 'refuse' } = options
  const { entries, revision } = await store.range(prefix, options)
  const watch = store.watch(prefix, { since: { entries, revision }, damaged, ...(signal && { signal }) })
  const known = new Map(entries.map((entry) => [entry.key, entry]))
  async function* batches(): AsyncGenerator<ChangeBatch, void, undefined> {
    for await (const batch of watch) {
      const changes: EntryChange[] = []
      for (const { key, entry, revision } of batch.events) {
        const previous = known.get(key)
        if (entry === undefined) known.delete(key)
        else known.set(key, entry)
        changes.push({ key, revision, entry, previous })
      }
      yield { revision: batch.revision, changes, resynced: batch.resynced }
    }
  }
  return { entries, revision, close: () => watch.close(), [Symbol.asyncIterator]: batches }
}

/**
 * Waits until the very key that was read is gone or has been made anew. Watches this key alone. Fulfilled also when the
 * signal is aborted: who waits looks at it anyway.
 */
export async function untilGone(
  store: Store,
  entry: Entry,
  revision: Revision,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return
  const watch = store.watch(entry.key, { since: { entries: [entry], revision }, signal })
  for await (const { events } of watch) {
    for (const event of events) {
      // A watch is for a prefix: longer keys are other keys.
      if (event.key !== entry.key) continue
      if (event.entry?.createRevision !== entry.createRevision) return
    }
  }
}
