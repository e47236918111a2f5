import { VertigoError } from '../../base/errors.ts'
import { clientDepthMax } from '../../component/client-port.ts'

/**
 * JSON holds more than a message of a network does. What could not leave its thread is refused to whoever sends it: on its way, it would end
 * the instance, and with that what others have sent. Errors: CLIENT_MESSAGE_INVALID.
 */
export function checkFit(messages: readonly unknown[]): void {
  for (const [at, message] of messages.entries()) {
    const problem = problemOf(message, 0)
    if (problem === undefined) continue
    const which = messages.length === 1 ? 'The message' : `Message ${at + 1} of ${messages.length}`
    throw new VertigoError('CLIENT_MESSAGE_INVALID', `${which} ${problem}.`)
  }
}

function problemOf(value: unknown, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (depth >= clientDepthMax) return `is nested deeper than ${clientDepthMax} levels`
  if (Object.hasOwn(value, '__proto__')) return 'has a field named "__proto__"'
  for (const item of Array.isArray(value) ? (value as unknown[]) : Object.values(value)) {
    const problem = problemOf(item, depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}
