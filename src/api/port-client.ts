import { type Clock, pause } from '../base/clock.ts'
import { isVertigoError, VertigoError } from '../base/errors.ts'
import { type Random, randomKey } from '../base/random.ts'
import {
  endUntold,
  type PortClient,
  type PortNews,
  type PortRequest,
  positionOf,
  type ReadPortOptions,
  type SendOptions,
  sendTimeoutMsDefault,
} from '../cluster/client/index.ts'
import { errorFromBody } from './error-body.ts'
import { eventsOf } from './event-reader.ts'
import type { Http, HttpRequest } from './http.ts'

export interface ApiPortsMeans {
  /** The APIs of nodes that are there, the one to be asked first at the beginning. Errors: API_UNREACHABLE for none. */
  readonly nodes: () => Promise<readonly Http[]>
  readonly clock: Clock
  readonly random: Random
}

/** Beyond the time that a node is given, in milliseconds. */
const answerMsMax = 5_000
const retryMs = 250
/** How long all nodes may be away while somebody reads, in milliseconds. */
const awayMsMax = 30_000

/** Exported ports by the HTTP APIs of nodes: where one does not answer, the next one is asked. */
export class ApiPorts implements PortClient {
  private readonly means: ApiPortsMeans

  constructor(means: ApiPortsMeans) {
    this.means = means
  }

  async send(
    network: string,
    port: string,
    messages: readonly unknown[],
    { timeoutMs = sendTimeoutMsDefault, signal }: SendOptions = {},
  ): Promise<void> {
    const path = `${portPath(network, port)}?timeoutMs=${timeoutMs}`
    await this.ask({ method: 'POST', path, body: messages, ...(signal && { signal }) }, timeoutMs)
  }

  async request(network: string, { signal, ...request }: PortRequest): Promise<unknown> {
    const { clock, random } = this.means
    const { id = randomKey(random), timeoutMs = sendTimeoutMsDefault } = request
    const path = `/v1/networks/${encodeURIComponent(network)}/request`
    const endMs = clock.monotonic() + timeoutMs
    let { again = false } = request
    /** What says that nobody knows: a later try that reaches nobody does not make that better. */
    let unknown: VertigoError | undefined
    for (let tries = 0; ; tries++) {
      const leftMs = Math.max(1, Math.ceil(endMs - clock.monotonic()))
      const body = { ...request, id, again, timeoutMs: leftMs }
      try {
        const asked = { method: 'POST', path, body, ...(signal && { signal }) } as const
        return ((await this.ask(asked, leftMs, tries)) as { readonly answer?: unknown }).answer
      } catch (error) {
        // The node is gone; another one finds the request by its id, and hears what became of it.
        const isGone =
          isVertigoError(error) &&
          (error.code === 'SEND_OUTCOME_UNKNOWN' || (again && error.code === 'API_UNREACHABLE'))
        if (!isGone || signal?.aborted === true) throw error
        if (error.code === 'SEND_OUTCOME_UNKNOWN') unknown = error
        if (clock.monotonic() + retryMs >= endMs) throw unknown ?? error
        again = true
      }
      await pause(clock, retryMs, signal ?? new AbortController().signal)
    }
  }

  async *read(
    network: string,
    port: string,
    { signal = new AbortController().signal, after, uncommitted = false }: ReadPortOptions = {},
  ): AsyncGenerator<PortNews, void, undefined> {
    const { clock } = this.means
    const path = `${portPath(network, port)}${uncommitted ? '?uncommitted=true' : ''}`
    let isRead = false
    let at = after
    let awaySinceMs: number | undefined
    for (let tries = 0; !signal.aborted; tries++) {
      try {
        const nodes = await this.nodes()
        const http = nodes[tries % nodes.length]!
        for await (const news of newsOf(http, path, at, signal)) {
          if (news === 'end') return
          at = news.at
          const isTold = isRead && news.type === 'reading' && news.missed === false
          isRead = true
          awaySinceMs = undefined
          if (!isTold) yield news
        }
      } catch (error) {
        if (signal.aborted) return
        if (isRead && isClosed(error)) {
          // Whoever reads what is committed has a position, and is told the end where it is told.
          if (at !== undefined) throw endUntold(network, error)
          return
        }
        if (isVertigoError(error) && !isPassing(error)) throw error
        awaySinceMs ??= clock.monotonic()
        if (tries >= (await this.count()) && (!isRead || clock.monotonic() - awaySinceMs > awayMsMax))
          throw error
      }
      await pause(clock, retryMs, signal)
    }
  }

