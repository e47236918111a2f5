import { VertigoError } from '../base/errors.ts'
import type { Link } from '../transport/link.ts'
import {
  type CycleFrame,
  decodeFrame,
  encodeCredit,
  encodeCycle,
  encodeMark,
  encodeParcel,
  encodeSwitched,
  frameBytesMax,
  messagesFault,
  parcelCreditEntriesMax,
} from '../wire/frame.ts'
import { encodeTrackFrame, type TrackFrame } from '../wire/track-frames.ts'
import type { Inbox } from './inbox.ts'
import type { ChannelSource, InputChannel } from './input-channel.ts'
import type { ChannelTarget, OutputChannel } from './output-channel.ts'
import { type Control, isControl, type Parcel } from './parcel.ts'
import { entriesOf, type Tracks } from './tracks.ts'

interface RemoteInput {
  readonly inbox: Inbox
  readonly channel: InputChannel
}

/** What a worker is told by one of its peers. */
export interface PeerEvents {
  /** Something arrived that may give work. */
  arrived(): void
  /** `flushCredit` is to be called when the slice is over. */
  creditDue(peer: Peer): void
  /** Whether anything may leave now. Where not, it is told to hold. */
  mayAct(): boolean
  /** It has ended all channels that are not of the generation or of a later one. */
  switched(peer: Peer): void
  /** Something about a cycle that both workers have a part in. */
  cycle(peer: Peer, frame: CycleFrame): void
  /** A parcel with tracked messages has come from it: what these entries say, of so many indices. */
  tracked(peer: Peer, entries: Int32Array, count: number): Tracks
  /** What comes back of trees. */
  track(frame: TrackFrame): void
}

/**
 * All channels between this worker and one other, over one link: parcels one way, credit the other way.
 * Credit is gathered and sent once a slice, with a parcel where one is sent anyway: a message for each would double the
 * traffic.
 *
 * - PE-1 While it is held, or has no link, parcels wait in their order. Credit goes on, since it emits nothing.
 * - PE-2 Frames for a channel that is not known are an error of the link that they came over, and of nothing else.
 */
export class Peer {
  readonly worker: number
  framesSent = 0
  framesReceived = 0
  /** The last mark that was sent, and the last that has come back: all that was sent before it has arrived. */
  private lastMark = 0
  private seenMark = 0
  /** That the other worker has switched to. */
  generation = 0
  private link: Link | undefined
  private isHeld = false
  private waiting: Uint8Array[] = []
  private readonly inputs = new Map<number, RemoteInput>()
  /** Channels of a number that another one still has, whose end is on its way. */
  private readonly successors = new Map<number, RemoteInput>()
  private readonly outputs = new Map<number, OutputChannel>()
  private readonly credit = new Set<RemoteSource>()
  private readonly events: PeerEvents
  /** Whether the worker was told to call `flushCredit`. */
  private isCreditDue = false

  constructor(worker: number, events: PeerEvents) {
    this.worker = worker
    this.events = events
  }

  /** Begins to receive over the link, and sends what has waited for it. All channels are known by then. */
  attach(link: Link, onError: (error: unknown) => void): void {
    if (link === this.link) return
    this.link?.close()
    this.link = link
    link.receive((frame) => {
      if (link !== this.link) return
      try {
        this.receive(frame)
      } catch (error) {
        onError(error)
      }
    })
    this.sendWaiting()
    if (this.owesCredit && !this.isCreditDue) this.requestCredit()
  }

  get isLinked(): boolean {
    return this.link !== undefined
  }

  hold(): void {
    this.isHeld = true
  }

  release(): void {
    this.isHeld = false
    this.sendWaiting()
  }

  /** Without a link again; what was sent over it is not known to have arrived. */
  close(): void {
    this.link?.close()
    this.link = undefined
  }

  sendSwitched(generation: number): void {
    this.send(encodeSwitched(generation))
  }

  /** Behind all that was sent; `hasSeen` says when that has arrived. */
  sendMark(): number {
    this.lastMark++
    this.send(encodeMark({ type: 'mark', mark: this.lastMark }))
    return this.lastMark
  }

