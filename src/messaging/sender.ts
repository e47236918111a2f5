import type { Lender } from './tracks.ts'

/** The port, as far as the text of a sender names it: see `OutputPort` and `OutputChannel`. */
export interface SendingPort {
  readonly direct:
    | {
        readonly pending: unknown[]
        readonly count: number
        readonly limit: number
        atLimit(): void
      }
    | undefined
  send(message: unknown): void
  sendTracked(message: unknown, lender: Lender): void
}

/** Whoever sends: says whether a message may go out at once. */
export interface SendGate extends Lender {
  /** `sendDirect` or `sendTracked` while messages go to the port at once. */
  readonly mode: number
  /** Itself, where what is sent belongs to a tree; null where it does not. */
  lender(): Lender | null
  /** Does it now, later, or refuses, as the mode says. */
  perform(action: () => void): void
}

export const sendDirect = 1
/** At once, and it belongs to a tree. */
export const sendTracked = 4

export type Send = (message: unknown) => void

let made = 0

/**
 * Makes the function behind `emit.port(message)`, for one port: the case of one channel, no hooks and no open groups is
 * spelled out in it.
 *
 * As text, like the loop of messages and for the same reason: one `send` shared by all ports of all components would
 * never see the same port and channel twice, and the engine's compiler inlines only what it has seen to be always the
 * same. The number makes each text another one, since equal texts share what was learned about them.
 */
const source = (): string => `
/* ${++made} */
return function senderOf(gate) {
  return function send(message) {
    if (gate.mode === ${sendDirect}) {
      const direct = port.direct
      if (direct !== undefined) {
        const at = direct.count
        direct.pending[at] = message
        direct.count = at + 1
        if (at + 1 >= direct.limit) direct.atLimit()
        return
      }
      port.send(message)
      return
    }
    if (gate.mode === ${sendTracked}) {
      port.sendTracked(message, gate)
      return
    }
    gate.perform(() => sendFor(port, message, gate.lender()))
  }
}`

export function makeSender(port: SendingPort): (gate: SendGate) => Send {
  try {
    // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-call -- see above: nothing of the author's is in the text
    return new Function('port', 'sendFor', source())(port, sendFor) as (gate: SendGate) => Send
  } catch {
    // Code from strings is forbidden (`--disallow-code-generation-from-strings`).
    return (gate) => (message) => {
      if (gate.mode === sendDirect) port.send(message)
      else gate.perform(() => sendFor(port, message, gate.lender()))
    }
  }
}

/** Sends a message of a handler that holds a track, or of one that holds none. */
export function sendFor(
  port: Pick<SendingPort, 'send' | 'sendTracked'>,
  message: unknown,
  lender: Lender | null,
): void {
  if (lender === null) port.send(message)
  else port.sendTracked(message, lender)
}
