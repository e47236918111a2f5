import { asError, isVertigoError, VertigoError } from '../base/errors.ts'

/** The error, with the instance that it belongs to. */
export function namedError(place: string, what: string, error: unknown): VertigoError {
  if (isVertigoError(error) && error.place.component !== undefined) return error
  const text = asError(error).message
  return new VertigoError(
    isVertigoError(error) ? error.code : 'COMPONENT_FAILED',
    `${place} ${what}: ${text}`,
    {
      cause: isVertigoError(error) ? error.cause : error,
      place: { ...(isVertigoError(error) ? error.place : {}), component: place },
      remedy: isVertigoError(error) ? error.remedy : undefined,
    },
  )
}
