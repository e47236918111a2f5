import * as v from 'valibot'
import type { Clock } from '../../base/clock.ts'
import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { claimStorage, readOwner } from '../../snapshot/storage-owner.ts'
import type { SnapshotStorage } from '../../snapshot/storage/storage.ts'
import type { CallHandlers } from '../../transport/call-server.ts'
import type { Calls } from '../../transport/calls.ts'
import type { SnapshotPlaces } from '../control/index.ts'
import type { ClusterRecord, ClusterView, NodeId, NodeRecord } from '../protocol/index.ts'
import { incarnationOf } from './process-identity.ts'
import type { NodeStorages } from './node-storages.ts'

/**
 * Whether a storage holds the snapshots of a network: it can be written, belongs to this cluster (OW-1), and every node sees the same
 * one. A folder on each machine looks the same and is not; after a failure the parts of the others would be missing.
 *
 * - SP-1 Each node opens the storage as its workers do, and reads back what stands there (OW-3).
 * - SP-2 Nodes that host nothing of the network, and cannot be asked, are no obstacle: they are asked again.
 */
export interface StorageProofMeans {
  readonly self: NodeId
  readonly clock: Clock
  readonly random: Random
  readonly storages: NodeStorages
  readonly view: () => ClusterView | undefined
  /** Errors: NODE_UNKNOWN, STOPPED. */
  readonly to: (node: NodeId) => Pick<Calls, 'request'>
}

export const proofMethod = 'snapshots.see'
/** Of a node that is to host something, and of another one: whoever deploys waits for both. */
const hostAskMs = 5_000
const askMs = 2_000
/** Before who could not be asked is asked again. */
const againMs = 30_000

const askSchema = v.object({ network: v.string(), address: v.optional(v.string()) })
const answerSchema = v.object({ token: v.optional(v.string()) })

export class StorageProof implements SnapshotPlaces {
  private readonly means: StorageProofMeans
  /** By network and address: lives of nodes that have seen it, and when the others may be asked again. */
  private readonly seen = new Map<string, { readonly by: Set<string>; againAtMs: number }>()

  constructor(means: StorageProofMeans) {
    this.means = means
  }

  /** For other nodes. */
  get handlers(): CallHandlers {
    return {
      requests: {
        [proofMethod]: async (body, { signal }) => {
          const { network, address } = v.parse(askSchema, body)
          const owner = await readOwner(await this.means.storages.open(address), network, { signal })
          return { ...(owner && { token: owner.token }) }
        },
      },
    }
  }

  /**
   * Errors: SNAPSHOT_STORAGE_UNSET, SNAPSHOT_STORAGE_LOCAL, SNAPSHOT_STORAGE_TAKEN, those of the storage, of calls where a node of `hosts`
   * cannot be asked.
   */
  async check(network: string, address: string | undefined, hosts: readonly NodeId[] = []): Promise<void> {
    const view = this.means.view()
    const key = JSON.stringify([network, address])
    const known = this.seen.get(key) ?? { by: new Set<string>(), againAtMs: 0 }
    const missing = hostsIn(view).filter((node) => !known.by.has(lifeOf(node)))
    const nowMs = this.means.clock.monotonic()
    const isAgain = nowMs >= known.againAtMs
    const asked = missing.filter(({ id }) => isAgain || hosts.includes(id))
    if (asked.length === 0 && this.seen.has(key)) return
    const storage = await this.means.storages.open(address)
    const token = await this.claim(storage, network, view?.cluster)
    this.seen.set(key, known)
    known.againAtMs = nowMs + againMs
    if (token === undefined) return
    const answers = asked.map(async (node) => {
      if (await this.sees(node.id, { network, address, token, mustAnswer: hosts.includes(node.id) }))
        known.by.add(lifeOf(node))
    })
    const outcomes = await Promise.allSettled(answers)
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw asError(outcome.reason)
  }

  /** As `check`, of all nodes; and that there is room. For deployments, before anything runs. */
  async checkNew(network: string, address: string | undefined): Promise<void> {
    const { storages, random } = this.means
    const storage = await storages.open(address)
    const probe = `probe-${incarnationOf(random)}`
    await storage.put(probe, new Uint8Array(probeBytes))
    await storage.delete([probe])
    this.seen.delete(JSON.stringify([network, address]))
    await this.check(network, address)
  }

  private async claim(
    storage: SnapshotStorage,
    network: string,
    cluster: ClusterRecord | undefined,
  ): Promise<string | undefined> {
    if (cluster === undefined) return undefined
    const { name, incarnation, earlier = [] } = cluster
    const token = incarnationOf(this.means.random)
    const owner = await claimStorage(storage, network, { cluster: name, incarnation, token }, { earlier })
    return owner.token
  }

  /** Whether the node was asked. Errors: SNAPSHOT_STORAGE_LOCAL, those of the storage there. */
  private async sees(
    node: NodeId,
    {
      network,
      address,
      token,
      mustAnswer,
    }: {
      readonly network: string
      readonly address: string | undefined
      readonly token: string
      readonly mustAnswer: boolean
    },
  ): Promise<boolean> {
    const { self, to } = this.means
    if (node === self) return true
    let answer: unknown
    try {
      const body = { network, ...(address !== undefined && { address }) }
      answer = await to(node).request(proofMethod, body, {
        timeoutMs: mustAnswer ? hostAskMs : askMs,
      })
    } catch (error) {
      if (isVertigoError(error) && error.code.startsWith('SNAPSHOT_')) throw onNode(error, node)
      if (mustAnswer) throw error
      return false
    }
    if (v.parse(answerSchema, answer).token === token) return true
    const storage = await this.means.storages.open(address)
    throw new VertigoError(
      'SNAPSHOT_STORAGE_LOCAL',
      `The storage of snapshots ${storage.about} is not the same one on the nodes "${self}" and "${node}".`,
    )
  }
}

const probeBytes = 4096

/** Those that may get instances. */
function hostsIn(view: ClusterView | undefined): NodeRecord[] {
  return [...(view?.nodes.values() ?? [])].map(({ value }) => value).filter(({ workers }) => workers > 0)
}

function lifeOf({ id, incarnation }: NodeRecord): string {
  return `${id} ${incarnation}`
}

function onNode(error: VertigoError, node: NodeId): VertigoError {
  const { code, message, remedy } = error
  return new VertigoError(code, `On the node "${node}": ${message}`, { remedy, cause: error })
}
