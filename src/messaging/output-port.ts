import { VertigoError } from '../base/errors.ts'
import { OpenGroup, OpenGroups, type SavedOpen } from './open-groups.ts'
import type { OutputChannel } from './output-channel.ts'
import type { Control } from './parcel.ts'
import { notePartial } from './partial.ts'
import type { MessageHook, Router } from './router.ts'
import { makeSender, type Send, type SendGate } from './sender.ts'
import { type Lender, nowhere, type TrackedChannel } from './tracks.ts'

/**
 * The sending side of one output port: every connection gets every message. Without a connection, it discards.
 *
 * - OP-1 One batch is open at a time; inside, messages are routed one by one, its start and end go to every channel.
 * - OP-2 A group goes whole to the targets that were chosen at its start; inner groups go where their outer one goes.
 * - OP-3 The end of a group is sent when its inner groups have ended.
 * - OP-4 Other connections take over between two messages, never within a group or batch: that is whole where it began.
 * - OP-5 What was open at the cut of a snapshot that its instance goes on from is open from the beginning; the first call that opens a
 *   group of its name, or a batch, is given that, and sends no second start.
 */
export class OutputPort {
  readonly name: string
  private routers: readonly Router[] = []
  private onSend: readonly MessageHook[] = []
  private single: OutputChannel | undefined
  /** The only channel, while nothing but plain messages is sent. */
  direct: OutputChannel | undefined
  /** Makes the function behind `emit` for whoever sends on this port. */
  readonly senderOf: (gate: SendGate) => Send
  private readonly nextGroupId: () => number
  private readonly groups = new OpenGroups()
  private batchOpen = false
  /** It was open at the cut, and nobody has it yet. */
  private resumesBatch = false
  /** To be opened with the first routers. */
  private restored: SavedOpen | undefined
  private counted = 0
  /** Sent before the routers of now, and what their only channel had sent by then. */
  private sentBefore = 0
  private singleBefore = 0
  private next: NextRouters | undefined
  private ended = false

  constructor(
    name: string,
    routers: readonly Router[],
    onSend: readonly MessageHook[],
    nextGroupId: () => number,
  ) {
    this.name = name
    this.nextGroupId = nextGroupId
    this.use(routers, onSend)
    this.senderOf = makeSender(this)
  }

  /**
   * Takes other routers: now, or when what is open has been closed (OP-4). A later call replaces one that still waits.
   * `then` lets go of the channels that are used no more.
   */
  switchTo(routers: readonly Router[], onSend: readonly MessageHook[], then: () => void): void {
    this.next = { routers, onSend, then }
    this.trySwitch()
  }

  /** It waits for an open group or batch to be closed. */
  get isSwitching(): boolean {
    return this.next !== undefined
  }

  get channels(): readonly OutputChannel[] {
    return this.routers.flatMap((router) => router.channels)
  }

  /** What a snapshot has to say of what is open; undefined where nothing is. */
  get saved(): SavedOpen | undefined {
    if (this.groups.size === 0 && !this.batchOpen) return undefined
    return { port: this.name, isInBatch: this.batchOpen, groups: this.groups.saved(this.routers) }
  }

  /** OP-5. Before it is connected. */
  restore(saved: SavedOpen): void {
    this.restored = saved
  }

  private trySwitch(): void {
    if (this.next === undefined || this.groups.size > 0 || this.batchOpen) return
    const { routers, onSend, then } = this.next
    this.next = undefined
    this.use(routers, onSend)
    if (this.ended) for (const channel of this.channels) channel.end()
    then()
  }

  private use(routers: readonly Router[], onSend: readonly MessageHook[]): void {
    this.sentBefore = this.sent
    this.counted = 0
    this.routers = routers
    this.onSend = onSend
    this.single = routers.length === 1 && onSend.length === 0 ? routers[0]!.single : undefined
    this.singleBefore = this.single?.appended ?? 0
    this.direct = this.single
    const { restored } = this
    if (restored === undefined) return
    this.restored = undefined
    this.groups.restore(restored.groups, routers)
    this.batchOpen = restored.isInBatch
    this.resumesBatch = restored.isInBatch
    if (this.groups.size > 0) this.direct = undefined
  }

  get isConnected(): boolean {
    return this.routers.length > 0
  }

  /** Whether some of its messages are encoded on their way. */
  get leavesThread(): boolean {
    return this.routers.some((router) => router.channels.some((channel) => !channel.eager))
  }

  /** Messages sent, for the counters of a run; groups' messages included. A channel counts its own for less. */
  get sent(): number {
    const { single } = this
    return this.sentBefore + (single === undefined ? this.counted : single.appended - this.singleBefore)
  }

  /** Messages that fit into the fullest of its channels, by the sizes seen so far. */
  get room(): number {
    let room = Number.MAX_SAFE_INTEGER
    for (const router of this.routers)
      for (const channel of router.channels) room = Math.min(room, channel.room)
    return room
  }

  send(message: unknown): void {
    if (this.direct !== undefined) {
      this.direct.append(message)
      return
    }
    this.counted++
    this.route(message, null)
  }

