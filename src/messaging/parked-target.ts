import type { ChannelTarget } from './output-channel.ts'
import type { Parcel } from './parcel.ts'

/**
 * Where parcels wait whose target is not placed at the moment. No credit comes back, so its sender is held when the
 * channel is full; when the target comes, all is handed over in its order.
 */
export class ParkedTarget implements ChannelTarget {
  readonly eager = true
  private parcels: Parcel[] = []

  deliver(parcel: Parcel): number {
    this.parcels.push(parcel)
    return parcel.bytes
  }

  get holdsMessages(): boolean {
    return this.parcels.some(({ items }) => items.length > 0)
  }

  takeAll(): readonly Parcel[] {
    const { parcels } = this
    this.parcels = []
    return parcels
  }
}
