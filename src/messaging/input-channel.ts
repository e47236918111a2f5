import type { GroupContext } from './group-tracker.ts'
import { GroupTracker } from './group-tracker.ts'
import { type KeyReader, keyReader } from '../state/keys.ts'
import { type BareParcel, countOf, type Parcel } from './parcel.ts'
import type { MessageHook } from './router.ts'

type Handler = (message: unknown, context: object) => unknown

/** Where the connection is by `hash`: the path of the key. Null: the message itself is the key. */
export interface ChannelHash {
  readonly key: string | null
}

/** Who is told that parcels were handled: the sending end, of this thread or across a link. */
export interface ChannelSource {
  release(messages: number, bytes: number): void
}

/**
 * The receiving end of a channel: parcels in the order of arrival, and the groups that are open in it.
 *
 * Parcels of a group that has to wait (an earlier one of its name is open) are put aside, with their credit given
 * back: otherwise the sender could never send what the earlier group waits for. What is put aside has its own bound.
 */
export class InputChannel {
  readonly id: number
  /** Index of the input port in the component's declaration. */
  readonly port: number
  readonly source: ChannelSource
  readonly groups = new GroupTracker()
  /** Index of the next message in the first parcel. */
  position = 0
  ended = false
  /** The last parcel has arrived. */
  hasEndQueued = false
  /** Parcels that have come, handled or not. */
  arrived = 0
  /** Where the connection is by `hash`: how it reads the key. Connections to one port may differ in that. */
  readKey: KeyReader | undefined = undefined
  /** The same, as snapshots have it. */
  hash: ChannelHash | undefined = undefined
  inBatch = false
  batchArgs: unknown = undefined
  /** Whether it stands in its inbox's list of channels with something to do. */
  listed = false
  /** Its first parcel is the barrier of a snapshot whose cut is not taken yet: nothing of it is handled until then. */
  isAtBarrier = false
  /** The last snapshot whose barrier was not waited at. */
  lastBarrier = 0
  /** It closes a cycle: what comes over it is not waited for by snapshots. */
  isBack = false
  /** Of a snapshot whose cut was taken, until its barrier comes: what arrives before that belongs to it (SN-9). */
  private logged:
    | {
        readonly snapshot: number
        readonly parcels: BareParcel[]
        readonly then: (parcels: readonly BareParcel[]) => void
      }
    | undefined
  /** What it is called in snapshots. */
  name = ''
  /** Of a plan that is not in force here yet: what arrives waits, held up by credit. */
  isDormant = false
  /** Not in the plan any more: its end takes it away. */
  isLeaving = false
  /** Those of the same sender that it has taken the place of, and that are not at their end yet. */
  after: readonly InputChannel[] | undefined = undefined
  /** Takes it away. */
  onGone: () => void = () => undefined
  private queue: Parcel[] = []
  private head = 0

  private readonly onReceive: readonly MessageHook[]
  private readonly wrapped = new Map<Handler, Handler>()

  constructor(id: number, port: number, source: ChannelSource, onReceive: readonly MessageHook[] = []) {
    this.id = id
    this.port = port
    this.source = source
    this.onReceive = onReceive
  }

  /** Its end has been handled. */
  finish(removed: boolean): void {
    this.ended = true
    if (removed || this.isLeaving) this.onGone()
  }

  useKey(key: string | undefined): void {
    this.readKey = keyReader(key)
    this.hash = { key: key ?? null }
  }

  /** The handler, with the hooks of this connection before it. */
  observed(handler: Handler): Handler {
    const { onReceive } = this
    if (onReceive.length === 0) return handler
    let wrapped = this.wrapped.get(handler)
    if (wrapped === undefined) {
      wrapped = (message, context) => {
        for (const hook of onReceive) hook(message)
        return handler(message, context)
      }
      this.wrapped.set(handler, wrapped)
    }
    return wrapped
  }

  get isEmpty(): boolean {
    return this.head === this.queue.length
  }

  /** What its sender sent before it, over channels that this one replaces, comes first: all of that has arrived, with its end. */
  get isBehind(): boolean {
    return this.after?.some((channel) => channel.hasEndQueued && !channel.ended) ?? false
  }

  /** Messages that wait here. */
  get queued(): number {
    let count = -this.position
    for (let i = this.head; i < this.queue.length; i++) count += this.queue[i]!.items.length
    return Math.max(0, count) + this.groups.heldCount
  }

  push(parcel: Parcel): void {
    this.arrived++
    if (parcel.control?.type === 'end') this.hasEndQueued = true
    if (this.logged !== undefined) this.log(parcel)
    if (this.head > 64 && this.head * 2 > this.queue.length) {
      this.queue.splice(0, this.head)
      this.head = 0
    }
    this.queue.push(parcel)
  }

  /** The parcel to work on; undefined where there is none. Puts aside what has to wait. */
  first(): Parcel | undefined {
    while (this.head < this.queue.length) {
      const parcel = this.queue[this.head]!
      if (parcel.group === 0 || this.position !== 0 || !this.groups.mustWait(parcel)) return parcel
      this.drop()
      this.hold(parcel)
    }
    return undefined
  }

