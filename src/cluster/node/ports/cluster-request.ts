import { type Clock, sleep } from '../../../base/clock.ts'
import { isVertigoError, VertigoError } from '../../../base/errors.ts'
import { requestKeyLengthMax } from '../../../component/client-port.ts'
import type { PortRequest } from '../../client/index.ts'
import type { ClusterView, NodeId } from '../../protocol/index.ts'
import type { Peers } from '../peers.ts'
import type { Deadline } from './deadline.ts'
import { answerMsMax, elsewhere, lookMs, notCalled, notThere } from './handing-over.ts'
import type { PortLines } from './port-lines.ts'
import { asRequestAnswer, portMethods, type RequestCall } from './port-messages.ts'
import { placeOfPort, type PortPlace } from './port-place.ts'

export interface ClusterRequestMeans {
  readonly lines: PortLines
  readonly peers: Peers
  readonly view: () => ClusterView
  readonly clock: Clock
}

/**
 * One request, over whatever becomes of the instance behind the exported input.
 *
 * - CR-1 It is asked again, with the same key, where who was asked is gone: the instance knows it by that, or, where it keeps nothing
 *   past its end, says that it does not.
 * - CR-2 Once it may have been handed over, no error says that nothing was taken: that would be true of the last try only.
 */
export class ClusterRequest {
  private readonly means: ClusterRequestMeans
  private readonly network: string
  private readonly port: string
  private readonly call: Omit<RequestCall, 'timeoutMs' | 'again'>
  private readonly deadline: Deadline
  /** It may have been handed over. */
  private again: boolean

  constructor(
    means: ClusterRequestMeans,
    network: string,
    { port, again = false, uncommitted = false }: PortRequest,
    { key, text }: { readonly key: string; readonly text: string },
    deadline: Deadline,
  ) {
    this.means = means
    this.network = network
    this.port = port
    this.call = { network, port, key, text, uncommitted }
    this.deadline = deadline
    this.again = again
  }

  /** The answer as JSON; undefined where nobody answered. */
  async answer(): Promise<string | undefined> {
    const { clock } = this.means
    const { deadline } = this
    for (;;) {
      deadline.signal.throwIfAborted()
      const tried = await this.tryOnce()
      if ('text' in tried) return tried.text
      if (deadline.leftMs <= 0) throw this.late(tried.waits)
      await sleep(clock, Math.min(lookMs, deadline.leftMs), deadline.signal)
    }
  }

  private async tryOnce(): Promise<{ readonly text: string | undefined } | { readonly waits: string }> {
    const place = this.place()
    if ('waits' in place) return place
    try {
      return { text: await this.ask(place.node) }
    } catch (error) {
      if (this.deadline.signal.aborted || !isVertigoError(error)) throw error
      const { code, message } = error
      // CR-2
      if (this.again && (code === 'PORT_BUSY' || notCalled.has(code)))
        return { waits: `the exported port on the node ${place.node} takes no more` }
      if (this.again && code === 'SEND_TIMED_OUT') throw this.late(message)
      if (notCalled.has(code))
        throw new VertigoError('PORT_BUSY', `The node ${place.node} takes no more: ${message}.`)
      const isLost = code === 'SEND_OUTCOME_UNKNOWN' || code.startsWith('CALL_') || code.startsWith('LINK_')
      if (!isLost && !elsewhere.has(code)) throw error
      this.again ||= isLost
      return { waits: `the exported port is about to be elsewhere than on the node ${place.node}` }
    }
  }

  private place(): PortPlace {
    try {
      return placeOfPort(this.means.view(), this.network, 'input', this.port)
    } catch (error) {
      throw placeError(error, this.again)
    }
  }

  private async ask(node: NodeId): Promise<string | undefined> {
    const { lines, peers } = this.means
    const { again, deadline } = this
    const call: RequestCall = { ...this.call, again, timeoutMs: Math.max(0, deadline.leftMs) }
    if (node === peers.self)
      return lines.find(this.network, 'input', this.port).request(call, deadline.signal)
    const options = { timeoutMs: call.timeoutMs + answerMsMax, signal: deadline.signal }
    return asRequestAnswer(await peers.to(node).request(portMethods.request, call, options)).text
  }

  private late(waits: string): VertigoError {
    const { timeoutMs } = this.deadline
    return this.again
      ? new VertigoError(
          'REQUEST_TIMED_OUT',
          `No answer of the port "${this.port}" of "${this.network}" within ${timeoutMs} ms: ${waits}.`,
        )
      : new VertigoError(
          'SEND_TIMED_OUT',
          `Not taken by the port "${this.port}" of "${this.network}" within ${timeoutMs} ms: ${waits}.`,
        )
  }
}

/** CR-2, of a port that is not found. */
export function placeError(error: unknown, again: boolean): unknown {
  if (!again || !isVertigoError(error) || !notThere.has(error.code)) return error
  const message = 'The exported port was closed before it was known what has become of the request.'
  return new VertigoError('SEND_OUTCOME_UNKNOWN', message, { cause: error })
}

/** What a request is known by. Errors: CLIENT_MESSAGE_INVALID. */
export function checkedKey(id: string): string {
  if (id.length < 1 || id.length > requestKeyLengthMax)
    throw new VertigoError(
      'CLIENT_MESSAGE_INVALID',
      `The id of a request has 1 to ${requestKeyLengthMax} characters, not ${id.length}.`,
    )
  // Half of a pair would be another character at the other end of a thread, and the request one that nobody knows.
  if (id.isWellFormed()) return id
  throw new VertigoError(
    'CLIENT_MESSAGE_INVALID',
    'The id of a request has half of a surrogate pair, which is no character.',
  )
}
