import type { ErrorCode } from '../../base/error-codes.ts'
import { VertigoError } from '../../base/errors.ts'
import { guaranteeInCluster, losesNothing } from '../../model/guarantee.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import {
  type ClusterKeys,
  filesSeenBy,
  nodeRecord,
  type SnapshotRecord,
  unfitState,
  type VersionRecord,
  versionRecord,
} from '../protocol/index.ts'
import type { VersionContent } from './deployment.ts'
import { checkMachines, withoutMachine } from './machines.ts'
import type { Snapshots } from './snapshots.ts'

/** MA-3: what planner and manager would refuse as well, or let wait, later. */
export class ChangeChecks {
  private readonly store: Store
  private readonly keys: ClusterKeys
  private readonly snapshots: Snapshots

  constructor(store: Store, keys: ClusterKeys, snapshots: Snapshots) {
    this.store = store
    this.keys = keys
    this.snapshots = snapshots
  }

  /** `current`: what runs, whose copies have their machines already. Errors: NETWORK_INVALID. */
  async files(
    content: VersionContent,
    current: VersionRecord | undefined,
    options: CallOptions,
  ): Promise<void> {
    const names = withoutMachine(content, current)
    if (names.length === 0) return
    const [found, drained] = await Promise.all([
      this.store.range(this.keys.nodes, options),
      this.store.range(this.keys.drains, options),
    ])
    const empty = new Set(drained.entries.map(({ key }) => this.keys.drainedNode(key)))
    const nodes = found.entries.map((entry) => nodeRecord.decode(entry))
    checkMachines(
      content,
      names,
      nodes.map((node) => ({ ...node, files: filesSeenBy(node), draining: empty.has(node.id) })),
    )
  }

  /**
   * That it can go on from the last snapshot, or from the one that an operator has `chosen`, where that is. Errors: SNAPSHOT_UNFIT,
   * SNAPSHOT_RECORD_DAMAGED, those of `unfitState`.
   */
  async snapshot(
    network: string,
    content: VersionContent,
    {
      chosen,
      discardState,
    }: { readonly chosen: SnapshotRecord | undefined; readonly discardState: readonly string[] },
    options: CallOptions,
  ): Promise<void> {
    await this.snapshots.checkPlace(network, content, chosen, options)
    if (!losesNothing(guaranteeInCluster(content.flat))) return
    const from = chosen ?? (await this.snapshots.wholeLast(network, options))
    if (from === undefined) return
    const { entry: version } = await this.store.get(this.keys.network(network).version(from.version), options)
    const unfit =
      version &&
      unfitState(versionRecord.decode(version), content, chosen === undefined ? from.discards : discardState)
    if (unfit === undefined) return
    const { code, message, remedy, component } = unfit
    throw new VertigoError(code as ErrorCode, message, { remedy, place: { component } })
  }
}