  /** Behind all that was sent. */
  sendCycle(frame: CycleFrame): void {
    this.send(encodeCycle(frame))
  }

  sendTrack(frame: TrackFrame): void {
    this.send(encodeTrackFrame(frame))
  }

  hasSeen(mark: number): boolean {
    return this.seenMark >= mark
  }

  sendParcel(frame: Uint8Array): void {
    this.framesSent++
    this.send(frame)
  }

  private send(frame: Uint8Array): void {
    if (this.isHeld || this.link === undefined || !this.events.mayAct())
      this.waiting.push(new Uint8Array(frame))
    else this.link.send(frame)
  }

  private sendWaiting(): void {
    if (this.isHeld || this.link === undefined || this.waiting.length === 0 || !this.events.mayAct()) return
    const { waiting } = this
    this.waiting = []
    for (const frame of waiting) this.link.send(frame)
  }

  /** Where an output channel of this worker sends. `place` names its port in errors. */
  target(channelId: number, place: { readonly component: string; readonly port: string }): RemoteTarget {
    return new RemoteTarget(this, channelId, place)
  }

  addOutput(channel: OutputChannel): void {
    this.outputs.set(channel.id, channel)
  }

  /** Its credit is nobody's concern any more. */
  removeOutput(channel: OutputChannel): void {
    if (this.outputs.get(channel.id) === channel) this.outputs.delete(channel.id)
  }

  /** What an input channel of this worker gives its credit to. */
  source(channelId: number): RemoteSource {
    return new RemoteSource(channelId, (source) => {
      this.credit.add(source)
      if (!this.isCreditDue) this.requestCredit()
    })
  }

  private requestCredit(): void {
    this.isCreditDue = true
    this.events.creditDue(this)
  }

  addInput(channel: InputChannel, inbox: Inbox): void {
    const among = this.inputs.has(channel.id) ? this.successors : this.inputs
    among.set(channel.id, { inbox, channel })
  }

  removeInput(channel: InputChannel): void {
    if (this.inputs.get(channel.id)?.channel === channel) this.succeed(channel.id)
    else if (this.successors.get(channel.id)?.channel === channel) this.successors.delete(channel.id)
    this.credit.delete(channel.source as RemoteSource)
  }

  private succeed(channelId: number): void {
    const next = this.successors.get(channelId)
    this.successors.delete(channelId)
    if (next === undefined) this.inputs.delete(channelId)
    else this.inputs.set(channelId, next)
  }

  flushCredit(): void {
    this.isCreditDue = false
    if (this.owesCredit && this.link !== undefined) this.link.send(encodeCredit(this.gatheredCredit()))
  }

  /** False where all has gone with parcels. */
  get owesCredit(): boolean {
    return this.credit.size > 0
  }

  /** Credit to go with a parcel; none where there is more than fits. */
  takeCredit(): readonly number[] {
    // A parcel that waits would keep it back.
    if (this.isHeld || this.credit.size === 0 || this.credit.size > parcelCreditEntriesMax) return noCredit
    return this.gatheredCredit()
  }

  private gatheredCredit(): readonly number[] {
    const entries: number[] = []
    for (const source of this.credit) entries.push(...source.take())
    this.credit.clear()
    return entries
  }

  private giveCredit(entries: Float64Array): void {
    for (let i = 0; i < entries.length; i += 3) {
      this.outputs.get(entries[i]!)?.release(entries[i + 1]!, entries[i + 2]!)
    }
  }

