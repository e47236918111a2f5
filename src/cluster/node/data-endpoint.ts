import type { DataLinksMeans, DataNet } from '../../run/thread-protocol.ts'
import type { Link } from '../../transport/link.ts'
import { Endpoint } from '../../transport/tcp/endpoint.ts'
import type { Hello, Refusal } from '../../transport/tcp/hello.ts'
import type { LineLimits } from '../../transport/tcp/limits.ts'
import type { Dial } from '../../transport/tcp/line.ts'
import type { LinkEvent } from '../../transport/tcp/link-events.ts'

/** A worker on another node, and how lines to it are made. */
export interface DataPeer {
  readonly worker: number
  readonly node: string
  readonly dial: () => Dial
}

export interface DataEndpointOptions {
  readonly limits?: Partial<LineLimits>
  readonly defer?: (action: () => void) => void
}

/**
 * A worker's end of its links to workers on other nodes, over whatever kind of lines: sockets, or those of a simulation.
 *
 * - DL-1 Of two workers, the one with the smaller number dials.
 * - DL-2 Only workers of the newest assignment get a link: one that was replaced is refused by its number, whatever it
 *   believes. One that this worker does not know yet is told to try again.
 */
export class DataEndpoint {
  readonly endpoint: Endpoint
  private readonly means: DataLinksMeans

  constructor(
    net: Pick<DataNet, 'cluster' | 'network' | 'node'>,
    means: DataLinksMeans,
    options: DataEndpointOptions = {},
  ) {
    const { clock, random, worker } = means
    this.means = means
    this.endpoint = new Endpoint({
      cluster: net.cluster,
      network: net.network,
      self: { node: net.node, worker },
      clock,
      random,
      accept: (hello) => admission(hello, means),
      onTurnedAway: (remote, error, more) => {
        // Workers follow a new plan at different times: who is early is told to try again, as a matter of course.
        if (error.code !== 'LINK_UNKNOWN') means.turnedAway(remote, error, more)
      },
      ...options,
    })
  }

  open({ node, worker, dial }: DataPeer): Link {
    const { means } = this
    return this.endpoint.link({
      peer: { node, worker },
      generation: means.generation,
      ...(means.worker < worker && { dial: dial() }),
      onEvent: (event: LinkEvent) => {
        if (event.type !== 'reachable' && !isEarly(event)) means.failed(worker, event.error)
      },
    })
  }
}

/** The other end follows the plan in a moment, as above; if that goes on, the link tells that it is unreachable. */
function isEarly(event: LinkEvent): boolean {
  return event.type === 'refused' && event.error.code === 'LINK_UNKNOWN'
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
