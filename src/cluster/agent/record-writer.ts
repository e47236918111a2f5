import { asError, isVertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { wasCreatedAt } from '../../store/operations.ts'
import { backoffMs } from '../../store/recipes/index.ts'
import type { LeaseId, Operation, Store } from '../../store/store.ts'
import type { ClusterKeys } from '../protocol/index.ts'
import type { Membership } from './membership.ts'

/**
 * Writes what a node says of itself under its lease, such as its readiness for one network: the newest counts, what was
 * overtaken is not written any more.
 *
 * - RW-1 A write compares that the node's own record is that of this life: whoever has lost its lease says nothing.
 * - RW-2 It tries until the store has answered or the lease is lost.
 */
export interface RecordWriterMeans<T> {
  readonly store: Store
  readonly keys: ClusterKeys
  /** How it is written. */
  readonly operation: (record: T, lease: LeaseId) => Operation
  readonly membership: Membership
  readonly random: Random
  readonly troubled: (error: Error) => void
}

const retryMsMin = 10
const retryMsMax = 500

export class RecordWriter<T extends object> {
  private readonly means: RecordWriterMeans<T>
  private waiting: T | undefined
  private writing: Promise<void> | undefined

  constructor(means: RecordWriterMeans<T>) {
    this.means = means
  }

  write(record: T): void {
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

  private async put(record: T): Promise<void> {
    const { store, keys, operation, membership } = this.means
    const { lease, createRevision, record: node } = membership
    await lease.confirm()
    await store.transact(
      {
        compare: [wasCreatedAt(keys.node(node.id), createRevision)],
        then: [operation(record, lease.lease)],
      },
      { repeat: 'harmless' },
    )
  }
}

function isFinal(error: unknown): boolean {
  return isVertigoError(error) && error.code === 'STORE_CLOSED'
}
