import { status } from '@grpc/grpc-js'
import { VertigoError } from '../../base/errors.ts'

/**
 * What an attempt's failure means. gRPC has sixteen codes; etcd says the rest in words, which are part of its published
 * API (`rpctypes`). What is not known counts as the worst: what was sent may have been done.
 */

/** How an attempt ended that was not answered with a result. */
export class AttemptFailed extends Error {
  readonly code: number
  readonly details: string

  constructor(code: number, details: string) {
    super(details)
    this.name = 'AttemptFailed'
    this.code = code
    this.details = details
  }
}

export type Verdict =
  /** Another attempt may succeed. `written`: whether this one may have changed something, now or later. */
  | { readonly type: 'again'; readonly written: 'no' | 'unknown'; readonly refusal?: VertigoError }
  /** Nothing was written; a new token is needed. */
  | { readonly type: 'token' }
  /** Nothing was written; the revision that was asked for is gone. */
  | { readonly type: 'compacted' }
  /** Nothing was written; there is a lease of that id. */
  | { readonly type: 'lease-exists' }
  /** Nothing was written, and nothing will be. */
  | { readonly type: 'final'; readonly error: VertigoError }

const byWords: readonly (readonly [RegExp, (failure: AttemptFailed) => Verdict])[] = [
  [
    /requested lease not found/,
    (failure) =>
      final(new VertigoError('STORE_LEASE_LOST', 'A lease has ended, or never was.', { cause: failure })),
  ],
  [/required revision has been compacted/, () => ({ type: 'compacted' })],
  [/lease already exists/, () => ({ type: 'lease-exists' })],
  [
    /database space exceeded/,
    (failure) =>
      final(
        new VertigoError('STORE_FULL', 'The space that etcd may use is full.', {
          cause: failure,
          remedy: "Compact and defragment etcd, or raise `--quota-backend-bytes`; then lift etcd's alarm.",
        }),
      ),
  ],
  [/etcdserver: (no leader|too many requests|not capable|rpc not supported for learner)/, () => again('no')],
  [/required revision is a future revision/, () => again('no')],
  [/invalid auth token|revision of auth store is old|user name is empty/, () => ({ type: 'token' })],
  [
    /permission denied|authentication failed|user name not found|invalid auth management/,
    (failure) => final(refused(failure)),
  ],
  [
    /corrupt cluster|corrupt: /,
    (failure) =>
      final(new VertigoError('STORE_CORRUPT', 'etcd says that it is damaged.', { cause: failure })),
  ],
]

/** What TLS says when it does not come about, in the words of OpenSSL and Node. */
const tlsWords =
  /certificate|altnames|self-signed|unable to (verify|get)|ssl routines|SSL alert|ERR_SSL|ERR_TLS|EPROTO/i

export function judge(failure: AttemptFailed): Verdict {
  const { code, details } = failure
  for (const [words, verdict] of byWords) if (words.test(details)) return verdict(failure)
  switch (code as status) {
    case status.UNIMPLEMENTED:
      return final(
        new VertigoError('STORE_FOREIGN', 'What answers at the address of the store is not etcd.', {
          cause: failure,
        }),
      )
    case status.INVALID_ARGUMENT:
    case status.FAILED_PRECONDITION:
      return final(
        new VertigoError('STORE_TRANSACTION_INVALID', `etcd does not take it: ${details}.`, {
          cause: failure,
        }),
      )
    case status.RESOURCE_EXHAUSTED:
      return /larger than max/.test(details)
        ? final(
            new VertigoError('STORE_TRANSACTION_INVALID', 'The transaction is larger than etcd takes.', {
              cause: failure,
              remedy: 'Split the transaction, or raise `--max-request-bytes` of etcd.',
            }),
          )
        : again('unknown')
    case status.UNAUTHENTICATED:
    case status.PERMISSION_DENIED:
      return final(refused(failure))
    case status.UNAVAILABLE:
      if (isTlsFailure(details) && isNoConnection(details))
        return { ...again('no'), refusal: refused(failure) }
      return again(isNoConnection(details) ? 'no' : 'unknown')
    default:
      return again('unknown')
  }
}

/** Whether it is sure that the attempt changed nothing, and will not. */
export function wroteNothing(thrown: unknown): boolean {
  if (!(thrown instanceof AttemptFailed)) return false
  const verdict = judge(thrown)
  return verdict.type !== 'again' || verdict.written === 'no'
}

/** It was not sent. Of a connection that broke later, what TLS says about it says nothing of what was sent before. */
function isNoConnection(details: string): boolean {
  return /^No connection established|^Name resolution failed/.test(details)
}

export function isTlsFailure(details: string): boolean {
  return tlsWords.test(details)
}

function again(written: 'no' | 'unknown'): Extract<Verdict, { type: 'again' }> {
  return { type: 'again', written }
}

function final(error: VertigoError): Verdict {
  return { type: 'final', error }
}

export function refused(failure: AttemptFailed): VertigoError {
  return new VertigoError('STORE_REFUSED', `The store refuses who asks: ${failure.details}.`, {
    cause: failure,
  })
}
