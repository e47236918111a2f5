import { isVertigoError, VertigoError } from '../../base/errors.ts'
import { collectable } from '../../snapshot/collection.ts'
import { networkPrefix, placeOf } from '../../snapshot/file-names.ts'
import type { SnapshotManifest } from '../../snapshot/manifest.ts'
import { withoutContents } from '../../snapshot/small-files.ts'
import type { SnapshotStorage } from '../../snapshot/storage/storage.ts'
import { getManifest } from '../../snapshot/stored-manifest.ts'
import type { SnapshotRecord } from '../protocol/index.ts'

/**
 * Deletes the files of a network's snapshots that nobody needs: the shell around `collectable` (CO-1 to CO-3).
 *
 * - SG-1 A round looks at so many names at the most, and the next one goes on behind them: a storage with a million files costs no
 *   more at a time than one with a thousand.
 * - SG-2 It keeps nothing that has to be known: a round may end anywhere, be made again, or be made by two managers at once.
 * - SG-3 What is kept is looked up after names were listed. Of other incarnations (files that were brought here a moment ago are of one)
 *   only what two rounds have found is deleted.
 * - SG-4 Where a snapshot that is kept cannot be read, nothing is deleted: what it needs is not known.
 */
export interface CollectorFacts {
  readonly incarnation: number
  /** Of this incarnation. */
  readonly lastCommitted: number | undefined
  readonly overBelow?: number
  /** All that are kept. */
  readonly kept: readonly SnapshotRecord[]
}

const pagesMax = 4

export class SnapshotCollector {
  private readonly network: string
  /** Of those that are kept, by name. */
  private readonly manifests = new Map<string, SnapshotManifest>()
  private after = ''
  private doubtful: ReadonlySet<string> = new Set()
  private found = new Set<string>()

  constructor(network: string) {
    this.network = network
  }

  /** The next round begins with the first name. */
  get isAtBegin(): boolean {
    return this.after === ''
  }

  /** There may be something that the next round deletes. */
  get hasDoubts(): boolean {
    return this.doubtful.size > 0
  }

  /** One round; gives how many files it deleted. Errors: those of the storage and of manifests. */
  async collect(
    storage: SnapshotStorage,
    factsNow: () => CollectorFacts | undefined,
    signal: AbortSignal,
  ): Promise<number> {
    let deleted = 0
    for (let page = 0; page < pagesMax; page++) {
      const { names, more } = await storage.page(networkPrefix(this.network), { after: this.after, signal })
      const facts = factsNow()
      if (facts === undefined || signal.aborted) return deleted
      const gone = await this.deletable(storage, facts, names, signal)
      await storage.delete(gone, { signal })
      deleted += gone.length
      this.after = names.at(-1) ?? ''
      if (more) continue
      this.begin()
      break
    }
    return deleted
  }

  private begin(): void {
    this.after = ''
    this.doubtful = this.found
    this.found = new Set()
  }

  private async deletable(
    storage: SnapshotStorage,
    facts: CollectorFacts,
    present: readonly string[],
    signal: AbortSignal,
  ): Promise<string[]> {
    const kept = await this.manifestsOf(storage, facts.kept, signal)
    const keptManifests = facts.kept.map(({ manifest }) => manifest.name)
    return collectable({ ...facts, kept, keptManifests, present }).filter((name) => {
      if (placeOf(name)?.incarnation === facts.incarnation || this.doubtful.has(name)) return true
      this.found.add(name)
      return false
    })
  }

  private async manifestsOf(
    storage: SnapshotStorage,
    kept: readonly SnapshotRecord[],
    signal: AbortSignal,
  ): Promise<SnapshotManifest[]> {
    const names = new Set(kept.map(({ manifest }) => manifest.name))
    for (const name of this.manifests.keys()) if (!names.has(name)) this.manifests.delete(name)
    const found: SnapshotManifest[] = []
    for (const one of kept) {
      const { manifest } = one
      const read = this.manifests.get(manifest.name) ?? (await this.read(storage, one, signal))
      this.manifests.set(manifest.name, read)
      found.push(read)
    }
    return found
  }

  private async read(
    storage: SnapshotStorage,
    { manifest, incarnation, id }: SnapshotRecord,
    signal: AbortSignal,
  ): Promise<SnapshotManifest> {
    const { network } = this
    try {
      return withoutContents(await getManifest(storage, manifest, { network, incarnation, id }, { signal }))
    } catch (error) {
      if (!isVertigoError(error) || error.code !== 'SNAPSHOT_FILE_MISSING') throw error
      const remedy = `Bring it back; or let the snapshot go (\`vertigo snapshot rm ${network} ${id}\`): until then, nothing is deleted of what snapshots of "${network}" do not need any more.`
      throw new VertigoError(error.code, error.message, { remedy, cause: error })
    }
  }
}
