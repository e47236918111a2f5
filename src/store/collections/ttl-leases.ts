import type { Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import { leaseTtlMsMin } from '../limits.ts'
import type { LeaseId, Store } from '../store.ts'

/**
 * Leases for entries that live for a given time. A lease for each entry would be a million leases for a million entries;
 * so those that are put within a while share one.
 *
 * - TL-1 An entry lives at least its `ttlMs` from the call, and at most a sixth longer (and what the store takes to
 *   notice).
 * - TL-2 A time to live is rounded up to a multiple of its grain: the greatest power of two that is not more than a twelfth of
 *   it. A lease takes new entries for one grain and lives one grain longer than they have to.
 * - TL-3 So a process has fewer than 30 leases alive for each rounded time to live, however many entries there are, and
 *   there are 12 of those at most for each doubling.
 * - TL-4 These leases are not kept alive and not given back: entries outlive the process that wrote them.
 */

export const ttlMsMax = 2_700_000

interface Bucket {
  readonly lease: Promise<LeaseId>
  readonly openUntilMs: number
  granted: LeaseId | undefined
}

export class TtlLeases {
  private readonly store: Pick<Store, 'grant'>
  private readonly clock: Clock
  /** The open lease of each rounded time to live. */
  private readonly buckets = new Map<number, Bucket>()

  constructor(store: Pick<Store, 'grant'>, clock: Clock) {
    this.store = store
    this.clock = clock
  }

  /** A lease that lives at least `ttlMs` from now. */
  async leaseFor(ttlMs: number): Promise<LeaseId> {
    if (!(ttlMs >= leaseTtlMsMin && ttlMs <= ttlMsMax))
      throw new VertigoError(
        'USAGE',
        `ttlMs is ${ttlMs}; an entry lives between ${leaseTtlMsMin} and ${ttlMsMax} ms.`,
      )
    const grainMs = grainOf(ttlMs)
    const roundedMs = Math.ceil(ttlMs / grainMs) * grainMs
    const nowMs = this.clock.monotonic()
    this.forgetClosed(nowMs)
    const bucket = this.buckets.get(roundedMs) ?? this.open(roundedMs, grainMs, nowMs)
    try {
      bucket.granted = await bucket.lease
      return bucket.granted
    } catch (error) {
      if (this.buckets.get(roundedMs) === bucket) this.buckets.delete(roundedMs)
      throw error
    }
  }

  /** The lease did not live as long as it should have (its store was replaced): the next entry gets another. */
  forget(lease: LeaseId): void {
    for (const [roundedMs, { granted }] of this.buckets) if (granted === lease) this.buckets.delete(roundedMs)
  }

  private open(roundedMs: number, grainMs: number, nowMs: number): Bucket {
    const lease = this.store.grant(roundedMs + grainMs).then((granted) => granted.lease)
    // Counted from before the lease was asked for, so it ends later than this.
    const bucket: Bucket = { lease, openUntilMs: nowMs + grainMs, granted: undefined }
    this.buckets.set(roundedMs, bucket)
    return bucket
  }

  private forgetClosed(nowMs: number): void {
    for (const [roundedMs, { openUntilMs }] of this.buckets)
      if (openUntilMs <= nowMs) this.buckets.delete(roundedMs)
  }
}

function grainOf(ttlMs: number): number {
  return 2 ** Math.floor(Math.log2(ttlMs / 12))
}
