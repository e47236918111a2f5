import type { Track } from './tracks.ts'

/** The port, as far as the text of a sender names it: see `OutputPort` and `OutputChannel`. */
export interface SendingPort {
  readonly direct:
    | { readonly pending: unknown[]; readonly count: number; readonly limit: number; atLimit(): void }
    | undefined
  send(message: unknown): void
  sendTracked(message: unknown, track: Track): void
}

/** Whoever sends: says whether a message may go out at once. */
export interface SendGate {
  /** `sendDirect` or `sendTracked` while messages go to the port at once. */
  readonly mode: number
  /** Of the tree that what is sent belongs to; null for none. */
  readonly track: Track | null
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
      const direct = port.direct
      if (direct !== undefined) {
        direct.noteTrack(gate.track)
        const at = direct.count
        direct.pending[at] = message
        direct.count = at + 1
        if (at + 1 >= direct.limit) direct.atLimit()
        return
      }
      port.sendTracked(message, gate.track)
      return
    }
    gate.perform(() => gate.track === null ? port.send(message) : port.sendTracked(message, gate.track))
  }
}`

export function makeSender(port: SendingPort): (gate: SendGate) => Send {
  try {
    // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-call -- see above: nothing of the author's is in the text
    return new Function('port', source())(port) as (gate: SendGate) => Send
  } catch {
    // Code from strings is forbidden (`--disallow-code-generation-from-strings`).
    return (gate) => (message) => {
      if (gate.mode === sendDirect) port.send(message)
      else gate.perform(() => sendFor(port, message, gate.track))
    }
  }
}

/** Sends a message of a handler that holds `track`, or of one that holds none. */
export function sendFor(
  port: Pick<SendingPort, 'send' | 'sendTracked'>,
  message: unknown,
  track: Track | null,
): void {
  if (track === null) port.send(message)
  else port.sendTracked(message, track)
}
