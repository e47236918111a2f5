import { Long } from '@grpc/proto-loader'
import { assert } from '../../base/assert.ts'
import type { Random } from '../../base/random.ts'
import type { LeaseId } from '../store.ts'

/**
 * Leases get their ids from us, so that asking again for a lease is harmless. The upper bits say whose it is: etcd lists the
 * leases of everybody. From the top: a zero (ids are positive), 15 bits of a hash of the store's prefix, a bit for leases
 * that the client keeps for itself, 47 random bits.
 *
 * Their text is hexadecimal, as etcd's tools show them.
 */
export class LeaseIds {
  private readonly tag: number
  private readonly random: Random

  constructor(prefix: string, random: Random) {
    this.tag = hash15(prefix)
    this.random = random
  }

  next(isOwn: boolean): Long {
    const high = this.tag * 0x1_0000 + (isOwn ? 0x8000 : 0) + this.random.int(0x8000)
    return new Long(this.random.int(0x1_0000_0000), high)
  }

  /** Whether it was given to a user of this store. */
  isUsers(id: Long): boolean {
    return id.getHighBitsUnsigned() >>> 16 === this.tag && (id.getHighBits() & 0x8000) === 0
  }
}

export function leaseText(id: Long): LeaseId {
  return id.toString(16) as LeaseId
}

/** Undefined for text that is no lease of etcd. */
export function leaseNumber(lease: LeaseId): Long | undefined {
  if (!/^[0-9a-f]{1,16}$/.test(lease)) return undefined
  const id = Long.fromString(lease, false, 16)
  return id.isPositive() && !id.isZero() ? id : undefined
}

/** FNV-1a, folded. */
function hash15(text: string): number {
  assert(text !== '', 'a store has a prefix')
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return ((hash >>> 15) ^ hash) & 0x7fff
}
