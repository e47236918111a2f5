import type { Link } from '../transport/link.ts'
import { threadLink } from '../transport/thread.ts'
import type { PeerLink } from './thread-protocol.ts'

/** The links to a worker's peers, opened in the thread that the worker is in. */
export function openLinks(peers: readonly PeerLink[]): Map<number, Link> {
  return new Map(peers.map(({ worker, port }) => [worker, threadLink(port)]))
}
