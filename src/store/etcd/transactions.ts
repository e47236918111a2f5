import type { ErrorCode } from '../../base/error-codes.ts'
import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import type { Repeat, Transaction, TransactionOptions, TransactionResult } from '../store.ts'
import { Deadline } from './deadline.ts'
import { Effort } from './effort.ts'
import { encode, type Encoded, isReadOnly, unwrap, wrap } from './envelope.ts'
import type { Endpoint } from './endpoint.ts'
import { wroteNothing } from './failure.ts'
import type { Keyspace } from './keyspace.ts'
import type { Members } from './members.ts'
import { methods, type TxnResponse, toNumber } from './protocol.ts'
import { Recall } from './recall.ts'
import { type Settled, Settling } from './settling.ts'
import type { Slot, Slots } from './slots.ts'

/** A transaction on its way. */
interface Sending {
  readonly transaction: Transaction
  readonly encoded: Encoded
  readonly repeat: Repeat
  readonly deadline: Deadline
  readonly effort: Effort
  /** An attempt of which nobody will ever know may have taken effect; no other error may say that nothing was written (ST-6). */
  mayBeDone: boolean
}

/**
 * Transactions, each done once or not at all, whatever becomes of connections and members.
 *
 * - ET-1 A transaction that writes compares the revision of its slot (`slots.ts`), so changing the slot makes it void.
 * - ET-2 An attempt whose fate is unknown is settled before anything else is done with its slot (`settling.ts`).
 * - ET-3 With `once` the transaction itself leaves its record in the slot. Without, settling cannot tell whether it was done,
 *   only that it will not be done any more.
 */
export class Transactions {
  private readonly members: Members
  private readonly keys: Keyspace
  private readonly slots: Slots
  private readonly settling: Settling

  constructor(members: Members, keys: Keyspace, slots: Slots) {
    this.members = members
    this.keys = keys
    this.slots = slots
    this.settling = new Settling(members, slots)
  }

  transact(transaction: Transaction, options: TransactionOptions): Promise<TransactionResult> {
    const { members, keys } = this
    const deadline = new Deadline(members.clock, options)
    const encoded = encode(keys, transaction)
    return members.inTurn(deadline, () => {
      if (isReadOnly(transaction)) return this.read(encoded, deadline)
      const effort = new Effort(members, deadline)
      const repeat = options.repeat ?? 'never'
      return this.write({ transaction, encoded, repeat, deadline, effort, mayBeDone: false })
    })
  }

  private async read(encoded: Encoded, deadline: Deadline): Promise<TransactionResult> {
    const { compare, then, otherwise } = encoded
    const request = { compare, success: then, failure: otherwise }
    const { succeeded, responses, header } = await this.members.call(methods.txn, request, deadline)
    return encoded.result(succeeded === true, responses ?? [], toNumber(header?.revision))
  }

  private async write(sending: Sending): Promise<TransactionResult> {
    try {
      return await this.repeated(sending)
    } catch (failure) {
      if (!sending.mayBeDone || hasCode(failure, 'STORE_OUTCOME_UNKNOWN')) throw failure
      sending.deadline.signal?.throwIfAborted()
      throw unknownOutcome(failure)
    }
  }

  private async repeated(sending: Sending): Promise<TransactionResult> {
    const { deadline, effort } = sending
    for (;;) {
      // What others were told is unknown must not come behind this one (ET-5).
      await this.settling.whenSettled(deadline, effort)
      const slot = this.slots.tryTake() ?? (await this.slots.take(deadline, effort))
      try {
        const result = await this.attempt(slot, sending)
        if (result !== undefined) return result
      } finally {
        this.settling.giveBack(slot)
      }
    }
  }

