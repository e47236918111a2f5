import type { Inbox } from './inbox.ts'
import type { InputChannel } from './input-channel.ts'
import type { ChannelTarget } from './output-channel.ts'
import type { Parcel } from './parcel.ts'

/** Hands parcels to an inbox of the same thread, as they are. */
export class LocalTarget implements ChannelTarget {
  readonly eager = true
  private readonly inbox: Inbox
  private readonly channel: InputChannel

  constructor(inbox: Inbox, channel: InputChannel) {
    this.inbox = inbox
    this.channel = channel
  }

  deliver(parcel: Parcel): number {
    this.inbox.arrive(this.channel, parcel)
    return parcel.bytes
  }
}
