import { asError, isVertigoError, VertigoError } from '../../../base/errors.ts'
import { exists, missing } from '../storage-errors.ts'

interface ServiceFault extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number }
  readonly $fault?: 'client' | 'server'
}

/** Codes of connections that were not made, or broke. */
const connectionCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
])
const connectionNames: ReadonlySet<string> = new Set(['TimeoutError', 'NetworkingError'])

/** An error of the SDK, as what it means to who keeps snapshots. `name`: of the object, where there is one. */
export function s3Error(about: string, name: string | undefined, thrown: unknown): Error {
  const cause: ServiceFault = asError(thrown)
  if (isVertigoError(cause)) return cause
  const status = cause.$metadata?.httpStatusCode
  const what = (code: 'REFUSED' | 'NOT_FOUND' | 'UNREACHABLE' | 'FULL', says: string): VertigoError =>
    new VertigoError(`SNAPSHOT_STORAGE_${code}`, `${about} ${says}: ${cause.name}, ${cause.message}.`, {
      cause,
    })
  if (cause.name === 'NoSuchBucket') return what('NOT_FOUND', 'does not exist')
  if (name !== undefined && (cause.name === 'NoSuchKey' || status === 404)) return missing(about, name, cause)
  if (status === 404) return what('NOT_FOUND', 'does not exist')
  if (name !== undefined && (status === 412 || status === 409)) return exists(about, name, cause)
  if (status === 401 || status === 403 || cause.name === 'CredentialsProviderError')
    return what('REFUSED', 'refuses who asks')
  if (status === 507 || cause.name === 'QuotaExceeded' || cause.name === 'XMinioStorageFull')
    return what('FULL', 'has no room')
  const isConnection =
    connectionNames.has(cause.name) || connectionCodes.has(String((cause as NodeJS.ErrnoException).code))
  if (isConnection || status === 429 || (status !== undefined && status >= 500))
    return what('UNREACHABLE', 'does not answer')
  return cause
}
