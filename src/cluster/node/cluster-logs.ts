import type { Clock } from '../../base/clock.ts'
import type { CallHandlers } from '../../transport/call-server.ts'
import {
  logLinesDefault,
  logLinesMax,
  type LogLine,
  type LogFilter,
  type LogNews,
  type LogPage,
  type LogQuery,
  type LogReader,
} from '../client/index.ts'
import type { NodeId } from '../protocol/index.ts'
import { cursorText, parseCursor } from './log-cursor.ts'
import { LogFollower } from './log-follower.ts'
import { asFollowRequest, asPart, asReadRequest, logMethods, type ReadRequest } from './log-messages.ts'
import type { LogPart, LogPosition } from './log-ring.ts'
import type { NodeLogs } from './node-logs.ts'
import { askAll, type Peers } from './peers.ts'

export interface ClusterLogsMeans {
  readonly logs: NodeLogs
  readonly peers: Peers
  readonly clock: Clock
}

/** What is gathered of all nodes for one answer, in bytes: each gives its part of that. */
const gatheredBytesMax = 16 * 1024 * 1024
const partBytesMax = 1024 * 1024
/** How long a node may take to answer, in milliseconds. */
const answerMsMax = 2_000

/** For the other nodes. */
export function logHandlers(logs: NodeLogs): CallHandlers {
  return {
    requests: { [logMethods.read]: (body) => readHere(logs, asReadRequest(body)) ?? null },
    streams: { [logMethods.follow]: (body, { signal }) => logs.follow(asFollowRequest(body), signal) },
  }
}

function readHere(logs: NodeLogs, { network, filter, linesMax, bytesMax }: ReadRequest): LogPart | undefined {
  return logs.newest(network, filter, { linesMax, bytesMax: Math.min(bytesMax, partBytesMax) })
}

/** The logs of all nodes, gathered by whichever is asked. */
export class ClusterLogs implements LogReader {
  private readonly means: ClusterLogsMeans

  constructor(means: ClusterLogsMeans) {
    this.means = means
  }

  async read(network: string, query: LogQuery): Promise<LogPage> {
    const { lines, dropped, missing } = await this.gather(network, query)
    return { lines, dropped, missing }
  }

  async *follow(
    network: string,
    { after, ...query }: LogQuery & { readonly after?: string },
    signal: AbortSignal,
  ): AsyncGenerator<LogNews, void, undefined> {
    const cursor = new Map<NodeId, LogPosition>()
    if (after !== undefined) for (const [node, position] of parseCursor(after)) cursor.set(node, position)
    else {
      const { lines, missing, ends } = await this.gather(network, query)
      // What is shown next is behind all of these, so that a reader who comes back misses none: it may get some twice.
      for (const line of lines) yield { type: 'line', line, cursor: '' }
      for (const [node, position] of ends) cursor.set(node, position)
      for (const one of missing) yield { type: 'missing', ...one, cursor: cursorText(cursor) }
    }
    if (signal.aborted) return
    yield* new LogFollower({ ...this.means, network, filter: filterOf(query), cursor }).news(signal)
  }

  private async gather(
    network: string,
    query: LogQuery,
  ): Promise<LogPage & { readonly ends: ReadonlyMap<NodeId, LogPosition> }> {
    const { logs, peers } = this.means
    const linesMax = Math.min(query.limit ?? logLinesDefault, logLinesMax)
    const nodes = peers.nodes()
    const bytesMax = Math.floor(Math.min(partBytesMax, gatheredBytesMax / Math.max(1, nodes.length)))
    const request: ReadRequest = { network, filter: filterOf(query), linesMax, bytesMax }
    const { answers, missing } = await askAll(nodes, async (node) =>
      node === peers.self
        ? readHere(logs, request)
        : asPart(await peers.to(node).request(logMethods.read, request, { timeoutMs: answerMsMax })),
    )
    const lines: LogLine[] = []
    const ends = new Map<NodeId, LogPosition>()
    let dropped = 0
    for (const [node, part] of answers) {
      if (part === undefined) continue
      for (const line of part.lines) lines.push({ node, ...line })
      dropped += part.lost
      ends.set(node, part.position)
    }
    return { lines: inOrder(lines).slice(-linesMax), dropped, missing, ends }
  }
}

/** By time; of one node in its order. */
export function inOrder(lines: readonly LogLine[]): LogLine[] {
  return lines.toSorted((a, b) => a.timeMs - b.timeMs)
}

function filterOf({ component, level, sinceMs }: LogFilter): LogFilter {
  return {
    ...(component !== undefined && { component }),
    ...(level !== undefined && { level }),
    ...(sinceMs !== undefined && { sinceMs }),
  }
}
