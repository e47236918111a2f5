import assert from 'node:assert/strict'
import { machineClock } from '../../../src/base/clock.ts'
import type { ListedSnapshot } from '../../../src/cluster/client/snapshot-list.ts'
import type { InstanceManifest, SnapshotManifest } from '../../../src/snapshot/manifest.ts'
import { mergeStates } from '../../../src/snapshot/merge.ts'
import { getFile } from '../../../src/snapshot/small-files.ts'
import { decodeState, keyGroupSections, type StateFile } from '../../../src/snapshot/state-file.ts'
import type { SnapshotStorage } from '../../../src/snapshot/storage/storage.ts'
import { getManifest } from '../../../src/snapshot/stored-manifest.ts'
import { readRow } from '../../../src/state/capture.ts'
import { MemoryState } from '../../../src/state/memory/memory-state.ts'
import type { SlotDeclaration } from '../../../src/state/row.ts'
import { openSnapshotStorage } from '../../../src/stores.ts'

/** Reads keyed states out of the files of a snapshot, without an engine. */
export class SnapshotState {
  private readonly storage: SnapshotStorage
  private readonly manifest: SnapshotManifest

  private constructor(storage: SnapshotStorage, manifest: SnapshotManifest) {
    this.storage = storage
    this.manifest = manifest
  }

  static async open(address: string, network: string, snapshot: ListedSnapshot): Promise<SnapshotState> {
    const storage = await openSnapshotStorage(address, machineClock)
    const { incarnation, id } = snapshot
    const manifest = await getManifest(storage, snapshot.manifest, { network, incarnation, id })
    return new SnapshotState(storage, manifest)
  }

  /** What is declared, in its order, of each key of a component: over all of its instances, none of which has a key of another's. */
  async of(component: string, ...types: SlotDeclaration['type'][]): Promise<Map<unknown, unknown[]>> {
    const rows = new Map<unknown, unknown[]>()
    for (const part of this.manifest.instances.filter((one) => one.component === component)) {
      const slots = types.map((type) => ({ type, initial: undefined, ttlMs: undefined }))
      const keyed = new MemoryState(slots)
      await this.readInto(keyed, part)
      for (const row of keyed.rows(0)) {
        assert.ok(!rows.has(row.key), `two instances of ${component} have ${String(row.key)}`)
        rows.set(row.key, row.slots)
      }
    }
    return rows
  }

  close(): Promise<void> {
    return this.storage.close()
  }

  private async readInto(keyed: MemoryState, { files }: InstanceManifest): Promise<void> {
    const opened: StateFile[] = []
    for (const file of files) opened.push(await decodeState(file.name, getFile(this.storage, file)))
    const omit = (section: number): boolean => section >= keyGroupSections
    for await (const { entries } of mergeStates(opened, { omit }))
      for (const { parts } of entries) for (const part of parts) keyed.restore(readRow(part), false, 0)
  }
}
