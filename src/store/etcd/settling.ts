import { sleep } from '../../base/clock.ts'
import { asError, isVertigoError } from '../../base/errors.ts'
import type { Revision } from '../store.ts'
import { closedError, Deadline } from './deadline.ts'
import { Effort } from './effort.ts'
import type { Members } from './members.ts'
import { methods, type RequestOp, type TxnRequest, type TxnResponse, toNumber } from './protocol.ts'
import { isUntouched, madeVoid, recordOf, type Slot, type Slots } from './slots.ts'

/** What became of an attempt that was not answered. */
export type Settled =
  /** From now on it takes no effect. Where it would have left a record, it never took any. */
  | { readonly type: 'void' }
  /** It took effect, as its record says. */
  | { readonly type: 'done'; readonly succeeded: boolean; readonly revision: Revision }
  /** As `void`, but the slot is gone, and with it the record that there may have been. */
  | { readonly type: 'forgotten' }

interface Unsettled {
  readonly slot: Slot
  readonly done: PromiseWithResolvers<void>
}

/** Between tries to settle what was left: a try by itself lasts for the time of a call where nobody answers. */
const pauseMs = 100

/**
 * Settles attempts of which nobody knows whether they take effect.
 *
 * - ET-2 An attempt whose fate is unknown is settled before anything else is done with its slot: the slot is changed under the
 *   same comparison. Either that succeeds, and the attempt is void for ever, even where it still waits in a member that was
 *   stopped; or the attempt had changed the slot before, and its record tells what it did.
 * - ET-4 Settling is harmless to repeat and harmless where it comes late: it compares the revision that it changes.
 * - ET-5 What a caller was told is unknown is settled at once and until it is; a transaction that writes waits for what was
 *   left before it. So one that is answered tells that nothing older comes any more (ST-6).
 */
export class Settling {
  private readonly members: Members
  private readonly slots: Slots
  private readonly left = new Map<Slot, Unsettled>()
  private lastError: Error | undefined
  /** Never rejects: what fails is tried again, until the store is closed. */
  private running: Promise<void> | undefined

  constructor(members: Members, slots: Slots) {
    this.members = members
    this.slots = slots
  }

  /** Gives a slot back, settled before where that is needed. */
  giveBack(slot: Slot): void {
    if (!slot.isUnsettled || slot.session.isLost) {
      this.slots.give(slot)
      return
    }
    this.left.set(slot, { slot, done: Promise.withResolvers() })
    this.running ??= this.run()
  }

  /** Waits for what was left unsettled before (ET-5). */
  async whenSettled(deadline: Deadline, effort: Effort): Promise<void> {
    if (this.left.size === 0) return
    const all = Promise.all([...this.left.values()].map(({ done }) => done.promise))
    if (!(await deadline.waitFor(all))) throw effort.unreachable(this.lastError)
    if (this.members.isClosed) throw closedError()
  }

  /** Makes void what may be under way with the slot, or finds what it did (ET-2). */
  async settle(slot: Slot, deadline: Deadline, effort: Effort): Promise<Settled> {
    const { key, session } = slot
    try {
      const put = { requestPut: { key, value: madeVoid, lease: session.lease } }
      return this.settled(slot, await this.change(slot, put, deadline, effort))
    } catch (error) {
      if (!isVertigoError(error)) throw error
      if (error.code === 'STORE_LEASE_LOST') return this.forgotten(slot)
      if (error.code !== 'STORE_FULL') throw error
      // A slot that is gone never comes back, and needs no space.
      slot.mayBeGone = true
      return this.settled(slot, await this.change(slot, { requestDeleteRange: { key } }, deadline, effort))
    }
  }

  private change(slot: Slot, change: RequestOp, deadline: Deadline, effort: Effort): Promise<TxnResponse> {
    const request: TxnRequest = {
      compare: [isUntouched(slot)],
      success: [change],
      failure: [{ requestRange: { key: slot.key } }],
    }
    return this.members.call(methods.txn, request, deadline, effort)
  }

  private settled(slot: Slot, response: TxnResponse): Settled {
    if (response.succeeded === true) {
      slot.revision = toNumber(response.header?.revision)
      slot.isUnsettled = false
      return { type: 'void' }
    }
    const found = response.responses?.[0]?.responseRange?.kvs?.[0]
    if (found === undefined) return this.forgotten(slot)
    const revision = toNumber(found.modRevision)
    slot.revision = revision
    slot.isUnsettled = false
    const record = found.value
    // An earlier attempt to settle it, of which the answer was lost.
    if (record === undefined || record.equals(madeVoid)) return { type: 'void' }
    return { type: 'done', succeeded: record.equals(recordOf.then), revision }
  }

  private forgotten(slot: Slot): Settled {
    // Unless it was deleted by us, it has gone with its lease.
    if (slot.mayBeGone === true) slot.isUnsettled = false
    else this.slots.lost(slot.session)
    return { type: 'forgotten' }
  }

  private async run(): Promise<void> {
    while (this.left.size > 0) {
      const [first, ...others] = [...this.left.values()]
      // One asks until it is answered, so that not all of them beat on a door that is shut.
      await this.insist(first!)
      await Promise.all(others.map((other) => this.insist(other)))
    }
    this.running = undefined
  }

  private async insist({ slot, done }: Unsettled): Promise<void> {
    const { members } = this
    while (slot.isUnsettled && !slot.session.isLost && !members.isClosed) {
      try {
        const deadline = new Deadline(members.clock, {})
        await this.settle(slot, deadline, new Effort(members, deadline))
      } catch (error) {
        this.lastError = asError(error)
        if (!members.isClosed) await sleep(members.clock, pauseMs)
      }
    }
    this.left.delete(slot)
    this.slots.give(slot)
    done.resolve()
  }
}
