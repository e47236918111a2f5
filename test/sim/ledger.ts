import { isExcused, nameOf, type WatchedLife } from '../../src/testkit/cluster/life.ts'
import type { OutputAssignment } from '../../src/worker/assignment.ts'
import { channelParts } from '../../src/cluster/protocol/channels.ts'
import type { GroupArgs, Message } from './kinds.ts'
import { encodeKey, instanceOfKeyGroup, keyGroupOf } from '../../src/state/keys.ts'

/**
 * What became of every message: the oracle of a simulation. It knows who emitted what over which connections, and who handled
 * it, and nothing of how messages travel.
 *
 * - LE-1 Messages of one instance are handled by another in the order in which they were emitted, whatever channels take the place of others.
 * - LE-2 A message that belongs to one copy is handled by one, once; one for all copies by each, once.
 * - LE-3 Where it is certain which copy a message belongs to, that copy has handled it before a later one of the same sender,
 *   whoever dies afterwards.
 * - LE-5 A group goes whole to one copy of each target: nothing of its sender comes between, and its end comes after all of it.
 * - LE-6 State by key goes with the instance: it knows all that this instance has handled of the key, and nothing else.
 * - LE-4 A message is lost only where its sender, or a copy that it may have belonged to, came to a violent end.
 */
export interface Emission {
  readonly seq: number
  readonly key: number
  /** The number of the first message of its group. */
  readonly group: number | undefined
  readonly atMs: number
  readonly outputs: readonly OutputAssignment[]
  /** Instances that have handled it. */
  readonly handledBy: number[]
}

export interface Life extends WatchedLife {
  readonly emissions: Emission[]
  /** By sender: the last that it handled. */
  readonly last: Map<number, number>
  /** Messages that it has handled, by key; a component with state keeps them. */
  readonly keys: Map<number, number>
  /** By sender: the group that it is in, by its first message, and how many are still to come. */
  readonly groups: Map<number, { readonly first: number; left: number }>
  handled: number
}

export class Ledger {
  readonly lives = new Map<string, Life>()
  readonly violations: string[] = []
  handled = 0
  /** A violation like the one that is looked for was seen. */
  isFound = false
  private readonly wanted: RegExp | undefined

  constructor(wanted?: RegExp) {
    this.wanted = wanted
  }

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
        keys: new Map(),
        groups: new Map(),
        handled: 0,
      }
      this.lives.set(key, life)
    }
    return life
  }

  emitted(
    life: Life,
    { key, group, outputs, atMs }: Pick<Emission, 'key' | 'group' | 'outputs' | 'atMs'>,
  ): number {
    const seq = life.emissions.length
    life.emissions.push({ seq, key, group, atMs, outputs, handledBy: [] })
    return seq
  }

  /** LE-6 */
  counted(life: Life, key: number, before: number): void {
    const known = life.keys.get(key) ?? 0
    if (before !== known)
      this.violate(`LE-6 ${nameOf(life)} has counted ${before} of key ${key}, it has handled ${known}`)
    life.keys.set(key, known + 1)
  }

  /** LE-5 */
  groupEnded(target: Life, { from, first, size }: GroupArgs): void {
    const group = target.groups.get(from)
    if (group === undefined || group.first !== first || group.left > 0)
      this.violate(
        `LE-5 ${nameOf(target)} is told the end of group ${from}/${first} of ${size}, of which ${group?.left} are missing`,
      )
    target.groups.delete(from)
  }

  /** LE-5. No two are connected twice at a time: that would make it a matter of channels, which the ledger does not look into. */
  private inGroup(target: Life, from: number, seq: number, args: GroupArgs | undefined): void {
    const now = target.groups.get(from)
    if (now !== undefined && now.left > 0 && now.first !== args?.first)
      this.violate(`LE-5 ${nameOf(target)} handles message ${seq} of ${from} inside of group ${now.first}`)
    if (args === undefined) return
    if (args.from !== from || seq < args.first || seq >= args.first + args.size)
      this.violate(
        `LE-5 ${nameOf(target)} handles message ${seq} of ${from} in group ${args.from}/${args.first}`,
      )
    else if (now?.first === args.first) now.left--
    else target.groups.set(from, { first: args.first, left: args.size - 1 })
  }

  handledBy(target: Life, { from, seq }: Pick<Message, 'from' | 'seq'>, group?: GroupArgs): void {
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
    this.inGroup(target, from, seq, group)
    const last = target.last.get(from) ?? -1
    if (seq < last)
      this.violate(`LE-1 ${nameOf(target)} handled message ${seq} of ${nameOf(source)} after ${last}`)
    target.last.set(from, seq)
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
    if (life !== undefined && (life.last.get(source.id) ?? -1) > emission.seq)
      this.violate(`LE-3 ${place} was left out; a later one was handled`)
    else if (life !== undefined && !isExcused(life) && !isExcused(source))
      this.violate(`LE-4 ${place} was lost`)
  }

  violate(what: string): void {
    const isWanted = this.wanted?.test(what) === true
    this.isFound ||= isWanted
    if (this.violations.length < violationsMax || isWanted) this.violations.push(what)
  }
}

const violationsMax = 20

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