  private async count(): Promise<number> {
    return (await this.means.nodes().catch(() => [])).length
  }

  /** Another node is asked only where nothing was handed to the one before. */
  private async ask(request: HttpRequest, timeoutMs: number, first = 0): Promise<unknown> {
    const all = await this.nodes()
    const nodes = [...all.slice(first % all.length), ...all.slice(0, first % all.length)]
    for (const [at, http] of nodes.entries())
      try {
        return await http.json({ ...request, timeoutMs: timeoutMs + answerMsMax })
      } catch (error) {
        if (!isVertigoError(error)) throw error
        if (wasNotSent(error)) {
          if (at < nodes.length - 1) continue
          throw error
        }
        if (!outcomeUnknown.has(error.code)) throw error
        const message = `Whether the network has taken the message is not known: ${error.message}`
        throw new VertigoError('SEND_OUTCOME_UNKNOWN', message, { cause: error })
      }
    throw noNodes()
  }

  private async nodes(): Promise<readonly Http[]> {
    const nodes = await this.means.nodes()
    if (nodes.length === 0) throw noNodes()
    return nodes
  }
}

function noNodes(): VertigoError {
  return new VertigoError('API_UNREACHABLE', 'No node of the cluster has an HTTP API.', {
    remedy: 'Start nodes with `--api`, or use the network from a node itself.',
  })
}

const outcomeUnknown: ReadonlySet<string> = new Set(['API_UNREACHABLE', 'API_TIMEOUT', 'API_ANSWER_INVALID'])
/** Of connections that were never made. */
const notConnected: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

function wasNotSent({ code, cause }: VertigoError): boolean {
  return (
    code === 'API_UNREACHABLE' && notConnected.has((cause as { readonly code?: unknown } | undefined)?.code)
  )
}

function isPassing({ code, retryable }: VertigoError): boolean {
  return (retryable && code !== 'PORT_BUSY') || code === 'API_TIMEOUT'
}

function isClosed(error: unknown): boolean {
  return isVertigoError(error) && (error.code === 'PORT_CLOSED' || error.code === 'NETWORK_UNKNOWN')
}

/** `at` of messages is their own: each comes for itself. */
async function* newsOf(
  http: Http,
  path: string,
  after: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<PortNews | 'end', void, undefined> {
  const headers: Record<string, string> = { accept: 'text/event-stream' }
  if (after !== undefined) headers['last-event-id'] = after
  const stream = await http.stream({ method: 'GET', path, headers, signal })
  for await (const { id, type, data } of eventsOf(stream, http)) {
    if (type === 'message') yield { type: 'messages', texts: [data], at: positionIn(id) }
    else if (type === 'reading') {
      const { missed } = JSON.parse(data) as { readonly missed?: boolean }
      yield { type, at: positionIn(id), missed }
    } else if (type === 'end') yield 'end'
    else if (type === 'failed')
      throw errorFromBody(JSON.parse(data)) ?? new VertigoError('API_ANSWER_INVALID', 'The stream failed.')
  }
}

/** Other ids only count. */
function positionIn(id: string): string | undefined {
  return positionOf(id) === undefined ? undefined : id
}

function portPath(network: string, port: string): string {
  return `/v1/networks/${encodeURIComponent(network)}/ports/${encodeURIComponent(port)}`
}