  private receive(bytes: Uint8Array): void {
    const frame = decodeFrame(bytes)
    if (frame.type === 'credit') {
      this.giveCredit(frame.entries)
    } else if (frame.type === 'switched') {
      this.generation = Math.max(this.generation, frame.generation)
      this.events.switched(this)
    } else if (frame.type === 'mark') {
      // Also while it is held: nothing is emitted by it.
      this.link?.send(encodeMark({ type: 'mark-seen', mark: frame.mark }))
    } else if (frame.type === 'mark-seen') {
      this.seenMark = Math.max(this.seenMark, frame.mark)
    } else if (frame.type === 'track-reports' || frame.type === 'tree-news') {
      this.events.track(frame)
    } else if (frame.type !== 'parcel') {
      this.events.cycle(this, frame)
    } else {
      this.framesReceived++
      const input = this.inputs.get(frame.channel)
      if (input === undefined)
        throw new VertigoError('FRAME_INVALID', `a frame for the unknown channel ${frame.channel}`)
      const { items, group, control, tracks: entries, credit } = frame
      if (credit !== undefined) this.giveCredit(credit)
      if (control !== null && !isControl(control)) {
        throw new VertigoError(
          'FRAME_INVALID',
          `a frame for channel ${frame.channel} holds an unknown control`,
        )
      }
      if (control?.type === 'end' && this.successors.has(frame.channel)) this.succeed(frame.channel)
      const tracks = entries === null ? null : this.events.tracked(this, entries, items.length + 1)
      const { byteLength } = bytes
      input.inbox.arrive(input.channel, { items, group, control, bytes: byteLength, tracks, released: false })
    }
    this.events.arrived()
  }
}

const noCredit: readonly number[] = []

/** Sends parcels of one channel as frames. */
export class RemoteTarget implements ChannelTarget {
  readonly eager = false
  private readonly peer: Peer
  private readonly channelId: number
  private readonly place: { readonly component: string; readonly port: string }

  constructor(peer: Peer, channelId: number, place: { readonly component: string; readonly port: string }) {
    this.peer = peer
    this.channelId = channelId
    this.place = place
  }

  deliver(parcel: Parcel): number {
    const frame = encodeChecked(this.channelId, parcel, this.place, this.peer)
    const bytes = frame.byteLength
    this.peer.sendParcel(frame)
    return bytes
  }
}

/** Encodes a parcel; a value that cannot travel is an error that names the port and the path to the value. */
export function encodeChecked(
  channelId: number,
  parcel: Parcel,
  place: { readonly component: string; readonly port: string },
  peer: Pick<Peer, 'takeCredit'>,
): Uint8Array {
  const { items, control } = parcel
  checkEncodable(items, control, place)
  const frame = encodeParcel(
    channelId,
    parcel.group,
    items,
    control,
    peer.takeCredit(),
    parcel.tracks && entriesOf(parcel.tracks),
  )
  if (frame.byteLength > frameBytesMax) {
    throw new VertigoError(
      'MESSAGE_NOT_ENCODABLE',
      `messages of port "${place.component}.${place.port}" take ${frame.byteLength} bytes; a frame holds ${frameBytesMax}`,
      { place },
    )
  }
  return frame
}

/** Errors: MESSAGE_NOT_ENCODABLE, with the port and the path to the value. */
export function checkEncodable(
  items: readonly unknown[],
  control: Control | null,
  place: { readonly component: string; readonly port: string },
): void {
  const found = messagesFault(items) ?? (control === null ? undefined : messagesFault([control]))
  if (found === undefined) return
  const { path, problem } = found.fault
  throw new VertigoError(
    'MESSAGE_NOT_ENCODABLE',
    `a message of port "${place.component}.${place.port}" cannot leave its thread: ${path === '' ? 'it' : `message${path}`} ${problem}`,
    { place },
  )
}

/** Gathers the credit of one input channel. */
export class RemoteSource implements ChannelSource {
  private readonly channelId: number
  private readonly onCredit: (source: RemoteSource) => void
  private messages = 0
  private bytes = 0

  constructor(channelId: number, onCredit: (source: RemoteSource) => void) {
    this.channelId = channelId
    this.onCredit = onCredit
  }

  release(messages: number, bytes: number): void {
    this.messages += messages
    this.bytes += bytes
    this.onCredit(this)
  }

  take(): [number, number, number] {
    const taken: [number, number, number] = [this.channelId, this.messages, this.bytes]
    this.messages = 0
    this.bytes = 0
    return taken
  }
}
