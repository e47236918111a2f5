import type { Clock } from '../../../base/clock.ts'
import { errorFromData, VertigoError } from '../../../base/errors.ts'
import type { ClientPortCommand, ClientPortReport } from '../../../component/client-port.ts'

/** How much longer than the deadline of a batch its instance may need to say what became of it, in milliseconds. */
const answerMsMax = 1_000

interface Pending {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** The node's end of the line to the instance behind an exported input. */
export class InputLine {
  private readonly tell: (command: ClientPortCommand) => void
  private readonly clock: Clock
  private readonly pending = new Map<number, Pending>()
  private lastId = 0
  private isLost = false

  constructor(tell: (command: ClientPortCommand) => void, clock: Clock) {
    this.tell = tell
    this.clock = clock
  }

  /** `text`: the batch as JSON. Errors: those of `PortClient.send`; PORT_MOVED where the instance is at its end. */
  async send(text: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.isLost) throw moved()
    const id = ++this.lastId
    let cancel = (): void => undefined
    let onAbort = (): void => undefined
    try {
      await new Promise<void>((resolve, reject) => {
        this.pending.set(id, { resolve, reject })
        cancel = this.clock.after(timeoutMs + answerMsMax, () => reject(silent()), { background: true })
        onAbort = () => {
          this.tell({ type: 'cancel', id })
          reject(signal.reason as Error)
        }
        signal.addEventListener('abort', onAbort, { once: true })
        this.tell({ type: 'send', id, text, timeoutMs })
      })
    } finally {
      this.pending.delete(id)
      cancel()
      signal.removeEventListener('abort', onAbort)
    }
  }

  receive(report: ClientPortReport): void {
    if (report.type === 'taken') this.pending.get(report.id)?.resolve()
    else if (report.type === 'refused') this.pending.get(report.id)?.reject(errorFromData(report.error))
  }

  /** The instance is gone, or its thread. */
  lost(): void {
    this.isLost = true
    for (const { reject } of this.pending.values())
      reject(
        new VertigoError('SEND_OUTCOME_UNKNOWN', 'The worker of the exported port ended before it answered.'),
      )
  }
}

export function moved(): VertigoError {
  return new VertigoError('PORT_MOVED', 'The instance behind the exported port is not on this node.')
}

function silent(): VertigoError {
  return new VertigoError('SEND_OUTCOME_UNKNOWN', 'The worker of the exported port does not answer.')
}
