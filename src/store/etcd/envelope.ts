import type { Operation, Revision, Transaction, TransactionResult } from '../store.ts'
import { toCompare, toRequest, toResult } from './encoding.ts'
import type { Keyspace } from './keyspace.ts'
import {
  type CompareRequest,
  type RequestOp,
  type ResponseOp,
  toNumber,
  type TxnRequest,
  type TxnResponse,
} from './protocol.ts'
import { isUntouched, recordOf, type Slot } from './slots.ts'

/** A transaction in etcd's terms, and its way back. */
export interface Encoded {
  readonly compare: readonly CompareRequest[]
  readonly then: readonly RequestOp[]
  readonly otherwise: readonly RequestOp[]
  result(succeeded: boolean, responses: readonly ResponseOp[], revision: Revision): TransactionResult
}

export function encode(keys: Keyspace, transaction: Transaction): Encoded {
  const { compare = [], then = [], otherwise = [] } = transaction
  return {
    compare: compare.map((one) => toCompare(keys, one)),
    then: then.map((one) => toRequest(keys, one)),
    otherwise: otherwise.map((one) => toRequest(keys, one)),
    result: (succeeded, responses, revision) => ({
      succeeded,
      revision,
      results: (succeeded ? then : otherwise).map((one, at) => toResult(keys, one, responses[at] ?? {})),
    }),
  }
}

export function isReadOnly({ then = [], otherwise = [] }: Transaction): boolean {
  return then.every(reads) && otherwise.every(reads)
}

function reads({ type }: Operation): boolean {
  return type === 'get' || type === 'range'
}

/**
 * The transaction, done only while its slot is untouched. Where it does nothing else when its comparisons fail, they stand
 * beside that of the slot, which is read to tell them apart; else they stand in a transaction inside. Where there are none, it
 * is the slot that failed, which is rare: what became of it is asked then, and not said to all members with each request.
 */
export function wrap(encoded: Encoded, slot: Slot, leavesRecord: boolean): TxnRequest {
  const { compare, then, otherwise } = encoded
  const untouched = isUntouched(slot)
  const failure = tellsApart(encoded) ? [{ requestRange: { key: slot.key } }] : []
  const record = (value: Buffer): RequestOp[] =>
    leavesRecord ? [{ requestPut: { key: slot.key, value, lease: slot.session.lease } }] : []
  const success = [...then, ...record(recordOf.then)]
  if (otherwise.length === 0) return { compare: [...compare, untouched], success, failure }
  const inner = { compare, success, failure: [...otherwise, ...record(recordOf.otherwise)] }
  return { compare: [untouched], success: [{ requestTxn: inner }], failure }
}

function tellsApart({ compare, otherwise }: Encoded): boolean {
  return compare.length > 0 && otherwise.length === 0
}

export interface Unwrapped {
  /** Whether the slot was as expected. If not, nothing was done. */
  readonly untouched: boolean
  readonly succeeded: boolean
  readonly responses: readonly ResponseOp[]
  /** Whether a record was left, if one was to be. */
  readonly recorded: boolean
}

export function unwrap(encoded: Encoded, slot: Slot, response: TxnResponse): Unwrapped {
  const responses = response.responses ?? []
  if (response.succeeded === true) {
    const inner = responses[0]?.responseTxn
    const isPlain = encoded.otherwise.length === 0
    return {
      untouched: true,
      succeeded: isPlain || inner?.succeeded === true,
      responses: isPlain ? responses : (inner?.responses ?? []),
      recorded: true,
    }
  }
  const slotRevision = toNumber(responses[0]?.responseRange?.kvs?.[0]?.modRevision)
  const untouched = tellsApart(encoded) && slotRevision === slot.revision
  return { untouched, succeeded: false, responses: [], recorded: false }
}
