import type { Follow, FollowListener, StoreBackend } from '../backend.ts'
import type {
  CallOptions,
  GetResult,
  LeaseGrant,
  LeaseId,
  LeaseStatus,
  RangeOptions,
  RangeResult,
  Revision,
  Transaction,
  TransactionOptions,
  TransactionResult,
} from '../store.ts'
import { KeepAlives } from './keep-alives.ts'
import type { Keyspace } from './keyspace.ts'
import { LeaseIds } from './lease-ids.ts'
import { Leases } from './leases.ts'
import type { Members } from './members.ts'
import { Reads } from './reads.ts'
import { Slots } from './slots.ts'
import { Transactions } from './transactions.ts'
import { Watches } from './watches.ts'

/** The store in an etcd cluster (3.4 or newer): each part of etcd's API has its class, `Members` talks to the cluster. */
export class EtcdBackend implements StoreBackend {
  private readonly members: Members
  private readonly keepAlives: KeepAlives
  private readonly reads: Reads
  private readonly slots: Slots
  private readonly transactions: Transactions
  private readonly leasing: Leases
  private readonly watches: Watches

  constructor(members: Members, keys: Keyspace) {
    const leaseIds = new LeaseIds(keys.prefix, members.random)
    this.members = members
    this.keepAlives = new KeepAlives(members)
    this.reads = new Reads(members, keys)
    this.slots = new Slots(members, keys, leaseIds, this.keepAlives)
    this.transactions = new Transactions(members, keys, this.slots)
    this.leasing = new Leases(members, keys, leaseIds, this.keepAlives)
    this.watches = new Watches(members, keys)
  }

  get(key: string, options: CallOptions): Promise<GetResult> {
    return this.reads.get(key, options)
  }

  range(prefix: string, options: RangeOptions): Promise<RangeResult> {
    return this.reads.range(prefix, options)
  }

  pages(prefix: string, options: CallOptions): AsyncIterable<RangeResult> {
    return this.reads.pages(prefix, options)
  }

  transact(transaction: Transaction, options: TransactionOptions): Promise<TransactionResult> {
    return this.transactions.transact(transaction, options)
  }

  grant(ttlMs: number, options: CallOptions): Promise<LeaseGrant> {
    return this.leasing.grant(ttlMs, options)
  }

  keepAlive(lease: LeaseId, options: CallOptions): Promise<number> {
    return this.leasing.keepAlive(lease, options)
  }

  revoke(lease: LeaseId, options: CallOptions): Promise<void> {
    return this.leasing.revoke(lease, options)
  }

  leases(options: CallOptions): Promise<readonly LeaseStatus[]> {
    return this.leasing.leases(options)
  }

  follow(prefix: string, fromRevision: Revision, listener: FollowListener): Follow {
    return this.watches.follow(prefix, fromRevision, listener)
  }

  async close(): Promise<void> {
    this.watches.close()
    await this.slots.close()
    this.keepAlives.close()
    this.members.close()
    await this.watches.closed()
  }
}
