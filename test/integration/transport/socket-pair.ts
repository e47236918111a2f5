import { systemClock } from '../../../src/base/clock.ts'
import type { VertigoError } from '../../../src/base/errors.ts'
import { systemRandom } from '../../../src/base/random.ts'
import { tcpDial } from '../../../src/transport/tcp/dial.ts'
import { Endpoint, type EndpointOptions } from '../../../src/transport/tcp/endpoint.ts'
import type { Identity } from '../../../src/transport/tcp/hello.ts'
import type { LinkEvent } from '../../../src/transport/tcp/link-events.ts'
import { listenTcp, type Listener } from '../../../src/transport/tcp/listen.ts'
import { deferWithinTurn } from '../../../src/transport/tcp/net-line.ts'
import type { ResumingLink } from '../../../src/transport/tcp/resuming-link.ts'
import type { TlsFiles } from '../../../src/transport/tcp/tls.ts'
import { eventually } from '../../support/eventually.ts'
import { TcpProxy } from '../../support/tcp-proxy.ts'

export const dialler: Identity = { node: 'node-a', worker: 1 }
export const waiter: Identity = { node: 'node-b', worker: 2 }

export interface End {
  readonly endpoint: Endpoint
  readonly link: ResumingLink
  readonly events: LinkEvent[]
  readonly turnedAway: VertigoError[]
}

export interface PairOptions {
  readonly near?: Partial<EndpointOptions>
  readonly far?: Partial<EndpointOptions>
  readonly nearTls?: TlsFiles
  readonly farTls?: TlsFiles
}

export function makeEnd(
  self: Identity,
  peer: Identity,
  options: Partial<EndpointOptions>,
  dial?: ReturnType<typeof tcpDial>,
): End {
  const events: LinkEvent[] = []
  const turnedAway: VertigoError[] = []
  const endpoint = new Endpoint({
    cluster: 'c',
    network: 'n',
    self,
    clock: systemClock,
    random: systemRandom,
    accept: () => 'ok',
    onTurnedAway: (_remote, error) => turnedAway.push(error),
    defer: deferWithinTurn,
    ...options,
  })
  const link = endpoint.link({ peer, dial, onEvent: (event) => events.push(event) })
  return { endpoint, link, events, turnedAway }
}

/** Two ends in this process, over real sockets through a proxy. */
export class SocketPair {
  readonly near: End
  readonly far: End
  readonly listener: Listener
  readonly proxy: TcpProxy

  private constructor(near: End, far: End, listener: Listener, proxy: TcpProxy) {
    this.near = near
    this.far = far
    this.listener = listener
    this.proxy = proxy
  }

  static async make(options: PairOptions = {}): Promise<SocketPair> {
    const far = makeEnd(waiter, dialler, options.far ?? {})
    const listener = await listenTcp(
      {
        tls: options.farTls,
        handshakeMs: 2_000,
        onFailed: (_remote, error) => far.turnedAway.push(error as VertigoError),
      },
      (line) => far.endpoint.accepted(line),
    )
    const proxy = await TcpProxy.start(listener.port)
    const tls = options.nearTls === undefined ? undefined : { files: options.nearTls, node: waiter.node }
    const dial = tcpDial({ host: '127.0.0.1', port: proxy.port, tls })
    const near = makeEnd(dialler, waiter, options.near ?? {}, dial)
    return new SocketPair(near, far, listener, proxy)
  }

  async up(): Promise<void> {
    await eventually('the link is up', () => this.near.link.isUp && this.far.link.isUp)
  }

  async close(): Promise<void> {
    this.near.endpoint.close()
    this.far.endpoint.close()
    this.proxy.close()
    await this.listener.close()
  }
}

export function has(end: End, type: LinkEvent['type']): LinkEvent | undefined {
  return end.events.find((event) => event.type === type)
}

export function refusedCode(end: End): string | undefined {
  const event = has(end, 'refused')
  return event?.type === 'refused' ? event.error.code : undefined
}
