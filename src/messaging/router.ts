import { asError, VertigoError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { encodeKey, instanceOfKeyGroup, type KeyReader, keyGroupOf } from '../state/keys.ts'
import type { OutputChannel } from './output-channel.ts'
import type { Lender } from './tracks.ts'

/** A user's selector: the number of the target instance, or several, out of `targets`. */
export type CustomSelector = (message: unknown, targets: number) => number | readonly number[]

export type RouterSelector =
  | { readonly type: 'round-robin' | 'random' | 'fair' | 'all' }
  | { readonly type: 'hash'; readonly key: KeyReader }
  | { readonly type: 'custom'; readonly choose: CustomSelector }

/** Observes messages; what it returns is ignored, what it throws fails the instance. */
export type MessageHook = (message: unknown) => void

/** One connection, at one source instance: chooses among the channels to the target's instances. */
export class Router {
  readonly channels: readonly OutputChannel[]
  /** What its connection is called in snapshots. */
  readonly name: string
  private readonly selector: RouterSelector
  private readonly random: Random
  private readonly onSend: readonly MessageHook[]
  private next: number

  /** `start`: where round-robin begins, so that the source's instances do not all begin at the same target. */
  constructor(
    channels: readonly OutputChannel[],
    selector: RouterSelector,
    random: Random,
    onSend: readonly MessageHook[],
    start: number,
    name = '',
  ) {
    this.name = name
    this.channels = channels
    this.selector = selector
    this.random = random
    this.onSend = onSend
    this.next = start % channels.length
  }

  /** The only channel, where there is no choice and nobody observes. */
  get single(): OutputChannel | undefined {
    return this.channels.length === 1 && this.onSend.length === 0 && this.selector.type !== 'custom'
      ? this.channels[0]
      : undefined
  }

  route(message: unknown): void {
    if (this.onSend.length > 0) for (const hook of this.onSend) hook(message)
    const { selector, channels } = this
    switch (selector.type) {
      case 'round-robin':
        channels[this.next]!.append(message)
        this.next = this.next + 1 === channels.length ? 0 : this.next + 1
        return
      case 'hash':
        channels[this.hashTarget(selector.key(message))]!.append(message)
        return
      case 'all':
        for (const channel of channels) channel.append(message)
        return
      case 'random':
        channels[this.random.int(channels.length)]!.append(message)
        return
      case 'fair':
        channels[this.leastQueued()]!.append(message)
        return
      case 'custom':
        for (const target of this.customTargets(selector.choose, message)) channels[target]!.append(message)
    }
  }

  /** As `route`, of a message that belongs to a tree. */
  routeTracked(message: unknown, lender: Lender): void {
    if (this.onSend.length > 0) for (const hook of this.onSend) hook(message)
    const { selector, channels } = this
    if (selector.type === 'hash')
      channels[this.hashTarget(selector.key(message))]!.appendTracked(message, lender)
    else for (const target of this.targetsFor(message)) channels[target]!.appendTracked(message, lender)
  }

  /** Shows a message to the hooks, where a group has chosen its targets already. */
  observe(message: unknown): void {
    for (const hook of this.onSend) hook(message)
  }

  /** As `route`, while groups or a batch are open on the port. */
  routeIn(group: number, message: unknown, lender: Lender | null): void {
    if (this.onSend.length > 0) for (const hook of this.onSend) hook(message)
    for (const target of this.targetsFor(message)) this.channels[target]!.appendIn(group, message, lender)
  }

  /** The targets of a message, or of a group by what it is chosen by. */
  targetsFor(message: unknown): readonly number[] {
    const { selector, channels } = this
    switch (selector.type) {
      case 'round-robin': {
        const target = this.next
        this.next = (this.next + 1) % channels.length
        return [target]
      }
      case 'hash':
        return [this.hashTarget(selector.key(message))]
      case 'all':
        return channels.map((_, i) => i)
      case 'random':
        return [this.random.int(channels.length)]
      case 'fair':
        return [this.leastQueued()]
      case 'custom':
        return this.customTargets(selector.choose, message)
    }
  }

  /**
   * The targets of a group. By `hash`, a group goes where a message goes that is its arguments, where those have the
   * key, else where its name goes; by `custom`, the selector is called with the arguments.
   */
  groupTargets(name: string | undefined, args: unknown): readonly number[] {
    if (this.selector.type !== 'hash') return this.targetsFor(args)
    const key = args === undefined ? undefined : this.selector.key(args)
    return [this.hashTarget(key ?? name)]
  }

  private hashTarget(key: unknown): number {
    return instanceOfKeyGroup(keyGroupOf(routingKey(key)), this.channels.length)
  }

  private leastQueued(): number {
    let best = 0
    for (let i = 1; i < this.channels.length; i++) {
      if (this.channels[i]!.queued < this.channels[best]!.queued) best = i
    }
    return best
  }

  private customTargets(choose: CustomSelector, message: unknown): readonly number[] {
    let chosen: number | readonly number[]
    try {
      chosen = choose(message, this.channels.length)
    } catch (error) {
      throw new VertigoError('SELECTOR_FAILED', `a custom selector failed: ${asError(error).message}`, {
        cause: error,
      })
    }
    const targets = typeof chosen === 'number' ? [chosen] : chosen
    if (
      !Array.isArray(targets) ||
      !targets.every((target) => Number.isInteger(target) && this.channels[target as number])
    ) {
      throw new VertigoError(
        'SELECTOR_FAILED',
        `a custom selector returned ${JSON.stringify(chosen) ?? String(chosen)}; there are the targets 0 to ${this.channels.length - 1}`,
      )
    }
    return targets.length > 1 ? [...new Set(targets as readonly number[])] : (targets as readonly number[])
  }
}

/** Encodes a routing key; what cannot be one is the author's error, said with its type. */
export function routingKey(key: unknown): string {
  try {
    return encodeKey(key)
  } catch (error) {
    throw new VertigoError('KEY_INVALID', asError(error).message)
  }
}
