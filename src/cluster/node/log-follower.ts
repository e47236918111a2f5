import { type Clock, pause } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import type { LogFilter, LogLine, LogNews } from '../client/index.ts'
import type { NodeId } from '../protocol/index.ts'
import { cursorText } from './log-cursor.ts'
import { asPart, logMethods } from './log-messages.ts'
import type { LogPart, LogPosition } from './log-ring.ts'
import type { FollowRequest, NodeLogs } from './node-logs.ts'
import type { Peers } from './peers.ts'

export interface LogFollowerMeans {
  readonly logs: NodeLogs
  readonly peers: Peers
  readonly clock: Clock
  readonly network: string
  readonly filter: LogFilter
  /** Where it begins, node by node; what is not in it is read from its beginning. */
  readonly cursor: ReadonlyMap<NodeId, LogPosition>
}

/** So long what comes is gathered, to be put in order. */
const gatherMs = 50
/** How often it is looked who is there, and how long it takes until a node that was missing is asked again. */
const lookMs = 250
/** Items of a stream that may be under way from one node, and parts that may wait here, of all nodes. */
const itemsMax = 4
const partsMax = 64

interface Arrived {
  readonly node: NodeId
  readonly part: LogPart
}

/**
 * Follows the log of a network on all nodes.
 *
 * - LF-1 Nothing is pulled from a node while `partsMax` parts wait to be read, so a slow reader fills no memory: the rings
 *   of the nodes go on, and say how many lines were lost.
 * - LF-2 Each line comes once. A stream that breaks is begun anew behind the last line that came.
 * - LF-3 That a node is missing is told once, until something comes from it again.
 */
export class LogFollower {
  private readonly means: LogFollowerMeans
  private readonly cursor: Map<NodeId, LogPosition>
  /** What a reader has got. */
  private readonly given: Map<NodeId, LogPosition>
  private readonly pulling = new Map<NodeId, Promise<void>>()
  private readonly missing = new Set<NodeId>()
  private arrived: Arrived[] = []
  /** Parts that are being given to the reader. */
  private taken = 0
  private lost: { readonly node: NodeId; readonly reason: string }[] = []
  private wakeReader: () => void = () => undefined
  private wakePullers = new Set<() => void>()

  constructor(means: LogFollowerMeans) {
    this.means = means
    this.cursor = new Map(means.cursor)
    this.given = new Map(means.cursor)
  }

  async *news(signal: AbortSignal): AsyncGenerator<LogNews, void, undefined> {
    const ending = new AbortController()
    const both = AbortSignal.any([signal, ending.signal])
    const looking = this.look(both)
    const onAbort = (): void => this.wakeReader()
    signal.addEventListener('abort', onAbort)
    try {
      while (!signal.aborted) {
        if (this.arrived.length === 0 && this.lost.length === 0)
          await new Promise<void>((resolve) => {
            this.wakeReader = resolve
            if (signal.aborted) resolve()
          })
        await pause(this.means.clock, gatherMs, signal)
        if (signal.aborted) return
        yield* this.take()
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      ending.abort()
      this.roomForAll()
      await looking
      await Promise.all(this.pulling.values())
    }
  }

  private *take(): Generator<LogNews> {
    const { arrived, lost } = this
    this.arrived = []
    this.lost = []
    // LF-1: they wait until the reader has taken the last line of them.
    this.taken = arrived.length
    const lines: LogLine[] = []
    for (const { node, part } of arrived) {
      for (const line of part.lines) lines.push({ node, ...line })
      if (part.lost > 0) yield { type: 'dropped', node, count: part.lost, cursor: cursorText(this.given) }
    }
    lines.sort((a, b) => a.timeMs - b.timeMs)
    const last = lines.pop()
    // Whoever comes back with the cursor of a line within gets those beside it again, rather than to miss one.
    const before = cursorText(this.given)
    for (const line of lines) yield { type: 'line', line, cursor: before }
    for (const { node, part } of arrived) this.given.set(node, part.position)
    const cursor = cursorText(this.given)
    if (last !== undefined) yield { type: 'line', line: last, cursor }
    for (const one of lost) yield { type: 'missing', ...one, cursor }
    this.taken = 0
    this.roomForAll()
  }

  /** Never rejects. */
  private async look(signal: AbortSignal): Promise<void> {
    const { peers, clock } = this.means
    while (!signal.aborted) {
      for (const node of peers.nodes()) {
        if (this.pulling.has(node)) continue
        const pulled: Promise<void> = this.pull(node, signal).finally(() => this.pulling.delete(node))
        this.pulling.set(node, pulled)
      }
      await pause(clock, lookMs, signal)
    }
  }

  /** Until its stream ends, whatever the reason. Never rejects. */
  private async pull(node: NodeId, signal: AbortSignal): Promise<void> {
    try {
      for await (const part of this.partsOf(node, signal)) {
        this.missing.delete(node)
        this.cursor.set(node, part.position)
        this.arrived.push({ node, part })
        this.wakeReader()
        // LF-1
        while (this.arrived.length + this.taken >= partsMax && !signal.aborted) await this.room()
        if (signal.aborted) return
      }
    } catch (error) {
      // Who has left is not missing.
      if (signal.aborted || !this.means.peers.nodes().includes(node) || this.missing.has(node)) return
      this.missing.add(node)
      this.lost.push({ node, reason: asError(error).message })
      this.wakeReader()
    }
  }

  private async *partsOf(node: NodeId, signal: AbortSignal): AsyncGenerator<LogPart, void, undefined> {
    const { logs, peers, network, filter } = this.means
    const after = this.cursor.get(node)
    const request: FollowRequest = { network, filter, ...(after && { after }) }
    if (node === peers.self) {
      yield* logs.follow(request, signal)
      return
    }
    const stream = peers.to(node).stream(logMethods.follow, request, { signal, items: itemsMax })
    for await (const item of stream) {
      const part = asPart(item)
      if (part !== undefined) yield part
    }
  }

  private room(): Promise<void> {
    return new Promise((resolve) => {
      this.wakePullers.add(resolve)
    })
  }

  private roomForAll(): void {
    const waiting = this.wakePullers
    this.wakePullers = new Set()
    for (const wake of waiting) wake()
  }
}
