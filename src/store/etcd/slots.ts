import type { Long } from '@grpc/proto-loader'
import type { Cancel } from '../../base/clock.ts'
import { asError, isVertigoError } from '../../base/errors.ts'
import { Deadline } from './deadline.ts'
import type { Effort } from './effort.ts'
import type { KeepAlives } from './keep-alives.ts'
import type { Keyspace } from './keyspace.ts'
import { type LeaseIds, leaseText } from './lease-ids.ts'
import { grantLease } from './leases.ts'
import { callsInFlightMax, type Members } from './members.ts'
import {
  type CompareRequest,
  compareResult,
  compareTarget,
  methods,
  type RequestOp,
  toNumber,
} from './protocol.ts'

/** How long the records of a client that died are kept, and how long one may be cut off and still find its own. */
const sessionTtlS = 60
const renewMs = 20_000
const slotsPerStep = 16
const closeMsMax = 300

/**
 * A key of the client's own that stands for one transaction at a time: each that writes compares the revision of its slot, so
 * that it can be made void by changing the slot.
 *
 * Its value is what the last transaction with a record left: `1` where its comparisons held, `0` where they did not; or `-`
 * where the slot was changed to make void what was under way.
 */
export interface Slot {
  readonly key: Buffer
  readonly session: Session
  /** Its modification revision, as far as is known. */
  revision: number
  /** A transaction with this slot may be under way still: nobody may use it before it was settled. */
  isUnsettled: boolean
  /** It may have been deleted, and is of no more use. */
  mayBeGone?: boolean
}

export const recordOf = { then: Buffer.from('1'), otherwise: Buffer.from('0') } as const
export const madeVoid = Buffer.from('-')

/** One lease and its slots. A new one takes its place when the lease is lost. */
export interface Session {
  readonly lease: Long
  readonly name: string
  isLost: boolean
}

/**
 * The slots of a client, at most one for each call in flight.
 *
 * - ES-1 A slot is used by one transaction at a time.
 * - ES-2 Slots are under the session's lease: what a dead client leaves goes by itself. A slot that is gone never comes back,
 *   so a transaction that compares its revision can no longer take effect.
 */
export class Slots {
  private readonly members: Members
  private readonly keys: Keyspace
  private readonly leaseIds: LeaseIds
  private readonly keepAlives: KeepAlives
  private free: Slot[] = []
  private session: Session | undefined
  /** How many there are; those that are in use among them. */
  private count = 0
  /** Of the session: no name is given twice, for a slot that is gone must not come back (ES-2). */
  private lastName = 0
  private given = Promise.withResolvers<void>()
  private growing: Promise<void> | undefined
  private cancelRenewal: Cancel | undefined

  constructor(members: Members, keys: Keyspace, leaseIds: LeaseIds, keepAlives: KeepAlives) {
    this.members = members
    this.keys = keys
    this.leaseIds = leaseIds
    this.keepAlives = keepAlives
  }

  /** A slot, which is given back by `give`; undefined where one has to be waited for. */
  tryTake(): Slot | undefined {
    return this.free.pop()
  }

  async take(deadline: Deadline, effort: Effort): Promise<Slot> {
    for (;;) {
      // All may be waiting to be settled: then no more are made, which would have to be settled too.
      const more = this.count < callsInFlightMax ? this.grow() : this.given.promise
      if (!(await deadline.waitFor(more))) throw effort.unreachable(undefined)
      const slot = this.tryTake()
      if (slot !== undefined) return slot
    }
  }

  give(slot: Slot): void {
    if (slot.session.isLost) return
    if (slot.mayBeGone === true) this.count--
    else this.free.push(slot)
    this.wake()
  }

  /** The lease of the session has ended, and the slots with it. */
  lost(session: Session): void {
    session.isLost = true
    if (this.session !== session) return
    this.session = undefined
    this.free = []
    this.count = 0
    this.lastName = 0
    this.wake()
  }

  /** The records go at once, where a member answers soon; otherwise when their lease is over. */
  async close(): Promise<void> {
    this.cancelRenewal?.()
    const { session, members } = this
    if (session === undefined) return
    try {
      const deadline = new Deadline(members.clock, { timeoutMs: closeMsMax })
      await members.call(methods.revoke, { id: session.lease }, deadline)
    } catch (error) {
      if (!isVertigoError(error)) throw asError(error)
    }
  }

  private wake(): void {
    this.given.resolve()
    this.given = Promise.withResolvers()
  }

  private grow(): Promise<void> {
    this.growing ??= this.addSlots(new Deadline(this.members.clock, {})).finally(() => {
      this.growing = undefined
    })
    return this.growing
  }

  private async addSlots(deadline: Deadline): Promise<void> {
    const session = this.session ?? (await this.begin(deadline))
    const added = Array.from({ length: Math.min(slotsPerStep, callsInFlightMax - this.count) }, () =>
      this.keys.ownKey(`ops/${session.name}/${this.lastName++}`),
    )
    const [first] = added
    if (first === undefined) return
    try {
      const revision = await this.make(session, first, added, deadline)
      // Its slots are gone, and those of the next one are counted anew.
      if (session.isLost) return
      this.count += added.length
      for (const key of added) this.free.push({ key, session, revision, isUnsettled: false })
    } catch (error) {
      if (!isVertigoError(error) || error.code !== 'STORE_LEASE_LOST') throw error
      this.lost(session)
    }
  }

  /** Gives the revision in which they came to be. */
  private async make(
    { lease }: Session,
    first: Buffer,
    added: readonly Buffer[],
    deadline: Deadline,
  ): Promise<number> {
    const response = await this.members.call(
      methods.txn,
      {
        // An attempt that comes late must not touch slots that are in use.
        compare: [{ result: compareResult['='], target: compareTarget.version, key: first, version: 0 }],
        success: added.map((key): RequestOp => ({ requestPut: { key, value: madeVoid, lease } })),
        failure: [{ requestRange: { key: first } }],
      },
      deadline,
    )
    const earlier = response.responses?.[0]?.responseRange?.kvs?.[0]
    return toNumber(response.succeeded === true ? response.header?.revision : earlier?.modRevision)
  }

  private async begin(deadline: Deadline): Promise<Session> {
    const { lease } = await grantLease(
      this.members,
      this.leaseIds,
      { ttlS: sessionTtlS, isOwn: true },
      deadline,
    )
    this.session = { lease, name: leaseText(lease), isLost: false }
    this.cancelRenewal ??= this.members.clock.every(renewMs, () => this.renew(), { background: true })
    return this.session
  }

  private renew(): void {
    const { session } = this
    if (session === undefined) return
    const deadline = new Deadline(this.members.clock, { timeoutMs: renewMs / 2 })
    // Where the lease is lost, or nobody answers until it is, the next transaction finds its slot gone.
    this.keepAlives.send(session.lease, deadline).catch(() => {})
  }
}

/** Holds while nothing has changed the slot since it was last looked at. */
export function isUntouched({ key, revision }: Slot): CompareRequest {
  return { result: compareResult['='], target: compareTarget.modRevision, key, modRevision: revision }
}