  /** What waits for groups, with the beginnings of what is open: put before all else of a channel that begins, it is as here. */
  get openParcels(): readonly BareParcel[] {
    const control = { type: 'batch-start', args: this.batchArgs, resumed: true } as const
    const batch: BareParcel = { items: [], group: 0, control }
    return this.inBatch ? [batch, ...this.groups.openParcels()] : this.groups.openParcels()
  }

  /** Comes before anything that arrives, and is nothing that its sender of now has sent. */
  restore(parcels: readonly BareParcel[]): void {
    const restored = parcels.map(({ items, group, control }) => ({
      items,
      group,
      control,
      bytes: 0,
      tracks: null,
      released: true,
    }))
    this.queue = [...restored, ...this.queue.slice(this.head)]
    this.head = 0
  }

  /**
   * From the cut of a snapshot on: `then` is given what is queued, and what arrives until the barrier comes, or the end. An earlier
   * snapshot is forgotten.
   */
  logUntilBarrier(snapshot: number, then: (parcels: readonly BareParcel[]) => void): void {
    const { parcels, isWhole } = this.queuedBefore(snapshot)
    if (this.ended || this.lastBarrier === snapshot) then([])
    else if (isWhole) then(parcels)
    else this.logged = { snapshot, parcels, then }
  }

  private log({ items, group, control }: Parcel): void {
    const { snapshot, parcels, then } = this.logged!
    if (control?.type === 'barrier' && control.snapshot < snapshot) return
    const isLast = control?.type === 'barrier' || control?.type === 'end'
    // Its items are handed over as they are, and handled; a later change of one is the author's mistake.
    if (items.length > 0 || !isLast)
      parcels.push({ items: [...items], group, control: isLast ? null : control })
    if (!isLast) return
    this.logged = undefined
    if (control.type === 'end' || control.snapshot === snapshot) then(parcels)
  }

  /** That snapshot is over: what has been copied for it is let go. Later ones are not concerned. */
  forgetLog(snapshot: number): void {
    if (this.logged !== undefined && this.logged.snapshot <= snapshot) this.logged = undefined
  }

  /** Whether the barrier of a snapshot is queued, or the end. Asked in each turn, so nothing is copied. */
  hasBefore(snapshot: number): boolean {
    for (let at = this.head; at < this.queue.length; at++) {
      const { control } = this.queue[at]!
      if (control?.type === 'end' || (control?.type === 'barrier' && control.snapshot === snapshot))
        return true
    }
    return false
  }

  /** What is queued before the barrier of a snapshot, or before the end; undefined where neither has arrived. */
  before(snapshot: number): readonly BareParcel[] | undefined {
    const { parcels, isWhole } = this.queuedBefore(snapshot)
    return isWhole ? parcels : undefined
  }

  private queuedBefore(snapshot: number): { readonly parcels: BareParcel[]; readonly isWhole: boolean } {
    const parcels: BareParcel[] = []
    for (let at = this.head; at < this.queue.length; at++) {
      const { items, group, control } = this.queue[at]!
      if (control?.type === 'barrier') {
        if (control.snapshot === snapshot) return { parcels, isWhole: true }
        continue
      }
      const rest = at === this.head ? items.slice(this.position) : items
      const isEnd = control?.type === 'end'
      if (rest.length > 0 || !isEnd) parcels.push({ items: rest, group, control: isEnd ? null : control })
      if (isEnd) return { parcels, isWhole: true }
    }
    return { parcels, isWhole: false }
  }

  /** The snapshot whose barrier comes first; 0 where there is none. */
  get frontBarrier(): number {
    const control = this.first()?.control
    return control?.type === 'barrier' ? control.snapshot : 0
  }

  /** The first parcel is done: its credit goes back. */
  shift(): void {
    const parcel = this.drop()
    this.release(parcel)
  }

  /** Everything that waited for a group goes to the front, in its order. */
  resume(group: GroupContext | undefined): void {
    const held = this.groups.takeHeld(group)
    if (held.length === 0) return
    this.queue = held.concat(this.queue.slice(this.head))
    this.head = 0
  }

  /** Throws away all that waits, and gives its credit back. */
  discard(onParcel?: (parcel: Parcel, from: number) => void): void {
    while (!this.isEmpty) {
      onParcel?.(this.queue[this.head]!, this.position)
      this.shift()
    }
  }

  private release(parcel: Parcel): void {
    if (!parcel.released) this.source.release(countOf(parcel.items, parcel.control), parcel.bytes)
  }

  private drop(): Parcel {
    const parcel = this.queue[this.head]!
    // A reference that is left behind would keep the messages alive until the array is compacted.
    this.queue[this.head] = undefined as unknown as Parcel
    this.head++
    this.position = 0
    if (this.head === this.queue.length) {
      this.queue = []
      this.head = 0
    }
    return parcel
  }

  private hold(parcel: Parcel): void {
    this.release(parcel)
    parcel.released = true
    this.groups.hold(parcel)
  }
}
