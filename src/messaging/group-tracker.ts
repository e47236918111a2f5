import { VertigoError } from '../base/errors.ts'
import { groupHeldMessagesMax } from './limits.ts'
import { type BareParcel, type Control, countOf, type Parcel } from './parcel.ts'
import type { Tracks } from './tracks.ts'

type GroupStart = Extract<Control, { type: 'group-start' }>

/** What has it is not in snapshots where it stands in the state of a group. */
export const notInSnapshots = Symbol('not in snapshots')

/**
 * The groups that are open in one channel, at its receiver.
 *
 * - GR-1 Groups of one name at one level (inside the same group, or outside of all) complete one after another, in the
 *   order of their starts.
 * - GR-2 A group's end comes after every message and every inner group (the sender sees to it).
 * - GR-3 A group that waits keeps everything that belongs to it, inner groups included, in its order.
 */
export class GroupTracker {
  private readonly open = new Map<number, GroupContext>()
  /** Id of a group (waiting itself, or inside one that waits) -> the group that waits. */
  private readonly waiting = new Map<number, GroupContext>()
  private readonly level = new Level()
  /** Messages and controls of groups that wait. */
  heldCount = 0

  get(id: number): GroupContext | undefined {
    return this.open.get(id)
  }

  /** Whether the parcel belongs to a group that waits. */
  mustWait(parcel: Parcel): boolean {
    return this.waiting.has(parcel.group)
  }

  hold(parcel: Parcel): void {
    const group = this.waiting.get(parcel.group)!
    if (parcel.control?.type === 'group-start') this.wait(parcel.control.id, group)
    this.keep(parcel, group)
  }

  /**
   * A start arrived: the group, or undefined where it has to wait for an earlier one; `tracks` are of it alone.
   * Errors: GROUP_HELD_LIMIT.
   */
  start(control: GroupStart, tracks: Tracks | null = null): GroupContext | undefined {
    const parent = this.open.get(control.parent)
    const level = parent === undefined ? this.level : parent.level
    const queue = level.queue(control.name)
    const first = queue[0]
    if (first !== undefined && first.id === control.id) {
      this.open.set(control.id, first)
      return first
    }
    const group = new GroupContext(control, parent)
    queue.push(group)
    if (first === undefined) {
      this.open.set(control.id, group)
      return group
    }
    this.wait(control.id, group)
    this.keep({ items: [], group: control.parent, control, bytes: 0, tracks, released: true }, group)
    return undefined
  }

  /** The group has ended; returns the one that waited for it, if any. */
  end(group: GroupContext): GroupContext | undefined {
    this.open.delete(group.id)
    const level = group.parent === undefined ? this.level : group.parent.level
    const queue = level.queue(group.name)
    queue.shift()
    if (queue.length === 0) level.remove(group.name)
    return queue[0]
  }

  /**
   * Nothing more will come of the groups that are open: they are given up, inner ones first, with what waits inside of
   * them. Gives them, and those that have waited for their turn.
   */
  abandon(): { readonly abandoned: readonly GroupContext[]; readonly resumed: readonly GroupContext[] } {
    const abandoned = [...this.open.values()].toReversed()
    const resumed: GroupContext[] = []
    for (const group of abandoned) {
      let next = this.end(group)
      if (group.parent === undefined) {
        if (next !== undefined) resumed.push(next)
        continue
      }
      for (; next !== undefined; next = this.end(next)) this.takeHeld(next)
    }
    return { abandoned, resumed }
  }

  /** The groups that are open, as if they began now, and behind each of them what waits for its end. */
  openParcels(): BareParcel[] {
    return this.level.openParcels()
  }

  takeHeld(group: GroupContext | undefined): Parcel[] {
    if (group === undefined) return []
    for (const id of group.waitingIds) this.waiting.delete(id)
    group.waitingIds = []
    const { held } = group
    group.held = []
    for (const parcel of held) this.heldCount -= countOf(parcel.items, parcel.control)
    return held
  }

  private wait(id: number, group: GroupContext): void {
    this.waiting.set(id, group)
    group.waitingIds.push(id)
  }

  private keep(parcel: Parcel, group: GroupContext): void {
    group.held.push(parcel)
    this.heldCount += countOf(parcel.items, parcel.control)
    if (this.heldCount > groupHeldMessagesMax) {
      throw new VertigoError(
        'GROUP_HELD_LIMIT',
        `more than ${groupHeldMessagesMax} messages wait for an earlier group "${group.name ?? ''}" to end`,
      )
    }
  }
}

/** Open groups side by side: for each name those that are open, the first of which is at work. */
class Level {
  private readonly names = new Map<string | undefined, GroupContext[]>()

  queue(name: string | undefined): GroupContext[] {
    let queue = this.names.get(name)
    if (queue === undefined) {
      queue = []
      this.names.set(name, queue)
    }
    return queue
  }

  remove(name: string | undefined): void {
    this.names.delete(name)
  }

  openParcels(): BareParcel[] {
    return [...this.names.values()].flatMap(([first, ...waiting]) => [
      ...(first?.openParcels() ?? []),
      ...waiting.flatMap(({ held }) => held),
    ])
  }
}

/** What of a group's state its `start`, which runs again, does not put there: no handles of groups, and nothing of the engine's own. */
function gathered(state: Record<string, unknown>): Record<string, unknown> {
  const isHandle = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && notInSnapshots in value
  return Object.fromEntries(Object.entries(state).filter(([, value]) => !isHandle(value)))
}

/** An open group at a receiver; what handlers see of it is the author's `GroupContext`. */
export class GroupContext {
  readonly id: number
  readonly name: string | undefined
  readonly args: unknown
  readonly parent: GroupContext | undefined
  /** It was open at the cut of the snapshot that its instance goes on from: its `start` runs again. */
  readonly resumed: boolean
  state: Record<string, unknown>
  /** What the receiver's handlers are, set by who calls them. */
  handlers: unknown
  held: Parcel[] = []
  /** While it waits: its id, and those of the groups in it. */
  waitingIds: number[] = []
  private inner: Level | undefined

  constructor(control: GroupStart, parent: GroupContext | undefined) {
    this.id = control.id
    this.name = control.name
    this.args = control.args
    this.parent = parent
    this.resumed = control.resumed !== undefined
    this.state = { ...control.resumed }
  }

  /** Itself, as if it began now, then those in it. */
  openParcels(): BareParcel[] {
    const { id, name, args, state } = this
    const parent = this.parent?.id ?? 0
    const control = { type: 'group-start', id, parent, name, args, resumed: gathered(state) } as const
    return [{ items: [], group: parent, control }, ...(this.inner?.openParcels() ?? [])]
  }

  /** The groups in it; most groups have none. */
  get level(): Level {
    this.inner ??= new Level()
    return this.inner
  }
}
