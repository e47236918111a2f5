import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { AcceptLine } from './line.ts'
import { NetLine } from './net-line.ts'
import { tlsOptions, type TlsFiles } from './tls.ts'

export interface ListenOptions {
  /** Default: loopback. */
  readonly host?: string
  /** Default 0: the system chooses one. */
  readonly port?: number
  /** Without, lines are neither encrypted nor checked: for loopback, or where `--insecure` was said. */
  readonly tls?: TlsFiles
  /** How long a TLS handshake may take, in milliseconds. */
  readonly handshakeMs: number
  /** Sockets that may be open at a time; more are closed at once. Default 4096. */
  readonly socketsMax?: number
  /** A socket that came to nothing before it was a line: a TLS handshake that failed. */
  readonly onFailed?: (remote: string, error: Error) => void
}

export interface Listener {
  readonly host: string
  readonly port: number
  /** Takes no more; lines that are there live on. */
  close(): Promise<void>
}

const socketsMaxDefault = 4096

/** Listens for lines. Errors: those of Node, such as EADDRINUSE. */
export async function listenTcp(options: ListenOptions, accept: AcceptLine): Promise<Listener> {
  const { host = '127.0.0.1', port = 0, tls } = options
  const server = tls === undefined ? createServer({ noDelay: true }) : secureServer(tls, options)
  server.maxConnections = options.socketsMax ?? socketsMaxDefault
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    const line = new NetLine(socket, remoteOf(socket), tls !== undefined)
    line.handle(accept(line))
  })
  server.on('drop', (data) => {
    const remote = `${data?.remoteAddress ?? 'unknown'}:${data?.remotePort ?? 0}`
    options.onFailed?.(remote, new Error(`more than ${server.maxConnections} sockets are open (socketsMax)`))
  })
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  const boundPort = typeof address === 'object' && address !== null ? address.port : port
  return { host, port: boundPort, close: () => closed(server) }
}

function secureServer(files: TlsFiles, options: ListenOptions): Server {
  // Certificates are asked for here and checked at the handshake of ours, which can say what is wrong with them.
  const server = createTlsServer({
    ...tlsOptions(files),
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: options.handshakeMs,
  })
  server.on('tlsClientError', (error: Error, socket: Socket) => {
    options.onFailed?.(remoteOf(socket), error)
    socket.destroy()
  })
  return server
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // `close` waits for lines as well, which have owners of their own.
    server.close()
    resolve()
  })
}

function remoteOf(socket: Socket): string {
  return `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`
}
