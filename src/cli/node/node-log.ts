import type { Clock } from '../../base/clock.ts'
import type { ErrorData } from '../../base/errors.ts'
import { type LogLevel, logLevels } from '../../cluster/client/instance-log.ts'
import type { NodeEvent } from '../../cluster/node/node-event.ts'
import { nodeText } from './node-text.ts'

/** The log of a node: a line for each event, or with `--json` an object a line, with its time and the node's id. */
export class NodeLog {
  private readonly clock: Clock
  private readonly node: string
  private readonly asJson: boolean
  private readonly level: LogLevel
  private readonly write: (text: string) => void

  constructor(clock: Clock, node: string, { asJson, level = 'trace', write }: NodeLogOutput) {
    this.clock = clock
    this.node = node
    this.asJson = asJson
    this.level = level
    this.write = write
  }

  event(event: NodeEvent): void {
    if (logLevels.indexOf(levelOf(event)) > logLevels.indexOf(this.level)) return
    const time = new Date(this.clock.now()).toISOString()
    if (!this.asJson) {
      this.write(`${time} ${nodeText(event)}\n`)
      return
    }
    const { type, ...rest } = event
    const error = 'error' in event && { error: withoutStack(event.error) }
    this.write(`${JSON.stringify({ time, node: this.node, type, ...rest, ...error })}\n`)
  }
}

/** The line in place of lines for which the reader of the log had no room. */
export function lostText(clock: Clock, node: string, count: number, asJson: boolean): string {
  const time = new Date(clock.now()).toISOString()
  if (asJson) return `${JSON.stringify({ time, node, type: 'left-out', lines: count })}\n`
  return `${time} left out ${count} ${count === 1 ? 'line' : 'lines'}: the reader of this output did not take them\n`
}

export interface NodeLogOutput {
  readonly asJson: boolean
  /** What is below it is not written. Default: everything is. */
  readonly level?: LogLevel
  readonly write: (text: string) => void
}

/** Of components it is theirs. That a node has joined, or leaves, is always said. */
function levelOf(event: NodeEvent): LogLevel {
  switch (event.type) {
    case 'log':
      return event.record.level
    case 'joined':
    case 'draining':
    case 'drained':
    case 'gave-up':
      return 'fatal'
    case 'failed':
      return 'error'
    case 'fenced':
    case 'rejected':
    case 'troubled':
    case 'declared-dead':
    case 'api-elsewhere':
      return 'warn'
    case 'elected':
    case 'deposed':
    case 'decided':
      return 'info'
  }
}

function withoutStack({ stack: _, cause, faults: __, ...rest }: ErrorData): ErrorData {
  return { ...rest, ...(cause !== undefined && { cause: withoutStack(cause) }) }
}
