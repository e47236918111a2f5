import { VertigoError } from '../../base/errors.ts'
import { clientTextLengthMax } from '../../component/client-port.ts'
import { jsonText } from '../json-text.ts'

/** A message as JSON, as readers get it. Errors: CLIENT_MESSAGE_TOO_LARGE, and what writing it throws. */
export function clientText(message: unknown): string {
  const text = jsonText(message)
  if (text.length <= clientTextLengthMax) return text
  throw new VertigoError(
    'CLIENT_MESSAGE_TOO_LARGE',
    `A message has ${text.length} characters as JSON; readers get ${clientTextLengthMax} at most.`,
  )
}
