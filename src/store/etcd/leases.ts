import type { Long } from '@grpc/proto-loader'
import { isVertigoError } from '../../base/errors.ts'
import type { CallOptions, LeaseGrant, LeaseId, LeaseStatus } from '../store.ts'
import { Deadline } from './deadline.ts'
import { Effort } from './effort.ts'
import { knownLease, leaseLost } from './encoding.ts'
import { AttemptFailed, judge } from './failure.ts'
import type { KeepAlives } from './keep-alives.ts'
import type { Keyspace } from './keyspace.ts'
import { type LeaseIds, leaseNumber, leaseText } from './lease-ids.ts'
import type { Members } from './members.ts'
import { methods, toNumber } from './protocol.ts'

/** Leases of users: whole seconds, as etcd has them. */
export class Leases {
  private readonly members: Members
  private readonly keys: Keyspace
  private readonly leaseIds: LeaseIds
  private readonly keepAlives: KeepAlives

  constructor(members: Members, keys: Keyspace, leaseIds: LeaseIds, keepAlives: KeepAlives) {
    this.members = members
    this.keys = keys
    this.leaseIds = leaseIds
    this.keepAlives = keepAlives
  }

  async grant(ttlMs: number, options: CallOptions): Promise<LeaseGrant> {
    const { members, leaseIds } = this
    const deadline = new Deadline(members.clock, options)
    const wanted = { ttlS: Math.max(1, Math.ceil(ttlMs / 1_000)), isOwn: false }
    const { lease, ttlS } = await members.inTurn(deadline, () =>
      grantLease(members, leaseIds, wanted, deadline),
    )
    return { lease: leaseText(lease), ttlMs: ttlS * 1_000 }
  }

  /** Beside the other calls: however many of those wait, leases are kept. */
  async keepAlive(lease: LeaseId, options: CallOptions): Promise<number> {
    const ttlS = await this.keepAlives.send(knownLease(lease), new Deadline(this.members.clock, options))
    if (ttlS === 0) throw leaseLost(lease)
    return ttlS * 1_000
  }

  async revoke(lease: LeaseId, options: CallOptions): Promise<void> {
    const id = leaseNumber(lease)
    if (id === undefined) return
    const { members } = this
    const deadline = new Deadline(members.clock, options)
    try {
      await members.inTurn(deadline, () => members.call(methods.revoke, { id }, deadline))
    } catch (error) {
      if (!isVertigoError(error) || error.code !== 'STORE_LEASE_LOST') throw error
    }
  }

  async leases(options: CallOptions): Promise<readonly LeaseStatus[]> {
    const { members, leaseIds } = this
    const deadline = new Deadline(members.clock, options)
    const { leases = [] } = await members.inTurn(deadline, () => members.call(methods.leases, {}, deadline))
    const ids = leases.flatMap(({ id }) => (id !== undefined && leaseIds.isUsers(id) ? [id] : []))
    const all = await Promise.all(ids.map((id) => this.status(id, deadline)))
    return all.filter((one) => one !== undefined)
  }

  private async status(id: Long, deadline: Deadline): Promise<LeaseStatus | undefined> {
    const { members } = this
    const { ttl, grantedTtl, keys } = await members.inTurn(deadline, () =>
      members.call(methods.timeToLive, { id, keys: true }, deadline),
    )
    // It ended meanwhile; the last second has 0, which is not on the wire.
    if (ttl?.isNegative() === true) return undefined
    return {
      lease: leaseText(id),
      ttlMs: toNumber(grantedTtl) * 1_000,
      remainingMs: toNumber(ttl) * 1_000,
      keys: (keys ?? []).flatMap((key) => this.keys.fromEtcd(key) ?? []),
    }
  }
}

/** A lease with an id of ours: where an attempt's fate is unknown, the next one finds its lease or makes it. */
export async function grantLease(
  members: Members,
  leaseIds: LeaseIds,
  { ttlS, isOwn }: { readonly ttlS: number; readonly isOwn: boolean },
  deadline: Deadline,
): Promise<{ readonly lease: Long; readonly ttlS: number }> {
  const effort = new Effort(members, deadline)
  let id = leaseIds.next(isOwn)
  let mayBeOurs = false
  for (;;) {
    const endpoint = members.current
    try {
      const { ttl } = await members.attempt(
        endpoint,
        methods.grant,
        { ttl: ttlS, id },
        effort.attemptMs,
        deadline,
      )
      return { lease: id, ttlS: toNumber(ttl) }
    } catch (error) {
      if (error instanceof AttemptFailed && judge(error).type === 'lease-exists') {
        if (mayBeOurs) return { lease: id, ttlS }
        id = leaseIds.next(isOwn)
      } else mayBeOurs = (await effort.failed(endpoint, error)) === 'unknown' || mayBeOurs
    }
  }
}
