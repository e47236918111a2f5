import { readableText } from '../../base/readable.ts'
import type { LogRecord } from '../../component/context.ts'
import { plainJson } from '../../run/plain-json.ts'
import type { RejectedMessage } from '../../worker/host.ts'
import type { LogFilter } from '../client/index.ts'
import {
  type LogPart,
  type LogPosition,
  LogRing,
  type OwnLine,
  type PartLimits,
  type RingLimits,
  ringLimits,
} from './log-ring.ts'

/** Networks whose logs are held; of more, those that were silent for the longest are let go. */
export const ringsMax = 256
/** What is kept of one text, and of the details of one line. */
export const logTextLengthMax = 8_000
/** One item of a stream. */
const itemLimits: PartLimits = { linesMax: 128, bytesMax: 128 * 1024 }

export interface LogsOptions {
  /** No two processes have the same. */
  readonly epoch: string
  readonly limits?: RingLimits
}

export interface FollowRequest {
  readonly network: string
  readonly filter: LogFilter
  readonly after?: LogPosition
}

/**
 * What the instances on this node log, network by network, for whoever asks.
 *
 * - NG-1 Taking a line in never waits for anybody: readers who are too slow miss lines, and are told how many.
 * - NG-2 It outlives the lives of the node (`NO-1`): why one ended is what people look for.
 */
export class NodeLogs {
  private readonly options: LogsOptions
  /** In the order in which they were made. */
  private readonly rings = new Map<string, { readonly ring: LogRing; written: number }>()
  private readonly waiting = new Map<string, Set<() => void>>()
  private made = 0
  private written = 0

  constructor(options: LogsOptions) {
    this.options = options
  }

  logged(network: string, { level, message, details, component, instance, timeMs }: LogRecord): void {
    const kept = details === undefined ? undefined : plainDetails(details)
    const text = shortened(message)
    this.add(
      network,
      { timeMs, level, message: text, component, instance, ...(kept && { details: kept.value }) },
      text.length + (kept?.bytes ?? 0),
    )
  }

  rejected(network: string, record: RejectedMessage): void {
    const { component, instance, port, error, timeMs } = record
    const { value, bytes } = plainDetails(record.message)
    const message = shortened(`A message at ${port} was rejected: ${error.message}`)
    const rejected = { port, message: value, ...(error.code !== undefined && { code: error.code }) }
    this.add(
      network,
      { timeMs, level: 'warn', message, component, instance, rejected },
      message.length + bytes,
    )
  }

  /** What the node says of its part of a network. */
  told(network: string, line: Pick<OwnLine, 'timeMs' | 'level' | 'message'>): void {
    const message = shortened(line.message)
    this.add(network, { ...line, message }, message.length)
  }

  /** Undefined: nothing was logged. */
  newest(network: string, filter: LogFilter, limits: PartLimits): LogPart | undefined {
    return this.rings.get(network)?.ring.newest(filter, limits)
  }

  /** Parts that hold something, until the signal is aborted. */
  async *follow(
    { network, filter, after }: FollowRequest,
    signal: AbortSignal,
  ): AsyncGenerator<LogPart, void, undefined> {
    let position = after
    while (!signal.aborted) {
      const part = this.rings.get(network)?.ring.after(position, filter, itemLimits)
      if (part !== undefined) position = part.position
      if (part !== undefined && (part.lines.length > 0 || part.lost > 0)) yield part
      else await this.news(network, signal)
    }
  }

  private add(network: string, line: OwnLine, textLength: number): void {
    const known = this.rings.get(network) ?? this.make(network)
    known.written = ++this.written
    known.ring.add(line, textLength + lineBytes)
    const waiting = this.waiting.get(network)
    if (waiting === undefined) return
    this.waiting.delete(network)
    for (const wake of waiting) wake()
  }

  private make(network: string): { readonly ring: LogRing; written: number } {
    if (this.rings.size >= ringsMax) {
      const all = [...this.rings]
      const [oldest] = all.reduce((a, b) => (b[1].written < a[1].written ? b : a))
      this.rings.delete(oldest)
    }
    const { epoch, limits = ringLimits } = this.options
    const made = { ring: new LogRing(`${epoch}-${++this.made}`, limits), written: 0 }
    this.rings.set(network, made)
    return made
  }

  private news(network: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.waiting.get(network) ?? new Set()
      this.waiting.set(network, waiting)
      const done = (): void => {
        signal.removeEventListener('abort', done)
        waiting.delete(done)
        if (waiting.size === 0 && this.waiting.get(network) === waiting) this.waiting.delete(network)
        resolve()
      }
      waiting.add(done)
      signal.addEventListener('abort', done)
      if (signal.aborted) done()
    })
  }
}

/** Of what stands around the text of a line. */
const lineBytes = 160

function shortened(text: string): string {
  return text.length <= logTextLengthMax ? text : `${text.slice(0, logTextLengthMax)} ...`
}

/** Nobody knows what an author gives: what JSON cannot hold, or what is large, is kept as the beginning of its text. */
function plainDetails(value: unknown): { readonly value: unknown; readonly bytes: number } {
  let text: string
  try {
    text = plainJson(value) ?? 'null'
  } catch {
    text = JSON.stringify(shortened(readableText(value)))
  }
  if (text.length > logTextLengthMax) text = JSON.stringify(shortened(text))
  return { value: JSON.parse(text) as unknown, bytes: text.length }
}
