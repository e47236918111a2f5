import type { ErrorCode } from '../../../base/error-codes.ts'

/** How batches and requests are given to the node that a port is on, and what its refusals mean. */

/** How long until it is looked again where a port is, in milliseconds. */
export const lookMs = 25
/** Beyond the deadline of what is handed over, for its way and back, in milliseconds. */
export const answerMsMax = 2_000

/** Nothing was handed over, and it may be elsewhere by now. */
export const elsewhere: ReadonlySet<ErrorCode> = new Set(['PORT_MOVED', 'NODE_UNKNOWN', 'STOPPED'])
/** Before anything was handed over: the other node refused the call, or it was never sent. */
export const notCalled: ReadonlySet<ErrorCode> = new Set(['CALL_LIMIT', 'CALL_INVALID'])
/** The port is not there, or not any more; a view that lags says so, too. */
export const notThere: ReadonlySet<ErrorCode> = new Set(['NETWORK_UNKNOWN', 'PORT_UNKNOWN', 'PORT_CLOSED'])
