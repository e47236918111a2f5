import type { Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { CallHandlers } from '../../transport/call-server.ts'
import { Calls } from '../../transport/calls.ts'
import { Endpoint } from '../../transport/tcp/endpoint.ts'
import type { Hello, Identity } from '../../transport/tcp/hello.ts'
import type { LinkEvent } from '../../transport/tcp/link-events.ts'
import type { Listener } from '../../transport/tcp/listen.ts'
import type { ResumingLink } from '../../transport/tcp/resuming-link.ts'
import type { TlsFiles } from '../../transport/tcp/tls.ts'
import { type Address, asNodeId, type NodeId, type NodeRecord } from '../protocol/index.ts'
import { type ControlLines, controlSockets } from './control-lines.ts'

/**
 * Control connections of a node: it dials every other node of the cluster, calls them over that, and is called by them over
 * theirs. What is said over them makes things quick; what counts stands in the store.
 * Only members of the cluster are heard: names that anybody makes up take no room. Who has just joined is told to try again.
 */
export interface ControlNetOptions {
  readonly cluster: string
  readonly self: NodeId
  readonly listen: { readonly host: string; readonly port: number }
  readonly tls: TlsFiles | undefined
  readonly clock: Clock
  readonly random: Random
  readonly handlers: CallHandlers
  readonly events: ControlNetEvents
  /** Default: sockets. */
  readonly lines?: ControlLines
  /** See `LineLimits`. */
  readonly linkLossMs?: number
}

export interface ControlNetEvents {
  /** The connection to a node broke; another one is tried. */
  broken(node: NodeId): void
  /** The node refuses the connection, or is not who was meant. */
  refused(node: NodeId, error: VertigoError): void
  /** Nothing was heard for `linkLossMs`. The connection is tried on and on. */
  silent(node: NodeId, error: VertigoError): void
  reachable(node: NodeId): void
  /** Somebody, or something, was refused at the door; `more`: others before it, of whom nothing was told. */
  turnedAway(remote: string, error: Error, more: number): void
  troubled(error: unknown): void
}

interface Peer {
  readonly incarnation: string
  readonly link: ResumingLink
  readonly calls: Calls
}

const redialMs = 100

export class ControlNet {
  readonly address: Address
  private readonly options: ControlNetOptions
  private readonly lines: ControlLines
  private readonly endpoint: Endpoint
  private readonly listener: Listener
  /** Who is there. */
  private nodes: ReadonlyMap<NodeId, NodeRecord> = new Map()
  /** Those that this node dials, by node. */
  private readonly peers = new Map<NodeId, Peer>()
  /** Those that dial this node. */
  private readonly callers = new Map<string, Calls>()
  /** Of callers: the end that each has, by node. */
  private readonly ends = new Map<string, string>()

  private constructor(
    options: ControlNetOptions,
    { lines, endpoint, listener }: { lines: ControlLines; endpoint: Endpoint; listener: Listener },
  ) {
    this.options = options
    this.lines = lines
    this.endpoint = endpoint
    this.listener = listener
    this.address = { host: listener.host, port: listener.port }
  }

  /** Errors: those of listening, such as EADDRINUSE. */
  static async open(options: ControlNetOptions): Promise<ControlNet> {
    const { cluster, self, clock, random, events, linkLossMs } = options
    const { lines = controlSockets(options) } = options
    let net: ControlNet | undefined
    const endpoint = new Endpoint({
      cluster,
      network: null,
      self: { node: self, worker: null },
      clock,
      random,
      ...(lines.defer && { defer: lines.defer }),
      ...(linkLossMs !== undefined && { limits: { linkLossMs } }),
      accept: (hello) => {
        if (net === undefined) return { code: 'LINK_UNKNOWN', message: 'the node is not ready yet' }
        if (!net.nodes.has(asNodeId(hello.from.node)))
          return { code: 'LINK_UNKNOWN', message: `node "${hello.from.node}" is not known yet` }
        net.welcome(hello)
        return 'ok'
      },
      onTurnedAway: (remote, error, more) => events.turnedAway(remote, error, more),
    })
    try {
      const listener = await lines.listen(
        (line) => endpoint.accepted(line),
        (remote, error) => endpoint.failed(remote, error),
      )
      net = new ControlNet(options, { lines, endpoint, listener })
      return net
    } catch (error) {
      endpoint.close()
      throw error
    }
  }

  /** Dials who is new, lets go of who has left. */
  update(nodes: Iterable<NodeRecord>): void {
    const there = new Map<NodeId, NodeRecord>()
    for (const record of nodes) if (record.id !== this.options.self) there.set(record.id, record)
    this.nodes = there
    for (const [id, { incarnation }] of this.peers)
      if (there.get(id)?.incarnation !== incarnation) this.leave(id)
    for (const record of there.values()) if (!this.peers.has(record.id)) this.dial(record)
  }

  /** Errors: NODE_UNKNOWN. */
  to(node: NodeId): Calls {
    const peer = this.peers.get(node)
    if (peer !== undefined) return peer.calls
    throw new VertigoError('NODE_UNKNOWN', `There is no connection to a node "${node}".`)
  }

  /** Whether somebody listens at a node's address. */
  probe(node: Pick<NodeRecord, 'control'>): ReturnType<ControlLines['probe']> {
    return this.lines.probe(node)
  }

  async close(): Promise<void> {
    this.nodes = new Map()
    for (const id of this.peers.keys()) this.leave(id)
    for (const calls of this.callers.values()) calls.closeLink()
    this.callers.clear()
    this.endpoint.close()
    await this.listener.close()
  }

  private dial(record: NodeRecord): void {
    const { events } = this.options
    const { id, incarnation } = record
    const link = this.endpoint.link({
      peer: { node: id, worker: null },
      dial: this.lines.dial(record),
      onEvent: (event) => this.onEvent(id, event),
      onBroken: () => events.broken(id),
    })
    this.peers.set(id, { incarnation, link, calls: this.callsOver(link) })
  }

  private onEvent(id: NodeId, event: LinkEvent): void {
    const { events } = this.options
    if (event.type === 'reachable') events.reachable(id)
    else if (event.type === 'unreachable') events.silent(id, event.error)
    else if (event.type === 'lost') this.dialAnew(id)
    // Who is refused as unknown has joined a moment ago; if that goes on, the link tells that it is unreachable.
    else if (event.type !== 'refused' || event.error.code !== 'LINK_UNKNOWN') events.refused(id, event.error)
  }

  /** The other end has forgotten the link, as it does when it was refused for a while. */
  private dialAnew(id: NodeId): void {
    this.leave(id)
    this.options.clock.after(
      redialMs,
      () => {
        const record = this.nodes.get(id)
        if (record !== undefined && !this.peers.has(id)) this.dial(record)
      },
      { background: true },
    )
  }

  private leave(id: NodeId): void {
    this.peers.get(id)?.calls.closeLink()
    this.peers.delete(id)
  }

  /** Makes the link that a caller's line is for. */
  private welcome({ from, end }: Hello): void {
    const key = from.node
    const known = this.callers.get(key)
    if (known !== undefined && this.ends.get(key) === end) return
    known?.closeLink()
    this.callers.set(key, this.callsOver(this.waitingLink(from)))
    this.ends.set(key, end)
  }

  private waitingLink(peer: Identity): ResumingLink {
    return this.endpoint.link({
      peer,
      onEvent: (event) => {
        if (event.type !== 'lost') return
        this.callers.get(peer.node)?.closeLink()
        this.callers.delete(peer.node)
        this.ends.delete(peer.node)
      },
    })
  }

  private callsOver(link: ResumingLink): Calls {
    const { clock, handlers, events } = this.options
    return new Calls(link, { clock, handlers, onError: (error) => events.troubled(error) })
  }
}
