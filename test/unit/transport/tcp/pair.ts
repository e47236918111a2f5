import { type Random, seededRandom } from '../../../../src/base/random.ts'
import { TestClock } from '../../../../src/testkit/test-clock.ts'
import { Endpoint, type EndpointOptions } from '../../../../src/transport/tcp/endpoint.ts'
import type { Identity } from '../../../../src/transport/tcp/hello.ts'
import type { LinkEvent } from '../../../../src/transport/tcp/link-events.ts'
import type { ResumingLink } from '../../../../src/transport/tcp/resuming-link.ts'
import { SimLines } from './sim-lines.ts'

export const dialler: Identity = { node: 'a', worker: 1 }
export const waiter: Identity = { node: 'b', worker: 2 }

export interface End {
  readonly endpoint: Endpoint
  readonly link: ResumingLink
  readonly events: LinkEvent[]
  readonly turnedAway: string[]
}

/** Two endpoints with a link between them, over simulated lines. */
export class Pair {
  readonly clock = new TestClock()
  readonly random: Random
  readonly lines: SimLines
  readonly near: End
  readonly far: End

  constructor(seed: number, near: Partial<EndpointOptions> = {}, far: Partial<EndpointOptions> = {}) {
    this.random = seededRandom(seed)
    this.lines = new SimLines(this.clock, this.random)
    this.far = this.makeFar(far)
    this.near = this.makeNear(near)
  }

  makeNear(options: Partial<EndpointOptions> = {}): End {
    return this.#end(dialler, waiter, options)
  }

  /** Its endpoint is the one that lines lead to from now on. */
  makeFar(options: Partial<EndpointOptions> = {}): End {
    const end = this.#end(waiter, dialler, options)
    this.lines.listener = (line) => end.endpoint.accepted(line)
    return end
  }

  #end(self: Identity, peer: Identity, options: Partial<EndpointOptions>): End {
    const events: LinkEvent[] = []
    const turnedAway: string[] = []
    const { clock, random } = this
    const endpoint = new Endpoint({
      cluster: 'c',
      network: 'n',
      self,
      clock,
      random,
      accept: () => 'ok',
      onTurnedAway: (_remote, error) => turnedAway.push(error.code),
      ...options,
    })
    const dial = self === dialler ? this.lines.dial : undefined
    const link = endpoint.link({ peer, dial, onEvent: (event) => events.push(event) })
    return { endpoint, link, events, turnedAway }
  }
}

export function eventTypes({ events }: End): string[] {
  return events.map((event) => (event.type === 'refused' ? `refused ${event.error.code}` : event.type))
}
