import { VertigoError } from '../base/errors.ts'
import type { Link } from '../transport/link.ts'
import { threadLink } from '../transport/thread.ts'
import type { DataLinks, PeerLink } from './thread-protocol.ts'

/** The links to a worker's peers, opened in the thread that the worker is in. `net`: by which it reaches other nodes. */
export function openLinks(peers: readonly PeerLink[], net?: DataLinks): Map<number, Link> {
  return new Map(peers.map((peer) => [peer.worker, openLink(peer, net)]))
}

function openLink(peer: PeerLink, net: DataLinks | undefined): Link {
  if (typeof peer.port !== 'number') return threadLink(peer.port)
  if (net === undefined || !('node' in peer)) {
    throw new VertigoError('INTERNAL', `worker ${peer.worker} is on another node, to which nothing leads`)
  }
  return net.open(peer)
}

/** Those that go over to a thread with the message that names them. */
export function portsOf(peers: readonly PeerLink[]): Exclude<PeerLink['port'], number>[] {
  return peers.flatMap(({ port }) => (typeof port === 'number' ? [] : [port]))
}
