import { TestClock } from '../../../src/testkit/test-clock.ts'
import type { SnapshotRecord } from '../../../src/cluster/protocol/index.ts'
import type { Kind } from '../../../src/component/kind.ts'
import { kindDefinition } from '../../../src/component/kind.ts'
import type { InstanceManifest, SnapshotManifest } from '../../../src/snapshot/manifest.ts'
import { mergeStates } from '../../../src/snapshot/merge.ts'
import { getFile } from '../../../src/snapshot/small-files.ts'
import { decodeState, keyGroupSections, type StateEntry } from '../../../src/snapshot/state-file.ts'
import { storageOver } from '../../../src/snapshot/storage/checked-storage.ts'
import type { StorageBackend } from '../../../src/snapshot/storage/storage.ts'
import { getManifest } from '../../../src/snapshot/stored-manifest.ts'
import { readRow } from '../../../src/state/capture.ts'
import { MemoryState } from '../../../src/state/memory/memory-state.ts'
import { decodeSaved, type Saved } from '../../../src/worker/snapshots/saved.ts'
import type { SeenState } from './compare.ts'

/** What a committed snapshot consists of, read as it is in the storage. */
export interface SeenPart {
  readonly part: InstanceManifest
  readonly saved: Saved
  readonly state: SeenState
}

/** Reads committed snapshots, and remembers what it has read: files do not change. */
export class CommittedReader {
  private readonly storage
  private readonly kinds: ReadonlyMap<string, Kind>
  private readonly known = new Set<string>()

  constructor(backend: StorageBackend, kinds: ReadonlyMap<string, Kind>) {
    this.storage = storageOver(backend, new TestClock())
    this.kinds = kinds
  }

  /** The manifest, after all files that it refers to have been found to be there and whole. */
  async verified(network: string, { manifest, incarnation, id }: SnapshotRecord): Promise<SnapshotManifest> {
    const read = await getManifest(this.storage, manifest, { network, incarnation, id })
    for (const { files } of read.instances)
      for (const file of files) {
        if (this.known.has(file.name)) continue
        const { chunks } = await decodeState(file.name, getFile(this.storage, file))
        for await (const _ of chunks);
        // In each manifest it could be another one.
        if (file.inline === undefined) this.known.add(file.name)
      }
    return read
  }

  /** `kind`: of the part's component. */
  async read(part: InstanceManifest, kind: string): Promise<SeenPart> {
    const { state = {} } = kindDefinition(this.kinds.get(kind)!)
    const names = (scope: string): string[] =>
      Object.keys(state).filter((name) => (state[name]!.options.scope ?? 'keyed') === scope)
    const keyed = names('keyed')
    const rows = new MemoryState(
      keyed.map((name) => {
        const { type } = state[name]!
        return { type, initial: undefined, ttlMs: undefined }
      }),
    )
    const files = await Promise.all(
      part.files.map((file) => decodeState(file.name, getFile(this.storage, file))),
    )
    const rest: StateEntry[] = []
    for await (const { section, entries } of mergeStates(files))
      if (section >= keyGroupSections) rest.push(...entries)
      else for (const { parts } of entries) for (const each of parts) rows.restore(readRow(each), false, 0)
    const saved = decodeSaved(rest)
    const instance = names('instance').map((name, slot) => [name, saved.instanceState?.slots[slot]])
    return {
      part,
      saved,
      state: {
        rows: [...rows.rows(0)].map(({ key, slots }) => ({
          key: key as string,
          slots: Object.fromEntries(keyed.map((name, slot) => [name, slots[slot]])),
        })),
        instance: Object.fromEntries(instance) as Record<string, unknown>,
      },
    }
  }
}
