import { VertigoError } from '../base/errors.ts'
import type { Link } from '../transport/link.ts'
import {
  decodeFrame,
  encodeCredit,
  encodeParcel,
  frameBytesMax,
  messagesFault,
  parcelCreditEntriesMax,
} from '../wire/frame.ts'
import type { Inbox } from './inbox.ts'
import type { ChannelSource, InputChannel } from './input-channel.ts'
import type { ChannelTarget, OutputChannel } from './output-channel.ts'
import { type Control, isControl, type Parcel } from './parcel.ts'

/**
 * All channels between this worker and one other, over one link: parcels one way, credit the other way.
 * Credit is gathered and sent once a slice, with a parcel where one is sent anyway: a message for each would double the
 * traffic.
 */
export class Peer {
  framesReceived = 0
  private readonly link: Link
  private readonly targets: RemoteTarget[] = []
  private readonly inputs = new Map<number, { readonly inbox: Inbox; readonly channel: InputChannel }>()
  private readonly outputs = new Map<number, OutputChannel>()
  private readonly credit = new Map<number, RemoteSource>()
  private readonly onArrival: () => void
  private readonly onCreditDue: (peer: Peer) => void
  /** Whether the worker was told to call `flushCredit`. */
  private isCreditDue = false

  constructor(link: Link, onArrival: () => void, onCreditDue: (peer: Peer) => void) {
    this.link = link
    this.onArrival = onArrival
    this.onCreditDue = onCreditDue
  }

  /** Begins to receive; all channels are known by then. */
  open(onError: (error: unknown) => void): void {
    this.link.receive((frame) => {
      try {
        this.receive(frame)
      } catch (error) {
        onError(error)
      }
    })
  }

  get framesSent(): number {
    let frames = 0
    for (const target of this.targets) frames += target.frames
    return frames
  }

  close(): void {
    this.link.close()
  }

  /** Where an output channel of this worker sends. `place` names its port in errors. */
  target(channelId: number, place: { readonly component: string; readonly port: string }): RemoteTarget {
    const target = new RemoteTarget(this.link, channelId, place, () => this.takeCredit())
    this.targets.push(target)
    return target
  }

  addOutput(channel: OutputChannel): void {
    this.outputs.set(channel.id, channel)
  }

  /** What an input channel of this worker gives its credit to. */
  source(channelId: number): RemoteSource {
    return new RemoteSource(channelId, (source) => {
      this.credit.set(channelId, source)
      if (this.isCreditDue) return
      this.isCreditDue = true
      this.onCreditDue(this)
    })
  }

  addInput(channel: InputChannel, inbox: Inbox): void {
    this.inputs.set(channel.id, { inbox, channel })
  }

  flushCredit(): void {
    this.isCreditDue = false
    if (this.owesCredit) this.link.send(encodeCredit(this.gatheredCredit()))
  }

  /** False where all has gone with parcels. */
  get owesCredit(): boolean {
    return this.credit.size > 0
  }

  /** Credit to go with a parcel; none where there is more than fits. */
  private takeCredit(): readonly number[] {
    return this.credit.size === 0 || this.credit.size > parcelCreditEntriesMax ? [] : this.gatheredCredit()
  }

  private gatheredCredit(): readonly number[] {
    const entries: number[] = []
    for (const source of this.credit.values()) entries.push(...source.take())
    this.credit.clear()
    return entries
  }

  private release(entries: Uint32Array): void {
    for (let i = 0; i < entries.length; i += 3) {
      this.outputs.get(entries[i]!)?.release(entries[i + 1]!, entries[i + 2]!)
    }
  }

  private receive(bytes: Uint8Array): void {
    const frame = decodeFrame(bytes)
    if (frame.type === 'credit') {
      this.release(frame.entries)
    } else {
      this.framesReceived++
      const input = this.inputs.get(frame.channel)
      if (input === undefined)
        throw new VertigoError('FRAME_INVALID', `a frame for the unknown channel ${frame.channel}`)
      const { items, group, control, credit } = frame
      if (credit !== undefined) this.release(credit)
      if (control !== null && !isControl(control)) {
        throw new VertigoError(
          'FRAME_INVALID',
          `a frame for channel ${frame.channel} holds an unknown control`,
        )
      }
      input.inbox.arrive(input.channel, { items, group, control, bytes: bytes.byteLength, released: false })
    }
    this.onArrival()
  }
}

/** Sends parcels of one channel as frames. */
export class RemoteTarget implements ChannelTarget {
  readonly eager = false
  frames = 0
  private readonly link: Link
  private readonly channelId: number
  private readonly place: { readonly component: string; readonly port: string }
  private readonly takeCredit: () => readonly number[]

  constructor(
    link: Link,
    channelId: number,
    place: { readonly component: string; readonly port: string },
    takeCredit: () => readonly number[],
  ) {
    this.link = link
    this.channelId = channelId
    this.place = place
    this.takeCredit = takeCredit
  }

  deliver(parcel: Parcel): number {
    const frame = encodeChecked(this.channelId, parcel, this.place, this.takeCredit)
    const bytes = frame.byteLength
    this.frames++
    this.link.send(frame)
    return bytes
  }
}

/** Encodes a parcel; a value that cannot travel is an error that names the port and the path to the value. */
export function encodeChecked(
  channelId: number,
  parcel: Parcel,
  place: { readonly component: string; readonly port: string },
  takeCredit: () => readonly number[],
): Uint8Array {
  const { items, control } = parcel
  checkEncodable(items, control, place)
  const frame = encodeParcel(channelId, parcel.group, items, control, takeCredit())
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
