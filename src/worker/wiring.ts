import { VertigoError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { InputChannel } from '../messaging/input-channel.ts'
import { backEdgeMessagesMax, type ChannelLimits } from '../messaging/limits.ts'
import { LocalTarget } from '../messaging/local-target.ts'
import { type ChannelTarget, OutputChannel } from '../messaging/output-channel.ts'
import { OutputPort } from '../messaging/output-port.ts'
import type { Peer } from '../messaging/remote.ts'
import { type CustomSelector, type MessageHook, Router, type RouterSelector } from '../messaging/router.ts'
import { CopyingTarget, strictReceive, strictSend } from '../messaging/strict.ts'
import { keyReader } from '../state/keys.ts'
import type {
  InputAssignment,
  InstanceAssignment,
  ModuleAddress,
  OutputAssignment,
  WorkerAssignment,
} from './assignment.ts'
import { ComponentInstance } from './component-instance.ts'
import { loadHooks } from './hooks.ts'
import type { Instance } from './instance.ts'

interface Means {
  readonly random: Random
  readonly load: (module: ModuleAddress) => Promise<unknown>
  /** Development mode: `messaging/strict.ts`. */
  readonly dev?: boolean
}

interface LocalEnd {
  readonly instance: ComponentInstance
  readonly channel: InputChannel
  /** Filled in when the sending end is made, which needs the receiving end. */
  source: { release(messages: number, bytes: number): void }
}

/** Makes the channels of a worker's instances: within the thread, and over the links to its peers. */
export class Wiring {
  private readonly assignment: WorkerAssignment
  private readonly peers: ReadonlyMap<number, Peer>
  private readonly means: Means
  /** Channels that close cycles, at their sending ends. */
  readonly backEdges: OutputChannel[] = []
  private readonly localEnds = new Map<number, LocalEnd>()

  constructor(assignment: WorkerAssignment, peers: ReadonlyMap<number, Peer>, means: Means) {
    this.assignment = assignment
    this.peers = peers
    this.means = means
  }

  async connect(instances: readonly Instance[]): Promise<void> {
    for (const [i, instance] of instances.entries()) {
      const assigned = this.assignment.instances[i]!
      for (const input of assigned.inputs) await this.makeInput(instance, assigned, input)
    }
    for (const [i, instance] of instances.entries()) {
      const assigned = this.assignment.instances[i]!
      await this.makeOutputs(instance, assigned)
      await this.makeInitial(instance, assigned)
    }
  }

  private async makeInput(
    instance: Instance,
    assigned: InstanceAssignment,
    input: InputAssignment,
  ): Promise<void> {
    if (!(instance instanceof ComponentInstance)) {
      throw new VertigoError('SOURCE_HAS_INPUT', `${instance.place} is a source and takes no messages`)
    }
    const port = this.portIndex(instance, input.port)
    const hooks = [
      ...this.strictly(strictReceive),
      ...(await this.messageHooks(input.hooks, 'onReceive')),
      ...(await this.messageHooks(assigned.hooks, 'onReceive')),
    ]
    if (input.fromWorker === this.assignment.worker) {
      const end = { release: (_messages: number, _bytes: number): void => undefined }
      const channel = new InputChannel(
        input.channel,
        port,
        { release: (messages, bytes) => this.localEnds.get(input.channel)!.source.release(messages, bytes) },
        hooks,
      )
      if (input.isHash) channel.readKey = keyReader(input.key)
      this.localEnds.set(input.channel, { instance, channel, source: end })
      instance.inbox.add(channel)
      return
    }
    const peer = this.peers.get(input.fromWorker)!
    const channel = new InputChannel(input.channel, port, peer.source(input.channel), hooks)
    if (input.isHash) channel.readKey = keyReader(input.key)
    peer.addInput(channel, instance.inbox)
    instance.inbox.add(channel)
  }

  private async makeOutputs(instance: Instance, assigned: InstanceAssignment): Promise<void> {
    const declared = Object.keys(instance.definition.outputs)
    const named = [...new Set([...declared, ...assigned.outputs.map((output) => output.port)])]
    const componentHooks = await this.messageHooks(assigned.hooks, 'onSend')
    const ports = new Map<string, OutputPort>()
    for (const name of named) {
      const routers: Router[] = []
      for (const output of assigned.outputs) {
        if (output.port === name) routers.push(await this.makeRouter(instance, assigned, output))
      }
      // Hooks observe what was sent, which is not to be changed by them either.
      const hooks = [
        ...this.strictly(strictSend({ component: assigned.component, port: name })),
        ...componentHooks,
      ]
      ports.set(name, new OutputPort(name, routers, hooks, instance.nextGroupId))
    }
    instance.outputs = declared.map((name) => ports.get(name)!)
    // The error port serves rejections, whether the author declared it or not.
    const implicit = [...ports].filter(([name, port]) => port.isConnected && !declared.includes(name))
    const error = ports.get('error')
    instance.implicitOutputs = new Map(implicit)
    instance.errorOutput = error?.isConnected ? error : undefined
  }

  private async makeRouter(
    instance: Instance,
    assigned: InstanceAssignment,
    output: OutputAssignment,
  ): Promise<Router> {
    const { sizeOf } = instance.definition.outputs[output.port] ?? {}
    const place = { component: assigned.component, port: output.port }
    const own = { ...this.assignment.limits, ...output.limits }
    const limits = output.back ? backEdgeLimits(own) : own
    const channels = output.channels.map(({ channel, toWorker }) => {
      const target = this.target(channel, toWorker, place)
      const made = new OutputChannel(
        channel,
        instance.outbox,
        target,
        limits,
        sizeOf as ((message: unknown) => number) | undefined,
        output.back ? `${place.component}.${place.port}` : undefined,
      )
      if (output.back) this.backEdges.push(made)
      if (toWorker === this.assignment.worker) this.localEnds.get(channel)!.source = made
      else this.peers.get(toWorker)!.addOutput(made)
      return made
    })
    const hooks = await this.messageHooks(output.hooks, 'onSend')
    return new Router(channels, await this.selector(output), this.means.random, hooks, assigned.instance)
  }

  private target(
    channel: number,
    toWorker: number,
    place: { component: string; port: string },
  ): ChannelTarget {
    if (toWorker !== this.assignment.worker) return this.peers.get(toWorker)!.target(channel, place)
    const end = this.localEnds.get(channel)
    if (end === undefined) throw new VertigoError('INTERNAL', `channel ${channel} has no receiving end`)
    const { inbox } = end.instance
    return this.means.dev === true
      ? new CopyingTarget(inbox, end.channel, place)
      : new LocalTarget(inbox, end.channel)
  }

  /** A constant is a channel of its own, which brings one message and ends. */
  private async makeInitial(instance: Instance, assigned: InstanceAssignment): Promise<void> {
    if (assigned.initial.length === 0 || !(instance instanceof ComponentInstance)) return
    const hooks = [...this.strictly(strictReceive), ...(await this.messageHooks(assigned.hooks, 'onReceive'))]
    const source = { release: () => undefined }
    for (const { port, value, isHash, key } of assigned.initial) {
      const channel = new InputChannel(-1, this.portIndex(instance, port), source, hooks)
      // By the key that chose the instance: the port's connections may have others.
      if (isHash) channel.readKey = keyReader(key)
      instance.inbox.add(channel)
      instance.inbox.arrive(channel, {
        items: [value],
        group: 0,
        control: { type: 'end' },
        bytes: 0,
        released: false,
      })
    }
  }

  private strictly(hook: MessageHook): readonly MessageHook[] {
    return this.means.dev === true ? [hook] : []
  }

  private portIndex(instance: ComponentInstance, name: string): number {
    const port = instance.inputs.find((input) => input.name === name)
    if (port === undefined)
      throw new VertigoError('PORT_UNKNOWN', `${instance.place} has no input port "${name}"`)
    return port.index
  }

  private async selector(output: OutputAssignment): Promise<RouterSelector> {
    const { selector } = output
    if (selector.type === 'hash') return { type: 'hash', key: keyReader(selector.key) }
    if (selector.type !== 'custom') return selector
    const choose = await this.means.load(selector.module)
    if (typeof choose !== 'function') {
      throw new VertigoError(
        'SELECTOR_FAILED',
        `"${selector.module.address}" is not a selector: it is no function`,
      )
    }
    return { type: 'custom', choose: choose as CustomSelector }
  }

  private async messageHooks(
    hooks: readonly ModuleAddress[],
    name: 'onSend' | 'onReceive',
  ): Promise<MessageHook[]> {
    const loaded = await Promise.all(hooks.map((hook) => loadHooks(hook, this.means)))
    return loaded.flatMap((hook) => hook[name] ?? [])
  }
}

/** No back-pressure on an edge that closes a cycle: it would stop the cycle that has to free it. */
function backEdgeLimits(limits: ChannelLimits): ChannelLimits {
  return { ...limits, queueMessagesMax: backEdgeMessagesMax, queueBytesMax: Number.MAX_SAFE_INTEGER }
}
