import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Dial } from './line.ts'
import { NetLine } from './net-line.ts'
import { checkNode, lineError, tlsOptions, type TlsFiles } from './tls.ts'

export interface DialOptions {
  readonly host: string
  readonly port: number
  readonly tls?: {
    readonly files: TlsFiles
    /** Id of the node that has to answer. */
    readonly node: string
  }
}

/** How to make lines to a listener. */
export function tcpDial({ host, port, tls }: DialOptions): Dial {
  return (handlers) => {
    const socket =
      tls === undefined
        ? connect({ host, port })
        : connectTls({
            host,
            port,
            ...tlsOptions(tls.files),
            checkServerIdentity: (_host, certificate) => checkNode(tls.node, certificate),
          })
    const line = new NetLine(socket, `${host}:${port}`, tls !== undefined)
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => handlers.opened())
    line.handle(handlers, lineError)
    return line
  }
}
