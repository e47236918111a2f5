import type { Cancel, Clock } from '../../../base/clock.ts'
import { errorFromData, VertigoError } from '../../../base/errors.ts'
import type { ClientPortCommand, ClientPortReport } from '../../../component/client-port.ts'

/** How much longer than the deadline of a batch its instance may need to say what became of it, in milliseconds. */
const answerMsMax = 1_000

interface Pending {
  /** It waits for an answer, not for `taken`. */
  readonly isRequest: boolean
  isTaken: boolean
  isLate: boolean
  readonly resolve: (text: string | undefined) => void
  readonly reject: (error: Error) => void
}

export interface RequestLineCall {
  readonly key: string
  /** As JSON. */
  readonly text: string
  readonly timeoutMs: number
  readonly again: boolean
  readonly uncommitted: boolean
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
    await this.ask({ type: 'send', id: ++this.lastId, text, timeoutMs }, signal)
  }

  /**
   * The answer as JSON; undefined where nobody answered. Errors: those of `PortClient.request`; PORT_MOVED where the instance is at its
   * end and has not taken it, SEND_OUTCOME_UNKNOWN where it may have.
   */
  request(call: RequestLineCall, signal: AbortSignal): Promise<string | undefined> {
    const { key, text, timeoutMs, again, uncommitted } = call
    const id = ++this.lastId
    return this.ask({ type: 'request', id, key, text, timeoutMs, again, uncommitted }, signal)
  }

  private async ask(
    command: Extract<ClientPortCommand, { readonly type: 'send' | 'request' }>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    signal.throwIfAborted()
    if (this.isLost) throw moved()
    const { id, timeoutMs } = command
    const cancels: Cancel[] = []
    let onAbort = (): void => undefined
    try {
      return await new Promise<string | undefined>((resolve, reject) => {
        const pending: Pending = {
          isRequest: command.type === 'request',
          isTaken: false,
          isLate: false,
          resolve,
          reject,
        }
        this.pending.set(id, pending)
        const after = (ms: number, action: () => void): void =>
          void cancels.push(this.clock.after(ms, action, { background: true }))
        after(timeoutMs + answerMsMax, () => reject(silent()))
        if (pending.isRequest) after(timeoutMs, () => this.late(id, pending))
        onAbort = () => {
          this.tell({ type: 'cancel', id })
          reject(signal.reason as Error)
        }
        signal.addEventListener('abort', onAbort, { once: true })
        this.tell(command)
      })
    } finally {
      this.pending.delete(id)
      for (const cancel of cancels) cancel()
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** The time of a request is over. Whether it was taken, the instance is about to say, where it has not said it. */
  private late(id: number, pending: Pending): void {
    pending.isLate = true
    if (!pending.isTaken) return
    this.tell({ type: 'cancel', id })
    pending.reject(new VertigoError('REQUEST_TIMED_OUT', 'No answer to the request came in its time.'))
  }

  receive(report: ClientPortReport): void {
    if (report.type === 'taken') {
      const pending = this.pending.get(report.id)
      if (pending === undefined) return
      pending.isTaken = true
      if (!pending.isRequest) pending.resolve(undefined)
      else if (pending.isLate) this.late(report.id, pending)
    } else if (report.type === 'answer') this.pending.get(report.id)?.resolve(report.text)
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
