import { type Clock, pause, sleep } from '../../../base/clock.ts'
import { asError, isVertigoError, VertigoError } from '../../../base/errors.ts'
import { type Random, randomKey } from '../../../base/random.ts'
import type { ErrorCode } from '../../../base/error-codes.ts'
import { clientBatchMessagesMax, clientTextLengthMax } from '../../../component/client-port.ts'
import { advanced } from '../../../component/client-position.ts'
import type { CallHandlers } from '../../../transport/call-server.ts'
import {
  endUntold,
  type PortAccess,
  type PortNews,
  type PortRequest,
  type ReadPortOptions,
  type SendOptions,
} from '../../client/index.ts'
import type { ClientPortSide, ClusterView, NodeId } from '../../protocol/index.ts'
import type { Peers } from '../peers.ts'
import { checkedKey, ClusterRequest, placeError } from './cluster-request.ts'
import { Comparisons } from './comparisons.ts'
import { Deadline } from './deadline.ts'
import { answerMsMax, elsewhere, lookMs, notCalled, notThere } from './handing-over.ts'
import type { PortLines } from './port-lines.ts'
import {
  asPortNews,
  asReadCall,
  asRequestCall,
  asSendCall,
  portMethods,
  type ReadCall,
} from './port-messages.ts'
import { placeOfPort } from './port-place.ts'

export interface ClusterPortsMeans {
  readonly lines: PortLines
  readonly peers: Peers
  readonly view: () => ClusterView
  /** Fulfilled when the view shows what the store has of a network by now, or the time is over. Errors: those of the store. */
  readonly catchUp: (network: string, timeoutMs: number) => Promise<void>
  readonly clock: Clock
  /** For what requests are known by. */
  readonly random: Random
}

/** Parts of a stream that may be under way from one node. */
const partsMax = 2

/** What a reader is told; after anything else that breaks a stream it goes on by itself. */
const ofReaders: ReadonlySet<ErrorCode> = new Set([
  'READER_TOO_SLOW',
  'READER_CUT_OFF',
  'CLIENT_MESSAGE_TOO_LARGE',
  'PORT_BUSY',
  'CALL_INVALID',
])

/** For the other nodes. */
export function portHandlers(lines: PortLines): CallHandlers {
  return {
    requests: {
      [portMethods.send]: async (body, { signal }) => {
        const { network, port, text, timeoutMs } = asSendCall(body)
        await lines.find(network, 'input', port).send(text, timeoutMs, signal)
        return null
      },
      [portMethods.request]: async (body, { signal }) => {
        const call = asRequestCall(body)
        return { text: await lines.find(call.network, 'input', call.port).request(call, signal) }
      },
    },
    streams: {
      [portMethods.read]: (body, { signal }) => {
        const { network, port, ...options } = asReadCall(body)
        return lines.find(network, 'output', port).read(signal, options)
      },
    },
  }
}

/**
 * Exported ports of all networks, from any node.
 *
 * - PC-1 A batch is handed to one instance, once: it is tried again only after an answer that says that it was not taken.
 * - PC-2 Whoever reads goes on at the next instance when the one before is gone: where it is told positions, behind what it has got, and
 *   it is told anew that it reads only where something was missed. Who reads what is committed hears whether it has all of it at the end
 *   (CP-7), or that nobody knows.
 * - PC-3 A request goes on at the next instance, too (CR-1, CR-2 of `cluster-request.ts`).
 * - PC-4 Nobody is refused by what was before: a view that does not have the port is compared with the store first
 *   (`comparisons.ts`), for as long as the call has time.
 */
export class ClusterPorts implements PortAccess {
  private readonly means: ClusterPortsMeans
  private readonly comparisons: Comparisons

  constructor(means: ClusterPortsMeans) {
    this.means = means
    this.comparisons = new Comparisons(means)
  }

  /** PC-4. Waits `leftMs` at most. */
  async check(
    network: string,
    side: ClientPortSide,
    port: string,
    signal?: AbortSignal,
    leftMs?: number,
  ): Promise<void> {
    try {
      placeOfPort(this.means.view(), network, side, port)
    } catch (error) {
      if (!isVertigoError(error) || !notThere.has(error.code)) throw error
      await this.comparisons.compare(network, signal, leftMs)
      placeOfPort(this.means.view(), network, side, port)
    }
  }

  async send(
    network: string,
    port: string,
    messages: readonly unknown[],
    options: SendOptions = {},
  ): Promise<void> {
    const deadline = new Deadline(this.means.clock, options)
    const text = batchText(messages)
    await this.check(network, 'input', port, deadline.signal, deadline.leftMs)
    await this.sendBy(network, port, text, deadline)
  }

  async *read(
    network: string,
    port: string,
    { signal = new AbortController().signal, after, uncommitted }: ReadPortOptions = {},
  ): AsyncGenerator<PortNews, void, undefined> {
    let isRead = false
    let at = after
    await this.check(network, 'output', port, signal)
    while (!signal.aborted) {
      let node: NodeId | undefined
      try {
        node = this.nodeOf(network, 'output', port)
      } catch (error) {
        if (!isRead || !isClosed(error)) throw error
        // Of what is committed, the end is told by the instance.
        if (at !== undefined) throw endUntold(network, error)
        return
      }
      try {
        if (node !== undefined)
          for await (const news of this.newsOf(node, { network, port, after: at, uncommitted }, signal)) {
            at = positionBehind(news)
            const isTold = isRead && news.type === 'reading' && news.missed === false
            isRead = true
            if (!isTold) yield news
          }
      } catch (error) {
        if (signal.aborted) return
        // It was read to its end.
        if (isRead && isClosed(error)) return
        if (!isVertigoError(error) || ofReaders.has(error.code)) throw error
      }
      await pause(this.means.clock, lookMs, signal)
    }
  }

