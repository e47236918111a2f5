import { VertigoError } from '../base/errors.ts'
import { deepFreeze } from '../base/freeze.ts'
import { decodeFrame } from '../wire/frame.ts'
import type { Inbox } from './inbox.ts'
import type { InputChannel } from './input-channel.ts'
import type { ChannelTarget } from './output-channel.ts'
import type { Control, Parcel } from './parcel.ts'
import { checkEncodable, encodeChecked } from './remote.ts'
import type { MessageHook } from './router.ts'

/**
 * Development mode: within a thread, messages are what they are between threads. A run that has it is wired with these
 * parts in place of the usual ones; all others do not know of it, and pay nothing.
 *
 * - ST-1 What cannot travel is refused where it is sent, within the thread too.
 * - ST-2 What was sent cannot be changed any more: changing it throws where it is done.
 * - ST-3 The receiver gets a copy that has gone through the codec, which cannot be changed either.
 */

/** ST-1, ST-2: for the output port at `place`. */
export function strictSend(place: { readonly component: string; readonly port: string }): MessageHook {
  return (message) => {
    checkEncodable([message], null, place)
    deepFreeze(message)
  }
}

/** ST-3, for every input. */
export const strictReceive: MessageHook = deepFreeze

const noCredit = { takeCredit: (): readonly number[] => [] }

/** ST-3: hands copies to an inbox of the same thread. */
export class CopyingTarget implements ChannelTarget {
  readonly eager = true
  private readonly inbox: Inbox
  private readonly channel: InputChannel
  private readonly place: { readonly component: string; readonly port: string }

  constructor(
    inbox: Inbox,
    channel: InputChannel,
    place: { readonly component: string; readonly port: string },
  ) {
    this.inbox = inbox
    this.channel = channel
    this.place = place
  }

  deliver(parcel: Parcel): number {
    const { items, control } = this.copy(parcel)
    this.inbox.arrive(this.channel, { ...parcel, items, control })
    return parcel.bytes
  }

  private copy(parcel: Parcel): { readonly items: unknown[]; readonly control: Control | null } {
    // Tracks go on as they are: no author sees them.
    // The encoder writes on in its buffer, and what was decoded may look into it.
    const frame = encodeChecked(this.channel.id, { ...parcel, tracks: null }, this.place, noCredit).slice()
    const decoded = decodeFrame(frame)
    if (decoded.type !== 'parcel') throw new VertigoError('INTERNAL', 'a parcel came back as something else')
    return { items: decoded.items, control: decoded.control as Control | null }
  }
}
