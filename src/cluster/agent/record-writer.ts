import { asError, isVertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { put, wasCreatedAt } from '../../store/operations.ts'
import { backoffMs } from '../../store/recipes/index.ts'
import type { Store } from '../../store/store.ts'
import { type ClusterKeys, type NetworkKeys, type ReadyRecord, readyRecord } from '../protocol/index.ts'
import type { Membership } from './membership.ts'

/**
 * Writes a node's record of readiness for one network: the newest counts, what was overtaken is not written any more.
 *
 * - RW-1 A write compares that the node's own record is that of this life: whoever has lost its lease says nothing.
 * - RW-2 It tries until the store has answered or the lease is lost.
 */
export interface RecordWriterMeans {
  readonly store: Store
  readonly keys: ClusterKeys
  readonly networkKeys: NetworkKeys
  readonly membership: Membership
  readonly random: Random
  readonly troubled: (error: Error) => void
}

const retryMsMin = 10
const retryMsMax = 500

export class RecordWriter {
  private readonly means: RecordWriterMeans
  private waiting: ReadyRecord | undefined
  private writing: Promise<void> | undefined

  constructor(means: RecordWriterMeans) {
    this.means = means
  }

  write(record: ReadyRecord): void {
    this.waiting = record
    this.writing ??= this.run().finally(() => {
      this.writing = undefined
    })
  }

  /** Fulfilled when nothing is being written. */
  get idle(): Promise<void> {
    return this.writing ?? Promise.resolve()
  }

  /** Never rejects. */
  private async run(): Promise<void> {
    const { membership, random, troubled } = this.means
    let failures = 0
    while (this.waiting !== undefined && !membership.lease.signal.aborted) {
      const record = this.waiting
      this.waiting = undefined
      try {
        await this.put(record)
        failures = 0
      } catch (error) {
        // A lease that is in doubt, after the clock was set or the machine slept, is not lost yet.
        if (membership.lease.signal.aborted || isFinal(error)) return
        troubled(asError(error))
        this.waiting ??= record
        failures++
        await membership.lease.pause(backoffMs(random, failures, retryMsMin, retryMsMax))
      }
    }
  }

  private async put(record: ReadyRecord): Promise<void> {
    const { store, keys, networkKeys, membership } = this.means
    const { lease, createRevision, record: node } = membership
    await lease.confirm()
    await store.transact(
      {
        compare: [wasCreatedAt(keys.node(node.id), createRevision)],
        then: [put(networkKeys.readyAt(record.generation, node.id), readyRecord.encode(record), lease.lease)],
      },
      { repeat: 'harmless' },
    )
  }
}

function isFinal(error: unknown): boolean {
  return isVertigoError(error) && error.code === 'STORE_CLOSED'
}
