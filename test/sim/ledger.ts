import type { OutputAssignment } from '../../src/worker/assignment.ts'
import { channelParts } from '../../src/cluster/protocol/channels.ts'
import { encodeKey, instanceOfKeyGroup, keyGroupOf } from '../../src/state/keys.ts'

/**
 * What became of every message: the oracle of a simulation. It knows who emitted what over which connections, and who handled
 * it, and nothing of how messages travel.
 *
 * - LE-1 Messages of one channel are handled in the order in which they were emitted.
 * - LE-2 A message that belongs to one copy is handled by one, once; one for all copies by each, once.
 * - LE-3 Where it is certain which copy a message belongs to, that copy has handled it before a later one of the same sender,
 *   whoever dies afterwards.
 * - LE-4 A message is lost only where its sender, or a copy that it may have belonged to, came to a violent end.
 */
export interface Emission {
  readonly seq: number
  readonly key: number
  readonly atMs: number
  readonly outputs: readonly OutputAssignment[]
  /** Instances that have handled it. */
  readonly handledBy: number[]
}

export interface Life {
  readonly id: number
  readonly network: string
  readonly component: string
  readonly index: number
  state: 'lives' | 'finished' | 'cut off' | 'lost'
  endedBecause: string
  readonly emissions: Emission[]
  /** By channel: the last that it handled. */
  readonly last: Map<number, number>
  handled: number
}

export class Ledger {
  readonly lives = new Map<string, Life>()
  readonly violations: string[] = []
  handled = 0

  life(network: string, id: number): Life | undefined {
    return this.lives.get(`${network}#${id}`)
  }

  begin(network: string, id: number, component: string, index: number): Life {
    const key = `${network}#${id}`
    let life = this.lives.get(key)
    if (life === undefined) {
      life = {
        id,
        network,
        component,
        index,
        state: 'lives',
        endedBecause: '',
        emissions: [],
        last: new Map(),
        handled: 0,
      }
      this.lives.set(key, life)
    }
    return life
  }

  emitted(life: Life, key: number, outputs: readonly OutputAssignment[], atMs: number): number {
    const seq = life.emissions.length
    life.emissions.push({ seq, key, atMs, outputs, handledBy: [] })
    return seq
  }

  handledBy(target: Life, from: number, seq: number): void {
    this.handled++
    target.handled++
    const source = this.life(target.network, from)
    const emission = source?.emissions[seq]
    if (source === undefined || emission === undefined) {
      this.violate(`${nameOf(target)} handled a message that nobody sent: ${from}/${seq}`)
      return
    }
    if (emission.handledBy.includes(target.id))
      this.violate(`LE-2 ${nameOf(target)} handled message ${seq} of ${nameOf(source)} twice`)
    const channel = channelTo(from, emission, target.id)
    const last = target.last.get(channel) ?? -1
    if (seq < last)
      this.violate(`LE-1 ${nameOf(target)} handled message ${seq} of ${nameOf(source)} after ${last}`)
    target.last.set(channel, seq)
    emission.handledBy.push(target.id)
  }

  /** LE-2 to LE-4, when nothing is on its way any more, for networks that are open: in others messages wait. */
  settle(isOpen: (network: string) => boolean): void {
    for (const life of this.lives.values())
      if (isOpen(life.network))
        for (const emission of life.emissions)
          for (const output of emission.outputs) this.check(life, emission, output)
  }

  private check(source: Life, emission: Emission, output: OutputAssignment): void {
    const targets = output.channels.map(({ channel, toWorker }) =>
      toWorker < 0 ? undefined : channelParts(channel).target,
    )
    const certain = certainTargets(output, targets, emission.key)
    if (certain !== undefined) {
      for (const target of certain) this.checkCertain(source, emission, target)
      return
    }
    const handled = emission.handledBy.filter((id) => targets.includes(id))
    const place = `message ${emission.seq} of ${nameOf(source)} on connection ${output.connection}`
    if (handled.length > 1) this.violate(`LE-2 ${place} was handled by ${handled.join(' and ')}`)
    if (handled.length > 0 || targets.includes(undefined)) return
    if (isExcused(source)) return
    const lives = targets.map((id) => this.life(source.network, id!))
    if (lives.some((life) => life === undefined || isExcused(life))) return
    this.violate(
      `LE-4 ${place} was lost; it belonged to one of ${lives.map((life) => nameOf(life!)).join(', ')}`,
    )
  }

  private checkCertain(source: Life, emission: Emission, target: number | undefined): void {
    if (target === undefined || emission.handledBy.includes(target)) return
    const life = this.life(source.network, target)
    const place = `message ${emission.seq} of ${nameOf(source)} for ${life === undefined ? target : nameOf(life)}`
    if (life !== undefined && (life.last.get(channelTo(source.id, emission, life.id)) ?? -1) > emission.seq)
      this.violate(`LE-3 ${place} was left out; a later one was handled`)
    else if (life !== undefined && !isExcused(life) && !isExcused(source))
      this.violate(`LE-4 ${place} was lost`)
  }

  violate(what: string): void {
    if (this.violations.length < violationsMax) this.violations.push(what)
  }
}

const violationsMax = 20

function isExcused({ state }: Life): boolean {
  return state === 'lost'
}

export function nameOf({ network, component, index, id, state, endedBecause }: Life): string {
  const end = state === 'lives' ? '' : ` (${state}${endedBecause === '' ? '' : `: ${endedBecause}`})`
  return `${network}/${component}[${index}]#${id}${end}`
}

/** The channel that an emission took to an instance; one of its source's own where the target had no place yet. */
function channelTo(source: number, { outputs }: Emission, target: number): number {
  for (const { channels } of outputs)
    for (const { channel, toWorker } of channels)
      if (toWorker >= 0 && channelParts(channel).target === target) return channel
  return -1 - source
}

/** The copies that a message belongs to, where that is no matter of choice. */
function certainTargets(
  { selector }: OutputAssignment,
  targets: readonly (number | undefined)[],
  key: number,
): readonly (number | undefined)[] | undefined {
  if (selector.type === 'all' || targets.length === 1) return targets
  if (selector.type !== 'hash') return undefined
  return [targets[instanceOfKeyGroup(keyGroupOf(encodeKey(key)), targets.length)]]
}
