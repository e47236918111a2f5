import { assert } from '../../base/assert.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Inbox } from '../../messaging/inbox.ts'
import { InputChannel } from '../../messaging/input-channel.ts'
import type { BareParcel } from '../../messaging/parcel.ts'
import type { Task } from '../task-runner.ts'
import type { SavedChannel, SavedParcel } from './saved.ts'

interface NamedPort {
  readonly name: string
  readonly index: number
}

interface Receiver {
  readonly place: string
  readonly inputs: readonly NamedPort[]
  readonly inbox: Inbox
}

/**
 * What of its inputs an instance has to have again: open groups and what waits for them (SN-7); messages that were taken back and wait for
 * their next attempt; what is queued before the snapshot's barrier, where that has overtaken it (SN-8).
 */
export function savedChannels(
  channels: readonly InputChannel[],
  ports: readonly NamedPort[],
  snapshot: number,
  takenBack: readonly Pick<Task, 'channel' | 'message' | 'group'>[],
): readonly SavedChannel[] {
  return channels.flatMap((channel) => {
    const again = takenBack.filter((task) => task.channel === channel)
    const parcels = [
      ...channel.openParcels,
      ...again.map(({ message, group }) => ({ items: [message], group: group?.id ?? 0, control: null })),
      ...(channel.isBack ? [] : (channel.before(snapshot) ?? [])),
    ].map(({ items, group, control }): SavedParcel => ({ items, group, control }))
    if (parcels.length === 0) return []
    const { name } = ports[channel.port]!
    assert(channel.name !== '', `an input channel of port "${name}" has no name`)
    return [{ name: channel.name, port: name, parcels }]
  })
}

/** Puts it into the channels of the same names; where a channel is no more, into one of its own, which ends. */
export function restoreChannels(saved: readonly SavedChannel[], receiver: Receiver): void {
  const { inbox } = receiver
  for (const { name, port, parcels } of saved) {
    const known = inbox.all.find((channel) => channel.name === name)
    if (known !== undefined) {
      known.restore(parcels.map(parcelOf))
      continue
    }
    const channel = new InputChannel(-1, portIndex(receiver, port), { release: () => undefined })
    channel.isDormant = true
    channel.restore([...parcels.map(parcelOf), { items: [], group: 0, control: { type: 'end' } }])
    inbox.add(channel)
    inbox.activate(channel)
  }
}

function parcelOf({ items, group, control }: SavedParcel): BareParcel {
  return { items: [...items], group, control }
}

function portIndex({ inputs, place }: Receiver, name: string): number {
  const port = inputs.find((input) => input.name === name)
  if (port !== undefined) return port.index
  throw new VertigoError(
    'PORT_UNKNOWN',
    `${place} has no input port "${name}", which a snapshot has messages for`,
  )
}
