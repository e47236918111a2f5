import type { Clock } from '../../base/clock.ts'
import type { ErrorData } from '../../base/errors.ts'
import type { NodeEvent } from '../../cluster/node/node-event.ts'
import { nodeText } from './node-text.ts'

/** The log of a node: a line for each event, or with `--json` an object a line, with its time and the node's id. */
export class NodeLog {
  private readonly clock: Clock
  private readonly node: string
  private readonly asJson: boolean
  private readonly write: (text: string) => void

  constructor(clock: Clock, node: string, { asJson, write }: NodeLogOutput) {
    this.clock = clock
    this.node = node
    this.asJson = asJson
    this.write = write
  }

  event(event: NodeEvent): void {
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

export interface NodeLogOutput {
  readonly asJson: boolean
  readonly write: (text: string) => void
}

function withoutStack({ stack: _, cause, faults: __, ...rest }: ErrorData): ErrorData {
  return { ...rest, ...(cause !== undefined && { cause: withoutStack(cause) }) }
}
