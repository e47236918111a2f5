import type { Cancel, Clock } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { Store } from '../../store/store.ts'
import type { WorkerAssignment } from '../../worker/assignment.ts'
import { BundleFolder, BundleStore, collectBundles, defaultBundleFolder, Localizer } from '../bundle/index.ts'
import type { ClusterKeys } from '../protocol/index.ts'

const collectEveryMs = 10 * 60 * 1_000

export interface NodeBundlesMeans {
  readonly store: Store
  readonly keys: ClusterKeys
  readonly clock: Clock
  readonly random: Random
  /** Where bundles are kept. Default: in the user's cache. */
  readonly folder: string | undefined
  readonly troubled: (what: string, error: Error) => void
}

/** A node's part in bundles: it fetches those that its instances need; the manager's node throws away what nobody needs. */
export class NodeBundles {
  private readonly means: NodeBundlesMeans
  /** Opened when it is needed: most nodes have their code, and not all have a home. */
  private localizer: Promise<Localizer> | undefined
  private stopCollecting: Cancel = () => undefined
  private collecting: Promise<void> = Promise.resolve()
  private readonly ending = new AbortController()

  constructor(means: NodeBundlesMeans) {
    this.means = means
  }

  readonly localize = async (assignment: WorkerAssignment): Promise<WorkerAssignment> => {
    if (!Localizer.isNeeded(assignment)) return assignment
    this.localizer ??= this.open()
    return (await this.localizer).localize(assignment)
  }

  /** This node leads: it looks now and then, from now on. */
  elected(): void {
    const { clock } = this.means
    this.stopCollecting()
    this.stopCollecting = clock.every(collectEveryMs, () => this.collect(), { background: true })
  }

  deposed(): void {
    this.stopCollecting()
  }

  async close(): Promise<void> {
    this.stopCollecting()
    this.ending.abort()
    await this.collecting
  }

  private async open(): Promise<Localizer> {
    const { store, keys, clock, random, folder = defaultBundleFolder(process.env) } = this.means
    try {
      const opened = await BundleFolder.open({ folder, packagesFrom: process.cwd(), clock, random })
      return new Localizer(opened, new BundleStore(store, keys, clock))
    } catch (error) {
      // The next who needs it tries again.
      this.localizer = undefined
      throw error
    }
  }

  private collect(): void {
    const { store, keys, clock, troubled } = this.means
    const { signal } = this.ending
    this.collecting = this.collecting
      .then(async () => void (signal.aborted || (await collectBundles(store, keys, clock, { signal }))))
      .catch((error: unknown) => {
        if (!signal.aborted) troubled('cleaning up bundles', asError(error))
      })
  }
}
