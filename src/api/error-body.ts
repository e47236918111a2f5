import { type ErrorCode, errorCodes } from '../base/error-codes.ts'
import { asError, type ErrorPlace, isVertigoError, VertigoError } from '../base/errors.ts'

/** An error as the API answers it. It has no stack: that is for the log of the node. */
export interface ErrorBody {
  readonly code: string
  readonly message: string
  readonly remedy: string
  readonly place: ErrorPlace
  readonly faults: readonly ErrorBody[]
}

export function errorBody(error: VertigoError): ErrorBody {
  const { code, message, remedy, place, faults } = error
  return { code, message, remedy, place, faults: faults.map(errorBody) }
}

/** Statuses that do not follow from what the table of codes says. */
const statuses: Partial<Record<ErrorCode, number>> = {
  NETWORK_UNKNOWN: 404,
  VERSION_UNKNOWN: 404,
  NODE_UNKNOWN: 404,
  COMPONENT_UNKNOWN: 404,
  API_ROUTE_UNKNOWN: 404,
  API_METHOD_UNKNOWN: 405,
  API_REQUEST_INVALID: 400,
  API_REQUEST_TOO_LARGE: 413,
  API_TOKEN_MISSING: 401,
  API_ROLE_MISSING: 403,
  API_HOST_REFUSED: 403,
  CLUSTER_CHANGE_CONFLICT: 409,
  NAME_TAKEN: 409,
  CHANGE_CONFLICT: 409,
  NETWORK_RUNS: 409,
  PORT_UNKNOWN: 404,
  PORT_CLOSED: 409,
  READER_CUT_OFF: 409,
  MESSAGE_INVALID: 422,
  CLIENT_MESSAGE_INVALID: 422,
  CLIENT_MESSAGE_TOO_LARGE: 413,
  SEND_OUTCOME_UNKNOWN: 504,
  REQUEST_TIMED_OUT: 504,
  REQUEST_FAILED: 422,
  REQUEST_LOST: 504,
  REQUEST_ANSWER_LOST: 504,
  REQUEST_ANSWER_UNFIT: 422,
  STORE_VALUE_TOO_LARGE: 413,
  STORE_OUTCOME_UNKNOWN: 504,
  STORE_FULL: 507,
  // It was sent so. One that is damaged in the store is the same to whoever asks: it has to be sent again.
  BUNDLE_DAMAGED: 422,
  USAGE: 422,
  NETWORK_NOT_RUNNING: 409,
  SNAPSHOT_UNKNOWN: 404,
  SNAPSHOT_NONE: 409,
  SNAPSHOT_NAME_TAKEN: 409,
  STATE_KEY_UNKNOWN: 404,
  STATE_NOT_KEYED: 409,
  SNAPSHOT_REPEATS: 409,
  SNAPSHOT_UNFIT: 422,
  SNAPSHOT_FOREIGN: 422,
  SNAPSHOT_FILE_EXISTS: 409,
  // As with bundles: it was sent so, most often.
  SNAPSHOT_FILE_DAMAGED: 422,
  SNAPSHOT_FILE_MISSING: 404,
  SNAPSHOT_FORMAT_NEWER: 422,
  SNAPSHOT_EXPORT_INVALID: 422,
  SNAPSHOT_STORAGE_UNSET: 422,
  SNAPSHOT_STORAGE_LOCAL: 422,
  SNAPSHOT_STORAGE_TAKEN: 409,
  SNAPSHOT_STORAGE_URL_INVALID: 422,
  SNAPSHOT_STORAGE_FULL: 507,
}

export function statusOf(code: ErrorCode): number {
  const status = statuses[code]
  if (status !== undefined) return status
  const { exit, retryable = false } = errorCodes[code]
  if (retryable) return 503
  return exit === 3 ? 422 : 500
}

/** What a handler threw, as the API tells it. */
export function asApiError(thrown: unknown): VertigoError {
  if (isVertigoError(thrown)) return thrown
  const { code, statusCode, message } = thrown as {
    readonly code?: unknown
    readonly statusCode?: unknown
    readonly message?: unknown
  }
  if (typeof code === 'string' && code.startsWith('FST_') && typeof statusCode === 'number')
    return requestError(statusCode, String(message))
  // Of the parser of JSON, and of schemas.
  if (statusCode === 400) return requestError(400, String(message))
  return new VertigoError('INTERNAL', 'The node failed at the request; its log says more.', {
    cause: asError(thrown),
  })
}

function requestError(status: number, message: string): VertigoError {
  if (status === 413)
    return new VertigoError('API_REQUEST_TOO_LARGE', 'The body of the request is larger than is taken.')
  if (status === 415)
    return new VertigoError(
      'API_REQUEST_INVALID',
      'The body of the request is of a type that is not taken.',
      {
        remedy: 'Send JSON, with `content-type: application/json`.',
      },
    )
  if (status >= 500) return new VertigoError('INTERNAL', 'The node failed at the request.')
  return new VertigoError(
    'API_REQUEST_INVALID',
    `The request cannot be understood: ${message.slice(0, 500)}.`,
  )
}

/** The error that a node answered with, as the caller's own. Undefined for what is none. */
export function errorFromBody(body: unknown): VertigoError | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const { code, message, remedy, place, faults } = body as Partial<ErrorBody>
  if (typeof code !== 'string' || typeof message !== 'string') return undefined
  const known = Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : undefined
  const inner = Array.isArray(faults) ? faults.map(errorFromBody) : []
  return new VertigoError(
    known ?? 'API_ANSWER_INVALID',
    known === undefined ? `${code}: ${message}` : message,
    {
      ...(typeof remedy === 'string' && { remedy }),
      ...(typeof place === 'object' && place !== null && { place }),
      faults: inner.filter((fault) => fault !== undefined),
    },
  )
}
