import { createHash } from 'node:crypto'
import { channelParts } from '../../cluster/protocol/channels.ts'
import { MessageCodec } from '../../wire/message-codec.ts'
import type { InstanceAssignment, OutputAssignment } from '../../worker/assignment.ts'
import { isExcused, nameOf, type WatchedLife } from './life.ts'

/** What an instance sent on one connection. */
interface Flow {
  readonly source: number
  readonly connection: number
  readonly isAll: boolean
  /** The messages, each by its fingerprint, in their order. */
  readonly prints: string[]
  readonly known: Set<string>
  /** How often each was sent, and is still to be handled by somebody; not kept for `all`. */
  readonly open: Map<string, number>
  /** All instances that it ever had a channel to. */
  readonly targets: Set<number>
  /** The targets were others for a time. */
  hasMoved: boolean
  handled: number
}

/** What came over one channel. */
interface Arrived {
  /** What was sent before this place has been handled, or went to another copy. */
  next: number
}

/**
 * What became of the messages of a network that nobody has written for a simulation: they have no numbers, so they are known by
 * what is in them.
 *
 * - FL-1 What is handled over a channel was sent by its source, and is handled in the order in which it was sent.
 * - FL-2 A message is not handled more often than it was sent; over a connection by `all`, not by one copy.
 * - FL-3 A message is lost only where its sender, or a copy that it may have belonged to, came to a violent end.
 *
 * What is not looked at: the order within components that handle several messages at a time, and all that concerns
 * components that try again or reject, which see a message twice, or take back what they sent.
 */
export class Flows {
  private readonly flows = new Map<string, Flow>()
  private readonly arrivals = new Map<number, Arrived>()
  private readonly codec = new MessageCodec()
  /** Instances of components whose own errors are not the end of them. */
  private readonly forgiving = new Set<number>()
  private readonly concurrent = new Set<number>()
  private readonly violate: (what: string) => void
  private readonly life: (id: number) => WatchedLife | undefined

  constructor(violate: (what: string) => void, life: (id: number) => WatchedLife | undefined) {
    this.violate = violate
    this.life = life
  }

  /** An instance is about to be connected like this. */
  connected({ id, errors, concurrency, outputs }: InstanceAssignment, concurrencyOfKind: number): void {
    if (errors !== undefined && errors !== 'fail') this.forgiving.add(id)
    if ((concurrency ?? concurrencyOfKind) > 1) this.concurrent.add(id)
    for (const output of outputs) this.flowTo(id, output)
  }

  sent(source: number, connection: number, message: unknown): void {
    const flow = this.flows.get(`${connection}/${source}`)!
    const print = this.printOf(message)
    flow.prints.push(print)
    flow.known.add(print)
    if (!flow.isAll) flow.open.set(print, (flow.open.get(print) ?? 0) + 1)
  }

  handled(channel: number, message: unknown): void {
    const { connection, source, target } = channelParts(channel)
    if (this.forgiving.has(target)) return
    const flow = this.flows.get(`${connection}/${source}`)
    const print = this.printOf(message)
    const arrived = this.arrivals.get(channel) ?? { next: 0 }
    this.arrivals.set(channel, arrived)
    if (flow === undefined || !flow.known.has(print)) {
      this.violate(`FL-1 ${this.name(target)} handled a message that ${this.name(source)} had not sent it`)
      return
    }
    flow.handled++
    if (!flow.isAll && !this.take(flow, print))
      this.violate(`FL-2 a message of ${this.name(source)} was handled again, by ${this.name(target)}`)
    if (!this.concurrent.has(target)) this.inOrder(flow, arrived, print, target)
  }

  /** FL-3, when nothing is on its way any more. */
  settle(): void {
    for (const flow of this.flows.values()) {
      const all = [flow.source, ...flow.targets]
      if (all.some((id) => this.forgiving.has(id))) continue
      const lives = all.map((id) => this.life(id))
      // One of which nobody knows was never set up, or was lost before.
      if (lives.some((life) => life === undefined || isExcused(life))) continue
      if (flow.isAll && flow.hasMoved) continue
      const wanted = flow.prints.length * (flow.isAll ? flow.targets.size : 1)
      if (flow.handled < wanted)
        this.violate(
          `FL-3 ${wanted - flow.handled} of ${wanted} messages of ${this.name(flow.source)} on connection ` +
            `${flow.connection} were lost; they belonged to ${[...flow.targets].map((id) => this.name(id)).join(', ')}`,
        )
    }
  }

  private flowTo(source: number, { connection, selector, channels }: OutputAssignment): void {
    const key = `${connection}/${source}`
    const targets = channels.flatMap(({ channel, toWorker }) =>
      toWorker < 0 ? [] : [channelParts(channel).target],
    )
    const known = this.flows.get(key)
    if (known === undefined) {
      this.flows.set(key, {
        source,
        connection,
        isAll: selector.type === 'all',
        prints: [],
        known: new Set(),
        open: new Map(),
        targets: new Set(targets),
        hasMoved: targets.length < channels.length,
        handled: 0,
      })
      return
    }
    if (targets.length !== known.targets.size || targets.some((id) => !known.targets.has(id)))
      known.hasMoved = true
    for (const id of targets) known.targets.add(id)
  }

  /** FL-2 */
  private take({ open }: Flow, print: string): boolean {
    const left = open.get(print) ?? 0
    if (left === 0) return false
    open.set(print, left - 1)
    return true
  }

  /** FL-1. Of equal messages the first one that may be meant is: so what was in order is found to be. */
  private inOrder(flow: Flow, arrived: Arrived, print: string, target: number): void {
    const at = flow.prints.indexOf(print, arrived.next)
    if (at < 0)
      this.violate(
        `FL-1 ${this.name(target)} handled a message of ${this.name(flow.source)} after a later one, or again`,
      )
    else arrived.next = at + 1
  }

  private name(id: number): string {
    const life = this.life(id)
    return life === undefined ? `#${id}` : nameOf(life)
  }

  private printOf(message: unknown): string {
    // What does not fit through the codec is refused by the engine, where it has to go through it.
    if (this.codec.fault([message]) !== undefined) return 'not to be encoded'
    return createHash('sha256').update(this.codec.encode(message, 0)).digest('base64')
  }
}