  /** The result, or undefined where nothing was done and another attempt should be made. */
  private async attempt(slot: Slot, sending: Sending): Promise<TransactionResult | undefined> {
    const { members } = this
    const { encoded, repeat, deadline, effort } = sending
    const { current } = members
    const endpoint = current.isReady ? current : await members.connected(deadline, effort)
    deadline.signal?.throwIfAborted()
    slot.isUnsettled = true
    let response: TxnResponse
    try {
      // Who does not repeat gains nothing by asking elsewhere.
      const attemptMs = repeat === 'never' ? deadline.leftMs : effort.attemptMs
      const request = wrap(encoded, slot, repeat === 'once')
      response = await members.attempt(endpoint, methods.txn, request, attemptMs, deadline)
    } catch (error) {
      if (!wroteNothing(error)) return await this.unanswered(slot, sending, endpoint, error)
      slot.isUnsettled = false
      return await this.refused(slot, sending, endpoint, error)
    }
    slot.isUnsettled = false
    const { untouched, succeeded, responses, recorded } = unwrap(encoded, slot, response)
    if (!untouched) return this.touched(slot, deadline, effort)
    const revision = toNumber(response.header?.revision)
    if (repeat === 'once' && recorded) slot.revision = revision
    return encoded.result(succeeded, responses, revision)
  }

  /** The slot is not what it was: its lease ended, or something of ours came late. The transaction did nothing. */
  private async touched(slot: Slot, deadline: Deadline, effort: Effort): Promise<undefined> {
    const { kvs } = await this.members.call(methods.range, { key: slot.key }, deadline, effort)
    const found = kvs?.[0]
    if (found === undefined) this.slots.lost(slot.session)
    else slot.revision = toNumber(found.modRevision)
    return undefined
  }

  /** Nothing was written: returns where it can be tried again, else throws. */
  private async refused(
    slot: Slot,
    { repeat, deadline, effort }: Sending,
    endpoint: Endpoint,
    error: unknown,
  ): Promise<undefined> {
    try {
      await effort.failed(endpoint, error)
    } catch (final) {
      // A lease that is lost may be that of the record.
      if (!hasCode(final, 'STORE_LEASE_LOST') || repeat !== 'once') throw asError(final)
      const { kvs = [] } = await this.members.call(methods.range, { key: slot.key }, deadline, effort)
      if (kvs.length > 0) throw final
      this.slots.lost(slot.session)
    }
    return undefined
  }

  /** Nobody knows what became of it: finds out. */
  private async unanswered(
    slot: Slot,
    sending: Sending,
    endpoint: Endpoint,
    error: unknown,
  ): Promise<TransactionResult | undefined> {
    const { transaction, repeat, deadline, effort } = sending
    let settled: Settled
    try {
      await effort.failed(endpoint, error)
      settled = await this.settling.settle(slot, deadline, effort)
    } catch (failure) {
      deadline.signal?.throwIfAborted()
      throw unknownOutcome(failure)
    }
    if (repeat === 'never' || (repeat === 'once' && settled.type === 'forgotten')) throw unknownOutcome(error)
    if (settled.type !== 'done') {
      // Without a record, that it takes no effect from now on does not say that it took none before (ET-3).
      if (repeat === 'harmless') sending.mayBeDone = true
      return undefined
    }
    const { succeeded, revision } = settled
    const operations = (succeeded ? transaction.then : transaction.otherwise) ?? []
    try {
      const recall = new Recall(this.members, this.keys, deadline, effort)
      return { succeeded, revision, results: await recall.results(operations, revision) }
    } catch (failure) {
      // It was done, but no other error may say so (ST-6).
      deadline.signal?.throwIfAborted()
      throw unknownOutcome(failure)
    }
  }
}

function hasCode(error: unknown, code: ErrorCode): boolean {
  return isVertigoError(error) && error.code === code
}

function unknownOutcome(cause: unknown): VertigoError {
  const said = cause instanceof Error ? ` The last attempt: ${cause.message}` : ''
  return new VertigoError(
    'STORE_OUTCOME_UNKNOWN',
    `A transaction was sent, and whether it took effect is not known.${said}`,
    { cause },
  )
}