  /** As `send`, of a message that belongs to a tree. Without a connection, nothing of the tree goes with it. */
  sendTracked(message: unknown, lender: Lender): void {
    if (this.direct !== undefined) {
      this.direct.appendTracked(message, lender)
      return
    }
    this.counted++
    this.route(message, lender)
  }

  startGroup(
    parent: OpenGroup | undefined,
    name: string | undefined,
    args: unknown,
    lender: Lender | null = null,
  ): OpenGroup {
    if (parent?.closed)
      throw misuse(this.name, `a group was opened in group "${parent.name ?? ''}", which has ended`)
    const resumed = this.groups.resume(parent, name)
    if (resumed !== undefined) return resumed
    const id = this.nextGroupId()
    const channels =
      parent?.channels ??
      this.routers.flatMap((router) =>
        router.groupTargets(name, args).map((target) => router.channels[target]!),
      )
    const group = new OpenGroup(id, name, parent, channels)
    this.groups.add(group)
    this.direct = undefined
    if (parent !== undefined) parent.children++
    const control: Control = { type: 'group-start', id, parent: parent?.id ?? 0, name, args }
    for (const channel of channels) channel.control(control.parent, control, lender)
    return group
  }

  sendIn(group: OpenGroup, message: unknown, lender: Lender | null = null): void {
    if (group.closed)
      throw misuse(this.name, `a message was sent into group "${group.name ?? ''}", which has ended`)
    this.counted++
    for (const hook of this.onSend) hook(message)
    for (const router of this.routers) router.observe(message)
    for (const channel of group.channels) channel.appendIn(group.id, message, lender)
  }

  /** Where inner groups are still open, the end goes out with that of the last one, and belongs to that one's tree. */
  endGroup(group: OpenGroup, args: unknown, lender: Lender | null = null): void {
    if (group.closed) throw misuse(this.name, `group "${group.name ?? ''}" was ended twice`)
    group.closed = true
    group.endArgs = args
    this.completeGroup(group, lender)
  }

  startBatch(args: unknown, lender: Lender | null = null): void {
    if (this.resumesBatch) {
      this.resumesBatch = false
      return
    }
    if (this.batchOpen) throw misuse(this.name, 'a batch was opened while another one is open')
    this.batchOpen = true
    this.toAll({ type: 'batch-start', args }, lender)
  }

  endBatch(args: unknown, lender: Lender | null = null): void {
    if (!this.batchOpen) throw misuse(this.name, 'a batch was ended twice')
    this.batchOpen = false
    this.toAll({ type: 'batch-end', args }, lender)
    this.trySwitch()
  }

  /** On every channel, behind all that was sent: also in a group or a batch. */
  barrier(snapshot: number): void {
    for (const channel of this.channels) channel.barrier(snapshot)
  }

  /** Nothing comes after it; `removed`: because the sender is taken out of the network. What is still open is the author's mistake, said before anything is lost. */
  end(removed = false): void {
    if (this.groups.unresumed > 0)
      throw misuse(
        this.name,
        `${this.groups.unresumed} group(s) were open at the snapshot, and were not opened again`,
      )
    if (this.groups.size > 0)
      throw misuse(this.name, `${this.groups.size} group(s) are still open at the end`)
    if (this.batchOpen) throw misuse(this.name, 'a batch is still open at the end')
    this.ended = true
    for (const channel of this.channels) {
      if (removed) channel.remove()
      else channel.end()
    }
  }

  private completeGroup(group: OpenGroup, lender: Lender | null): void {
    if (!group.closed || group.children > 0) return
    for (const channel of group.channels) {
      channel.control(group.id, { type: 'group-end', id: group.id, args: group.endArgs }, lender)
    }
    this.groups.remove(group)
    if (this.groups.size === 0) this.direct = this.single
    this.trySwitch()
    const { parent } = group
    if (parent !== undefined) {
      parent.children--
      this.completeGroup(parent, lender)
    }
  }

  private route(message: unknown, lender: Lender | null): void {
    for (const hook of this.onSend) hook(message)
    const { routers } = this
    let at = 0
    try {
      if (this.groups.size > 0) for (; at < routers.length; at++) routers[at]!.routeIn(0, message, lender)
      else if (lender === null) for (; at < routers.length; at++) routers[at]!.route(message)
      else for (; at < routers.length; at++) routers[at]!.routeTracked(message, lender)
    } catch (error) {
      // The connections before it have the message.
      if (at > 0) notePartial(error)
      throw error
    }
  }

  private toAll(control: Control, lender: Lender | null): void {
    for (const router of this.routers)
      for (const channel of router.channels) channel.control(0, control, lender)
  }
}

/**
 * The channel that all goes to which is sent on these ports; `nowhere` where nothing is connected. Undefined where there may
 * be several, or more than plain messages.
 */
export function onlyChannel(ports: readonly OutputPort[]): TrackedChannel | undefined {
  let only: TrackedChannel = nowhere
  for (const port of ports) {
    if (!port.isConnected) continue
    if (only !== nowhere || port.direct === undefined) return undefined
    only = port.direct
  }
  return only
}

interface NextRouters {
  readonly routers: readonly Router[]
  readonly onSend: readonly MessageHook[]
  readonly then: () => void
}

function misuse(port: string, what: string): VertigoError {
  return new VertigoError('GROUP_MISUSED', `port "${port}": ${what}`, { place: { port } })
}
