import type { DataLinks, DataLinksMeans, DataNet } from '../../run/thread-protocol.ts'
import { tcpDial } from '../../transport/tcp/dial.ts'
import { defaultLineLimits } from '../../transport/tcp/limits.ts'
import { listenTcp } from '../../transport/tcp/listen.ts'
import { deferWithinTurn } from '../../transport/tcp/net-line.ts'
import { DataEndpoint } from './data-endpoint.ts'

/** In a worker's thread: its data port, and the links to workers on other nodes. Loaded by its address. */
export async function openDataLinks(net: DataNet, means: DataLinksMeans): Promise<DataLinks> {
  const { tls } = net
  const own = new DataEndpoint(net, means, { defer: deferWithinTurn })
  const listener = await listenTcp(
    {
      host: net.host,
      handshakeMs: defaultLineLimits.helloMs,
      ...(tls && { tls }),
      onFailed: (remote, error) => own.endpoint.failed(remote, error),
    },
    (line) => own.endpoint.accepted(line),
  )
  return {
    host: listener.host,
    port: listener.port,
    open: ({ node, worker, host, port }) =>
      own.open({
        node,
        worker,
        dial: () => tcpDial({ host, port, ...(tls && { tls: { files: tls, node } }) }),
      }),
    async close() {
      own.endpoint.close()
      await listener.close()
    },
  }
}

/** For those who start threads. */
export const dataLinksUrl = import.meta.url