  async request(network: string, request: PortRequest): Promise<unknown> {
    const deadline = new Deadline(this.means.clock, request)
    // An array has one message, in brackets.
    const text = batchText([request.message]).slice(1, -1)
    const key = checkedKey(request.id ?? randomKey(this.means.random))
    try {
      await this.check(network, 'input', request.port, deadline.signal, deadline.leftMs)
    } catch (error) {
      throw placeError(error, request.again === true)
    }
    const answer = await new ClusterRequest(this.means, network, request, { key, text }, deadline).answer()
    return answer === undefined ? undefined : (JSON.parse(answer) as unknown)
  }

  /** PC-1 */
  private async sendBy(network: string, port: string, text: string, deadline: Deadline): Promise<void> {
    const { clock } = this.means
    for (;;) {
      deadline.signal.throwIfAborted()
      const waits = await this.trySend(network, port, text, deadline)
      if (waits === undefined) return
      if (deadline.leftMs <= 0)
        throw new VertigoError(
          'SEND_TIMED_OUT',
          `Not taken by the port "${port}" of "${network}" within ${deadline.timeoutMs} ms: ${waits}.`,
        )
      await sleep(clock, Math.min(lookMs, deadline.leftMs), deadline.signal)
    }
  }

  /** Undefined when it was taken; else what it waits for. */
  private async trySend(
    network: string,
    port: string,
    text: string,
    { leftMs, signal }: Deadline,
  ): Promise<string | undefined> {
    const { lines, peers } = this.means
    const place = placeOfPort(this.means.view(), network, 'input', port)
    if ('waits' in place) return place.waits
    const { node } = place
    const timeoutMs = Math.max(0, leftMs)
    try {
      if (node === peers.self) await lines.find(network, 'input', port).send(text, timeoutMs, signal)
      else
        await peers
          .to(node)
          .request(
            portMethods.send,
            { network, port, text, timeoutMs },
            { timeoutMs: timeoutMs + answerMsMax, signal },
          )
      return undefined
    } catch (error) {
      if (signal.aborted) throw error
      if (isVertigoError(error) && elsewhere.has(error.code)) return `it is about to be on the node ${node}`
      throw sendError(error, node)
    }
  }

  private newsOf(node: NodeId, call: ReadCall, signal: AbortSignal): AsyncIterable<PortNews> {
    const { lines, peers } = this.means
    if (node === peers.self) return lines.find(call.network, 'output', call.port).read(signal, call)
    const stream = peers.to(node).stream(portMethods.read, call, { signal, items: partsMax })
    return mapped(stream, asPortNews)
  }

  private nodeOf(network: string, side: ClientPortSide, port: string): NodeId | undefined {
    const place = placeOfPort(this.means.view(), network, side, port)
    return 'node' in place ? place.node : undefined
  }
}

/** Errors: CLIENT_MESSAGE_INVALID, CLIENT_MESSAGE_TOO_LARGE. */
export function batchText(messages: readonly unknown[]): string {
  if (messages.length === 0 || messages.length > clientBatchMessagesMax)
    throw new VertigoError(
      messages.length === 0 ? 'CLIENT_MESSAGE_INVALID' : 'CLIENT_MESSAGE_TOO_LARGE',
      `A batch has 1 to ${clientBatchMessagesMax} messages, not ${messages.length}.`,
    )
  let text: string
  try {
    text = JSON.stringify(messages)
  } catch (error) {
    const message = `The message cannot be written as JSON: ${asError(error).message}.`
    throw new VertigoError('CLIENT_MESSAGE_INVALID', message, { cause: error })
  }
  if (text.length <= clientTextLengthMax) return text
  throw new VertigoError(
    'CLIENT_MESSAGE_TOO_LARGE',
    `The messages have ${text.length} characters of JSON; ${clientTextLengthMax} at most are taken at once.`,
  )
}

function sendError(error: unknown, node: NodeId): Error {
  if (!isVertigoError(error)) return asError(error)
  const { code, message } = error
  if (notCalled.has(code)) return new VertigoError('PORT_BUSY', `The node ${node} takes no more: ${message}.`)
  const isLost = code.startsWith('CALL_') || code.startsWith('LINK_')
  if (!isLost) return error
  return new VertigoError(
    'SEND_OUTCOME_UNKNOWN',
    `The node ${node}, which hosts the exported port, was lost before it answered.`,
    { cause: error },
  )
}

/** Where a reader is that has got this. */
function positionBehind(news: PortNews): string | undefined {
  if (news.at === undefined) return undefined
  return news.type === 'reading' ? news.at : advanced(news.at, news.texts.length - 1)
}

function isClosed(error: unknown): boolean {
  return isVertigoError(error) && (error.code === 'PORT_CLOSED' || error.code === 'NETWORK_UNKNOWN')
}

async function* mapped<T>(items: AsyncIterable<unknown>, map: (item: unknown) => T): AsyncGenerator<T> {
  for await (const item of items) yield map(item)
}
