import type { DataLinks, DataLinksMeans, DataNet } from '../../run/thread-protocol.ts'
import { tcpDial } from '../../transport/tcp/dial.ts'
import { Endpoint } from '../../transport/tcp/endpoint.ts'
import type { Hello, Refusal } from '../../transport/tcp/hello.ts'
import type { LinkEvent } from '../../transport/tcp/link-events.ts'
import { defaultLineLimits } from '../../transport/tcp/limits.ts'
import { listenTcp } from '../../transport/tcp/listen.ts'
import { deferWithinTurn } from '../../transport/tcp/net-line.ts'

/**
 * In a worker's thread: its data port, and the links to workers on other nodes. Loaded by its address.
 *
 * - DL-1 Of two workers, the one with the smaller number dials.
 * - DL-2 Only workers of the newest assignment get a link: one that was replaced is refused by its number, whatever it
 *   believes. One that this worker does not know yet is told to try again.
 */
export async function openDataLinks(net: DataNet, means: DataLinksMeans): Promise<DataLinks> {
  const { clock, random, worker } = means
  const { tls } = net
  const endpoint = new Endpoint({
    cluster: net.cluster,
    network: net.network,
    self: { node: net.node, worker },
    clock,
    random,
    defer: deferWithinTurn,
    accept: (hello) => admission(hello, means),
    onTurnedAway: (remote, error, more) => {
      // Workers follow a new plan at different times: who is early is told to try again, as a matter of course.
      if (error.code !== 'LINK_UNKNOWN') means.turnedAway(remote, error, more)
    },
  })
  const listener = await listenTcp(
    {
      host: net.host,
      handshakeMs: defaultLineLimits.helloMs,
      ...(tls && { tls }),
      onFailed: (remote, error) => endpoint.failed(remote, error),
    },
    (line) => endpoint.accepted(line),
  )
  return {
    host: listener.host,
    port: listener.port,
    open(peer) {
      const dials = worker < peer.worker
      const { host, port, node } = peer
      return endpoint.link({
        peer: { node, worker: peer.worker },
        generation: means.generation,
        ...(dials && { dial: tcpDial({ host, port, ...(tls && { tls: { files: tls, node } }) }) }),
        onEvent: (event: LinkEvent) => {
          if (event.type !== 'reachable') means.failed(peer.worker, event.error)
        },
      })
    },
    async close() {
      endpoint.close()
      await listener.close()
    },
  }
}

function admission({ from }: Hello, { standing, generation }: DataLinksMeans): 'ok' | Refusal {
  const now = from.worker === null ? 'gone' : standing(from.worker)
  if (now === 'current') return 'ok'
  const who = `worker ${from.worker ?? '-'} of node "${from.node}"`
  if (now === 'unknown') return { code: 'LINK_UNKNOWN', message: `${who} is not known yet` }
  return {
    code: 'GENERATION_STALE',
    message: `${who} has no part in generation ${generation()}`,
  }
}

/** For those who start threads. */
export const dataLinksUrl = import.meta.url
