import { connect } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { tcpDial } from '../../transport/tcp/dial.ts'
import { defaultLineLimits } from '../../transport/tcp/limits.ts'
import type { AcceptLine, Dial } from '../../transport/tcp/line.ts'
import { type Listener, listenTcp } from '../../transport/tcp/listen.ts'
import { deferWithinTurn } from '../../transport/tcp/net-line.ts'
import type { TlsFiles } from '../../transport/tcp/tls.ts'
import type { NodeRecord } from '../protocol/index.ts'

/** What control connections stand on: sockets, or the lines of a simulation. */
export interface ControlLines {
  /** `failed`: of who came to nothing before there was a line. */
  listen(accept: AcceptLine, failed: (remote: string, error: Error) => void): Promise<Listener>
  dial(node: NodeRecord): Dial
  /** Whether somebody listens at a node's address. `refused`: its machine answered that nobody does. */
  probe(node: Pick<NodeRecord, 'control'>): Promise<'answers' | 'refused' | 'unknown'>
  /** See `LinkMeans`. */
  readonly defer?: (action: () => void) => void
}

export interface SocketOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly tls: TlsFiles | undefined
  readonly clock: Clock
}

/** How long a probe waits for an answer, in milliseconds. */
export const probeMsMax = 500

export function controlSockets({ listen, tls, clock }: SocketOptions): ControlLines {
  return {
    listen: (accept, onFailed) =>
      listenTcp({ ...listen, handshakeMs: defaultLineLimits.helloMs, ...(tls && { tls }), onFailed }, accept),
    dial: ({ id, control }) => tcpDial({ ...control, ...(tls && { tls: { files: tls, node: id } }) }),
    probe: ({ control }) =>
      new Promise((resolve) => {
        const socket = connect(control)
        const done = (verdict: 'answers' | 'refused' | 'unknown'): void => {
          cancel()
          socket.destroy()
          resolve(verdict)
        }
        const cancel = clock.after(probeMsMax, () => done('unknown'), { background: true })
        socket.once('connect', () => done('answers'))
        socket.once('error', (error: NodeJS.ErrnoException) =>
          done(error.code === 'ECONNREFUSED' ? 'refused' : 'unknown'),
        )
      }),
    defer: deferWithinTurn,
  }
}
