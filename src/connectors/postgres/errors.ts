import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import type { ErrorCode } from '../../base/error-codes.ts'

/** What PostgreSQL says of an error; `code` is an SQLSTATE, or that of the operating system. */
interface ServerFault extends Error {
  readonly code?: string
  readonly detail?: string
  readonly column?: string
  readonly constraint?: string
}

/** What was being done, for the error that says so. */
export interface Use {
  readonly component: string
  /** Such as `the table "counts"`. */
  readonly what: string
}

/** The server is there, and cannot at the moment: it starts, stops, is full, or cancels; or two transactions met. */
const passing: readonly RegExp[] = [
  /^08/, // connections
  /^40(001|P01)$/, // serialization, deadlock
  /^53/, // resources
  /^55P03$/, // a lock that was waited for
  /^57/, // shut down, cancelled, timed out
  /^25(006|P03)$/, // read only: another server is the primary one now; a transaction that was idle too long
]
const connectionCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
])
/** Texts of the client, which gives these errors no code. */
const connectionTexts =
  /connection terminated|timeout expired|timeout exceeded|read timeout|not queryable|connection error|client was closed/i

/** An error of the client or the server, as what it means here. */
export function postgresError(thrown: unknown, { component, what }: Use): VertigoError {
  const cause: ServerFault = asError(thrown)
  if (isVertigoError(cause)) return cause
  const state = cause.code ?? ''
  const says = cause.detail === undefined ? cause.message : `${cause.message} (${cause.detail})`
  const fault = (code: ErrorCode, text: string): VertigoError =>
    new VertigoError(code, `${component}: ${text}: ${says}.`, { cause, place: { component } })
  if (connectionCodes.has(state) || passing.some((form) => form.test(state)))
    return fault('SERVER_UNREACHABLE', 'PostgreSQL does not answer as it should')
  if (state === '' && connectionTexts.test(cause.message))
    return fault('SERVER_UNREACHABLE', 'the connection to PostgreSQL is lost')
  if (state.startsWith('28') || state === '42501')
    return fault('SERVER_REFUSED', `PostgreSQL refuses ${what}`)
  if (state === '3D000') return fault('TARGET_UNFIT', 'there is no such database')
  if (/^22|^23/.test(state)) return fault('SINK_REFUSED', `PostgreSQL refuses what is written to ${what}`)
  if (/^42|^0A/.test(state)) return fault('TARGET_UNFIT', `${what} is not what it has to be`)
  return fault('SERVER_REFUSED', `PostgreSQL refuses ${what}`)
}
