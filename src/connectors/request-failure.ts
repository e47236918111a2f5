import { VertigoError } from '../base/errors.ts'
import { readableText } from '../base/readable.ts'
import type { TrackFailure } from '../component/tracking.ts'

/** Characters of the failed message in an error. */
const shownLengthMax = 1_000

/** What who has asked is told: REQUEST_FAILED, with the component, and the message that it failed at. */
export function requestFailed({ component, instance, port, message, error }: TrackFailure): VertigoError {
  const place = { component: `${component}[${instance}]`, port }
  const text = readableText(message)
  const shown = text.length > shownLengthMax ? `${text.slice(0, shownLengthMax)}…` : text
  const said = `${place.component} failed at port "${port}": ${error.message}; its message: ${shown}`
  return new VertigoError('REQUEST_FAILED', said, { place })
}
