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
 * - SP-3 A storage in which the owner's file is missing, or another one, is not the one that it was, and has none of the network's files.
 *   Where a look is cheap, each snapshot looks; it begins there anew then.
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
  /** SP-3. By network and address: what stood there when snapshots were taken last. */
  private readonly tokens = new Map<string, string>()

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

  /** Whether nothing is there of what the network had in it (SP-3): what its snapshots refer to is gone. Errors: as `prove`. */
  async check(network: string, address: string | undefined, hosts: readonly NodeId[] = []): Promise<boolean> {
    const key = JSON.stringify([network, address])
    const known = this.tokens.get(key)
    if (known === undefined) this.seen.delete(key)
    const proved = await this.prove(network, address, hosts)
    if (proved === undefined) return false
    this.tokens.set(key, proved.token)
    return known === undefined ? proved.isNew : known !== proved.token
  }

  /** SP-3. True as well where that is not known. Where it is not, the next `check` proves it anew. */
  async isStill(network: string, address: string | undefined): Promise<boolean> {
    const key = JSON.stringify([network, address])
    const token = this.tokens.get(key)
    if (token === undefined) return true
    const storage = await this.means.storages.open(address)
    if (storage.isNear !== true) return true
    try {
      const isSame = (await readOwner(storage, network))?.token === token
      if (!isSame) this.seen.delete(key)
      return isSame
    } catch (error) {
      // It is there, so nothing was taken away; who deploys is told.
      if (isVertigoError(error) && error.code === 'SNAPSHOT_FILE_DAMAGED') return true
      throw error
    }
  }

  /**
   * Gives what stands there, unless that was seen before. Errors: SNAPSHOT_STORAGE_UNSET, SNAPSHOT_STORAGE_LOCAL, SNAPSHOT_STORAGE_TAKEN, those of the storage, of calls where a node of `hosts`
   * cannot be asked.
   */
  private async prove(
    network: string,
    address: string | undefined,
    hosts: readonly NodeId[] = [],
  ): Promise<Proved | undefined> {
    const view = this.means.view()
    const key = JSON.stringify([network, address])
    const known = this.seen.get(key) ?? { by: new Set<string>(), againAtMs: 0 }
    const missing = hostsIn(view).filter((node) => !known.by.has(lifeOf(node)))
    const nowMs = this.means.clock.monotonic()
    const isAgain = nowMs >= known.againAtMs
    const asked = missing.filter(({ id }) => isAgain || hosts.includes(id))
    if (asked.length === 0 && this.seen.has(key)) return undefined
    const storage = await this.means.storages.open(address)
    const proved = await this.claim(storage, network, view?.cluster)
    this.seen.set(key, known)
    known.againAtMs = nowMs + againMs
    if (proved === undefined) return undefined
    const { token } = proved
    const answers = asked.map(async (node) => {
      if (await this.sees(node.id, { network, address, token, mustAnswer: hosts.includes(node.id) }))
        known.by.add(lifeOf(node))
    })
    const outcomes = await Promise.allSettled(answers)
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw asError(outcome.reason)
    return proved
  }

  /** As `prove`, of all nodes; and that there is room. For deployments, before anything runs. */
  async checkNew(network: string, address: string | undefined): Promise<void> {
    const { storages, random } = this.means
    const storage = await storages.open(address)
    const probe = `probe-${incarnationOf(random)}`
    await storage.put(probe, new Uint8Array(probeBytes))
    await storage.delete([probe])
    this.seen.delete(JSON.stringify([network, address]))
    await this.prove(network, address)
  }

  private async claim(
    storage: SnapshotStorage,
    network: string,
    cluster: ClusterRecord | undefined,
  ): Promise<Proved | undefined> {
    if (cluster === undefined) return undefined
    const { name, incarnation, earlier = [] } = cluster
    const before = await readOwner(storage, network)
    const token = incarnationOf(this.means.random)
    const owner = await claimStorage(storage, network, { cluster: name, incarnation, token }, { earlier })
    return { token: owner.token, isNew: before === undefined }
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

interface Proved {
  readonly token: string
  /** Nobody had said that it was theirs. */
  readonly isNew: boolean
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
