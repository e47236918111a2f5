import { VertigoError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { InputChannel } from '../messaging/input-channel.ts'
import { backEdgeMessagesMax, type ChannelLimits } from '../messaging/limits.ts'
import { LocalTarget } from '../messaging/local-target.ts'
import { type ChannelTarget, OutputChannel } from '../messaging/output-channel.ts'
import type { OutputPort } from '../messaging/output-port.ts'
import { ParkedTarget } from '../messaging/parked-target.ts'
import { type MessageHook, Router } from '../messaging/router.ts'
import { CopyingTarget, strictReceive, strictSend } from '../messaging/strict.ts'
import { type InputAssignment, nowhere, type OutputAssignment, type WorkerAssignment } from './assignment.ts'
import type { ComponentInstance } from './component-instance.ts'
import type { HostedInstance, InputEnd, LocalEnd, OutputEnd, PreparedInstance } from './hosted.ts'
import type { PeerSet } from './peer-set.ts'

type Limits = Pick<WorkerAssignment, 'limits'>

interface Means {
  readonly random: Random
  /** Which messages are checked against the schemas of ports; see `WorkerMeans`. */
  readonly check: 'edges' | 'all' | 'none'
  readonly dev?: boolean
}

/**
 * Makes, changes and takes away the channels of a worker's instances: within the thread, and over the links to its peers.
 *
 * - WI-1 A channel that the plan before and the plan of now both have is not touched.
 * - WI-2 Receiving ends are there before the generation opens, and are dormant until this worker has switched to it.
 * - WI-3 A sending end that is taken away ends its channel; the receiving end goes when it has handled that end.
 * - WI-4 A channel whose source is gone without an end is ended here, behind what has arrived.
 * - WI-5 A channel that replaces another one between the same two, such as one that chooses otherwise, brings nothing before that is
 *   at its end: the order of what one sends to the other outlives the channel.
 */
export class Wiring {
  private readonly worker: number
  private readonly peers: PeerSet
  private readonly random: Random
  /** Development mode: `messaging/strict.ts`. */
  private readonly dev: boolean
  private readonly check: Means['check']
  private readonly localEnds = new Map<number, LocalEnd>()

  constructor(worker: number, peers: PeerSet, { random, check, dev = false }: Means) {
    this.worker = worker
    this.peers = peers
    this.random = random
    this.dev = dev
    this.check = check
  }

  /** WI-2. Makes receiving ends that are not there yet; gives their numbers. */
  addInputs({ hosted, assigned, parts }: PreparedInstance): number[] {
    const added: number[] = []
    const { instance, component } = hosted
    for (const input of assigned.inputs) {
      if (component === undefined) {
        throw new VertigoError('SOURCE_HAS_INPUT', `${instance.place} is a source and takes no messages`)
      }
      if (hosted.inputs.has(input.channel) || hosted.gone.has(input.channel)) continue
      this.addInput(hosted, component, input, parts.inputs.get(input.channel) ?? [])
      added.push(input.channel)
    }
    return added
  }

  private addInput(
    hosted: HostedInstance,
    component: ComponentInstance,
    input: InputAssignment,
    hooks: readonly MessageHook[],
  ): void {
    const { fromWorker, from, channel: id } = input
    const port = connectedPort(component, input.port)
    const { inbox } = component
    const local = fromWorker === this.worker ? localEnd(inbox) : undefined
    const source = local ?? this.peers.get(fromWorker).source(id)
    const channel = new InputChannel(id, port, source, this.strictly(strictReceive, hooks))
    if (input.isHash) channel.useKey(input.key)
    channel.name = input.name ?? ''
    channel.isBack = input.back ?? false
    channel.isDormant = true
    if (local === undefined) this.peers.get(fromWorker).addInput(channel, inbox)
    else {
      local.channel = channel
      this.localEnds.set(id, local)
    }
    inbox.add(channel)
    const end: InputEnd = { channel, fromWorker, from, local, isClosing: false }
    channel.onGone = () => {
      if (hosted.inputs.get(id) === end) hosted.gone.set(id, channel.arrived)
      this.forgetInput(hosted, end)
    }
    hosted.inputs.set(id, end)
  }

  /** A preparation has come to nothing: no frame can have come for what it added. */
  removeInputs(hosted: HostedInstance, numbers: readonly number[]): void {
    for (const number of numbers) {
      const end = hosted.inputs.get(number)
      if (end !== undefined) this.forgetInput(hosted, end)
    }
  }

  /** A constant is a channel of its own, which brings one message and ends. */
  addInitial({ hosted, assigned, parts }: PreparedInstance): void {
    const { component } = hosted
    // Those that were not handled at the cut of the snapshot are among what waited there.
    if (component === undefined || assigned.restore !== undefined) return
    const source = { release: () => undefined }
    for (const [at, { port, value, isHash, key }] of assigned.initial.entries()) {
      const hooks = this.strictly(strictReceive, parts.onReceive)
      const channel = new InputChannel(-1, connectedPort(component, port), source, hooks)
      channel.name = `constant/${at}`
      // By the key that chose the instance: the port's connections may have others.
      if (isHash) channel.useKey(key)
      component.addConstant(channel, value)
    }
  }

  /** The plan is in force: new channels bring what waits in them, those that it has not are on their way out. */
  switchInputs(hosted: HostedInstance, isAlive: (worker: number) => boolean): void {
    const { component } = hosted
    if (component === undefined) return
    const wanted = new Set(hosted.assigned.inputs.map((input) => input.channel))
    // Earlier ones come first.
    for (const [number, end] of hosted.inputs) {
      if (end.channel.isDormant) end.channel.after = replacedBy(hosted, end)
      component.inbox.activate(end.channel)
      if (!wanted.has(number)) this.leaveInput(hosted, number, end)
    }
    this.checkInputs(hosted, component)
    for (const number of hosted.gone.keys()) if (!wanted.has(number)) hosted.gone.delete(number)
    for (const end of hosted.leaving) if (!isAlive(end.fromWorker)) this.endInput(hosted, end)
  }

  /** Also those that were not to be checked when the instance was set up. */
  private checkInputs({ assigned }: HostedInstance, { inputs }: ComponentInstance): void {
    for (const { port, fromEdge } of assigned.inputs)
      if (this.check === 'all' || (this.check === 'edges' && fromEdge))
        inputs.find(({ name }) => name === port)?.check()
  }

  private leaveInput(hosted: HostedInstance, number: number, end: InputEnd): void {
    const { channel } = end
    hosted.inputs.delete(number)
    hosted.leaving.add(end)
    channel.isLeaving = true
    if (channel.ended) this.forgetInput(hosted, end)
  }

  /** Channels that their sources will never end: they never began them. */
  endStaleInputs(hosted: HostedInstance, isStale: (fromWorker: number) => boolean): void {
    for (const end of hosted.leaving) {
      const { fromWorker, channel, local } = end
      const mayStillEnd = local === undefined ? !isStale(fromWorker) : local.source !== undefined
      if (!channel.hasEndQueued && !mayStillEnd) this.endInput(hosted, end)
    }
  }

  private endInput(hosted: HostedInstance, end: InputEnd): void {
    if (end.isClosing || end.channel.hasEndQueued) return
    end.isClosing = true
    hosted.component?.inbox.arrive(end.channel, {
      items: [],
      group: 0,
      control: { type: 'end', removed: true },
      bytes: 0,
      tracks: null,
      released: true,
    })
  }

  private forgetInput(hosted: HostedInstance, end: InputEnd): void {
    const { channel, fromWorker, local } = end
    if (hosted.inputs.get(channel.id) === end) hosted.inputs.delete(channel.id)
    hosted.leaving.delete(end)
    if (local === undefined) this.peers.known(fromWorker)?.removeInput(channel)
    else if (this.localEnds.get(channel.id) === local) this.localEnds.delete(channel.id)
    hosted.component?.removeInput(channel)
  }

  /**
   * Connects the ports as the plan says; those with an open group or batch follow when that is closed. `onSwitched` is
   * called for each port that has.
   */
  switchOutputs(prepared: PreparedInstance, worker: Limits, onSwitched: () => void): void {
    const { hosted, assigned, parts } = prepared
    const names = new Set([...hosted.connectedTo.keys(), ...assigned.outputs.map(({ port }) => port)])
    // What is sent nowhere is checked, too.
    if (this.dev) for (const name of Object.keys(hosted.instance.definition.outputs)) names.add(name)
    for (const name of names) {
      const port = hosted.port(name)
      const outputs = assigned.outputs.filter((output) => output.port === name)
      const connectedTo = JSON.stringify(outputs)
      if (hosted.connectedTo.get(name) === connectedTo) continue
      hosted.connectedTo.set(name, connectedTo)
      const routers = outputs.map((output) => {
        const { selector, hooks } = parts.outputs[assigned.outputs.indexOf(output)]!
        const channels = output.channels.map((end, at) => this.output(hosted, output, end, at, worker))
        return new Router(channels, selector, this.random, hooks, assigned.instance, output.name)
      })
      // Hooks observe what was sent, which is not to be changed by them either.
      const onSend = this.strictly(strictSend({ component: assigned.component, port: name }), parts.onSend)
      port.switchTo(routers, onSend, () => {
        this.removeOutputs(hosted, port)
        hosted.listImplicitPorts()
        onSwitched()
      })
    }
    if (hosted.connectedTo.size === 0) hosted.listImplicitPorts()
  }

  /** The sending end of a channel: that which there is, or that which waits for this target, or a new one. */
  private output(
    hosted: HostedInstance,
    output: OutputAssignment,
    { channel: number, toWorker }: OutputAssignment['channels'][number],
    at: number,
    worker: Limits,
  ): OutputChannel {
    const parkedAt = `${output.connection}/${at}`
    const key = toWorker === nowhere ? parkedAt : number
    const known = hosted.outputs.get(key)
    if (known !== undefined) return known.channel
    const place = { component: hosted.assigned.component, port: output.port }
    const waiting = hosted.outputs.get(parkedAt)
    if (waiting !== undefined) {
      hosted.outputs.delete(parkedAt)
      const { channel, parked } = waiting
      channel.attach(number, this.target(number, toWorker, place), parked?.takeAll() ?? [])
      this.connect(channel, toWorker)
      hosted.outputs.set(key, { ...waiting, parked: undefined, toWorker })
      return channel
    }
    const parked = toWorker === nowhere ? new ParkedTarget() : undefined
    const target = parked ?? this.target(number, toWorker, place)
    const own = { ...worker.limits, ...output.limits }
    const { sizeOf } = hosted.instance.definition.outputs[output.port] ?? {}
    const channel = new OutputChannel(
      number,
      hosted.instance.outbox,
      target,
      output.back ? backEdgeLimits(own) : own,
      sizeOf as ((message: unknown) => number) | undefined,
      output.back ? `${place.component}.${place.port}` : undefined,
    )
    if (toWorker !== nowhere) this.connect(channel, toWorker)
    const port = hosted.port(output.port)
    hosted.outputs.set(key, { channel, port, parked, toWorker, isBack: output.back })
    return channel
  }

  private connect(channel: OutputChannel, toWorker: number): void {
    if (toWorker === this.worker) this.localEnds.get(channel.id)!.source = channel
    else this.peers.get(toWorker).addOutput(channel)
  }

  private target(
    channel: number,
    toWorker: number,
    place: { component: string; port: string },
  ): ChannelTarget {
    if (toWorker !== this.worker) return this.peers.get(toWorker).target(channel, place)
    const end = this.localEnds.get(channel)
    if (end === undefined) throw new VertigoError('INTERNAL', `channel ${channel} has no receiving end`)
    return this.dev
      ? new CopyingTarget(end.inbox, end.channel!, place)
      : new LocalTarget(end.inbox, end.channel!)
  }

  private strictly(hook: MessageHook, hooks: readonly MessageHook[]): readonly MessageHook[] {
    return this.dev ? [hook, ...hooks] : hooks
  }

  /** WI-3: those that the port does not use any more. */
  private removeOutputs(hosted: HostedInstance, port: OutputPort): void {
    const used = new Set(port.channels)
    for (const [key, end] of hosted.outputs) {
      if (end.port !== port || used.has(end.channel)) continue
      end.channel.remove()
      this.forgetOutput(hosted, key, end)
    }
  }

  /** The instance is taken away, finished or not. */
  abandonOutputs(hosted: HostedInstance): void {
    for (const [key, end] of hosted.outputs) {
      end.channel.abandon()
      this.forgetOutput(hosted, key, end)
    }
    hosted.connectedTo.clear()
  }

  /** Targets whose worker is gone take nothing, and hold nobody up. */
  dropOutputs(hosted: HostedInstance, isAlive: (worker: number) => boolean): void {
    for (const { channel, toWorker } of hosted.outputs.values()) {
      if (toWorker !== nowhere && !isAlive(toWorker)) channel.drop()
    }
  }

  private forgetOutput(hosted: HostedInstance, key: number | string, end: OutputEnd): void {
    hosted.outputs.delete(key)
    const { channel, toWorker } = end
    if (toWorker === nowhere) return
    if (toWorker !== this.worker) {
      this.peers.known(toWorker)?.removeOutput(channel)
      return
    }
    const local = this.localEnds.get(channel.id)
    if (local?.source === channel) local.source = undefined
  }
}

/** WI-5 */
function replacedBy({ leaving }: HostedInstance, { from, channel }: InputEnd): InputChannel[] | undefined {
  if (from === undefined) return undefined
  const replaced = [...leaving].filter((end) => end.from === from && end.channel.port === channel.port)
  return replaced.length === 0 ? undefined : replaced.map((end) => end.channel)
}

/** Index of an input port that something is to be connected to. Errors: PORT_UNKNOWN, PORT_NOT_READ */
function connectedPort({ inputs, place, state }: ComponentInstance, name: string): number {
  const port = inputs.find((input) => input.name === name)
  if (port === undefined) throw new VertigoError('PORT_UNKNOWN', `${place} has no input port "${name}"`)
  // Before that, binding the handlers finds it out.
  if (state !== 'new') port.checkRead()
  return port.index
}

function localEnd(inbox: LocalEnd['inbox']): LocalEnd {
  return {
    inbox,
    channel: undefined,
    source: undefined,
    release(messages, bytes) {
      this.source?.release(messages, bytes)
    },
  }
}

/** No back-pressure on an edge that closes a cycle: it would stop the cycle that has to free it. */
function backEdgeLimits(limits: ChannelLimits): ChannelLimits {
  return { ...limits, queueMessagesMax: backEdgeMessagesMax, queueBytesMax: Number.MAX_SAFE_INTEGER }
}
