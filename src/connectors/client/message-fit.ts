import { VertigoError } from '../../base/errors.ts'
import { clientDepthMax } from '../../component/client-port.ts'
import { mayHoldHalves, misfitOf } from '../json-fit.ts'

/** `text`: the JSON that they are of. Errors: CLIENT_MESSAGE_INVALID, where a message of a network cannot hold one of them. */
export function checkFit(messages: readonly unknown[], text: string): void {
  const options = { depthMax: clientDepthMax, mayHoldHalves: mayHoldHalves(text) }
  for (const [at, message] of messages.entries()) {
    const problem = misfitOf(message, options)
    if (problem === undefined) continue
    const which = messages.length === 1 ? 'The message' : `Message ${at + 1} of ${messages.length}`
    throw new VertigoError('CLIENT_MESSAGE_INVALID', `${which} ${problem}.`)
  }
}
