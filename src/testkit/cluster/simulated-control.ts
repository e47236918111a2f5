import { asError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { Membership } from '../../cluster/agent/membership.ts'
import { DeathWatch } from '../../cluster/control/index.ts'
import type { ControlLines } from '../../cluster/node/control-lines.ts'
import { probeMsMax } from '../../cluster/node/control-lines.ts'
import { ControlNet } from '../../cluster/node/control-net.ts'
import type { ClusterKeys, ClusterView, NodeId, NodeRecord } from '../../cluster/protocol/index.ts'
import type { CallHandlers } from '../../transport/call-server.ts'
import type { Calls } from '../../transport/calls.ts'
import type { Store } from '../../store/store.ts'
import type { LineOwner, SimulatedLines } from './simulated-lines.ts'
import type { ClusterWatcher } from './watcher.ts'

export interface SimulatedControlMeans {
  readonly cluster: string
  readonly self: NodeId
  readonly end: LineOwner
  readonly lines: SimulatedLines
  readonly random: Random
  readonly watcher: ClusterWatcher
  readonly linkLossMs: number
  /** What it answers beside the calls of the simulation itself. */
  readonly handlers?: CallHandlers
  /** Undefined: the processes of other nodes cannot be looked at. */
  readonly isGone: (record: NodeRecord) => boolean | undefined
}

const lookMs = 200
const callMsMax = 500
const method = 'sim.next'

/** Control connections of one life of a node, and what is noticed by them. It calls its peers now and then. */
export class SimulatedControl {
  private readonly means: SimulatedControlMeans
  private readonly net: ControlNet
  private watch: DeathWatch | undefined
  private stopLooking: () => void = () => undefined
  private looks = 0

  private constructor(means: SimulatedControlMeans, net: ControlNet) {
    this.means = means
    this.net = net
  }

  static async open(means: SimulatedControlMeans): Promise<SimulatedControl> {
    const { cluster, self, end, random, watcher, linkLossMs, handlers = {} } = means
    const own: { control?: SimulatedControl } = {}
    const net = await ControlNet.open({
      cluster,
      self,
      listen: end.address,
      tls: undefined,
      clock: end.clock,
      random,
      linkLossMs,
      lines: controlLines(means),
      handlers: {
        ...handlers,
        requests: { ...handlers.requests, [method]: (body) => (body as number) + 1 },
      },
      events: {
        broken: (node) => own.control?.watch?.suspect(node),
        refused: (node) => own.control?.watch?.suspect(node),
        silent: (node) => own.control?.watch?.suspect(node),
        reachable: () => undefined,
        turnedAway: () => undefined,
        troubled: (error) => watcher.troubled(self, 'a call between nodes', asError(error)),
      },
    })
    own.control = new SimulatedControl(means, net)
    return own.control
  }

  joined(
    { lease }: Membership,
    {
      store,
      keys,
      view,
    }: { readonly store: Store; readonly keys: ClusterKeys; readonly view: () => ClusterView },
  ): void {
    const { self, end, isGone, watcher } = this.means
    this.watch = new DeathWatch({
      store,
      keys,
      clock: end.clock,
      self,
      lease,
      view,
      probe: (record) => this.net.probe(record),
      isGone,
      events: {
        declaredDead: (node) => watcher.declaredDead(self, node),
        troubled: (what, error) => watcher.troubled(self, what, error),
      },
    })
    this.stopLooking = end.clock.every(lookMs, () => this.look(view()))
  }

  /** Errors: NODE_UNKNOWN. */
  to(node: NodeId): Calls {
    return this.net.to(node)
  }

  /** Dials who is new. */
  update(view: ClusterView): void {
    this.net.update([...view.nodes.values()].map(({ value }) => value))
  }

  async close(): Promise<void> {
    this.stopLooking()
    await this.watch?.close()
    await this.net.close()
  }

  private look(view: ClusterView): void {
    const nodes = [...view.nodes.values()].map(({ value }) => value)
    this.net.update(nodes)
    this.looks++
    const peer = nodes[this.looks % nodes.length]
    if (peer === undefined || peer.id === this.means.self || this.looks % 4 !== 0) return
    this.call(peer.id).catch((error: unknown) =>
      this.means.watcher.troubled(this.means.self, `calling "${peer.id}"`, asError(error)),
    )
  }

  private async call(node: NodeId): Promise<void> {
    const { looks } = this
    const answer = await this.net.to(node).request(method, looks, { timeoutMs: callMsMax })
    if (answer !== looks + 1)
      throw new Error(`asked for what comes after ${looks}, it said ${String(answer)}`)
  }
}

function controlLines({ end, lines }: SimulatedControlMeans): ControlLines {
  return {
    listen: async (accept) => {
      const stop = lines.listen(end, accept)
      return {
        ...end.address,
        close: async () => stop(),
      }
    },
    dial: ({ control }) => lines.dial(end, control),
    probe: ({ control }) => lines.probe(end, control, probeMsMax),
  }
}
