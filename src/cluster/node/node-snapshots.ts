import { VertigoError } from '../../base/errors.ts'
import type { SnapshotManifest } from '../../snapshot/manifest.ts'
import type { PartReport, SnapshotBegin } from '../../snapshot/part.ts'
import { getManifest } from '../../snapshot/stored-manifest.ts'
import type { CallHandlers } from '../../transport/call-server.ts'
import type { Calls } from '../../transport/calls.ts'
import type { WorkerAssignment } from '../../worker/assignment.ts'
import type { Agent } from '../agent/agent.ts'
import type { SnapshotTakers } from '../control/index.ts'
import type { NodeId, Plan, VersionRecord } from '../protocol/index.ts'
import type { NodeStorages } from './node-storages.ts'
import { asPartReport, asTakeRequest, snapshotMethods } from './snapshot-messages.ts'

/** What a node has to do with snapshots: its own part, and, where it is the manager, those of the others. */
export interface NodeSnapshotsMeans {
  readonly self: NodeId
  readonly storages: NodeStorages
  /** Errors: NODE_UNKNOWN. */
  readonly to: (node: NodeId) => Pick<Calls, 'stream'>
}

/** Parts that may be under way from one node. */
const itemsMax = 64

export class NodeSnapshots implements SnapshotTakers {
  /** Once there is one. */
  agent: Agent | undefined
  private readonly means: NodeSnapshotsMeans

  constructor(means: NodeSnapshotsMeans) {
    this.means = means
  }

  /** For other nodes. */
  get handlers(): CallHandlers {
    return {
      streams: {
        [snapshotMethods.take]: (body, { signal }) => {
          const { network, begin } = asTakeRequest(body)
          return this.own(network, begin, signal)
        },
      },
    }
  }

  async *take(
    node: NodeId,
    network: string,
    begin: SnapshotBegin,
    signal: AbortSignal,
  ): AsyncGenerator<PartReport, void, undefined> {
    const { self, to } = this.means
    if (node === self) {
      yield* this.own(network, begin, signal)
      return
    }
    const stream = to(node).stream(snapshotMethods.take, { network, begin }, { signal, items: itemsMax })
    for await (const item of stream) yield asPartReport(item)
  }

  /** With the place of its snapshots, where they are taken and there is one. */
  placed(assignment: WorkerAssignment): WorkerAssignment {
    if (assignment.takesSnapshots !== true) return assignment
    const network = this.agent?.view.networks.get(assignment.network)
    const version = network?.plan && network.versions.get(network.plan.value.version)?.value
    const address = version?.flat.snapshot?.storage ?? this.means.storages.defaultAddress
    return { ...assignment, ...(address !== undefined && { snapshots: address }) }
  }

  /** The snapshot that a plan goes on from. Errors: those of the storage and of manifests. */
  readonly read = async (plan: Plan, { flat }: VersionRecord): Promise<SnapshotManifest> => {
    const { restores, network } = plan
    if (restores === undefined)
      throw new VertigoError('INTERNAL', 'a plan that restores nothing was to be read')
    const { manifest, incarnation, id } = restores
    return getManifest(await this.means.storages.open(flat.snapshot?.storage), manifest, {
      network,
      incarnation,
      id,
    })
  }

  private own(network: string, begin: SnapshotBegin, signal: AbortSignal): AsyncIterable<PartReport> {
    if (this.agent === undefined) throw new VertigoError('STOPPED', 'this node is not in the cluster')
    return this.agent.takeSnapshot(network, begin, signal)
  }
}
