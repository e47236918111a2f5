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

/** The inputs of an instance that takes the cut. */
export interface CutChannels {
  readonly channels: readonly InputChannel[]
  readonly ports: readonly NamedPort[]
  readonly snapshot: number
  /** Messages that were taken back, and wait for their next attempt. */
  readonly takenBack: readonly Pick<Task, 'channel' | 'message' | 'group'>[]
}

/**
 * What of its inputs an instance has to have again: open groups and what waits for them (SN-7); messages that were taken back; what is
 * queued before the snapshot's barrier, where that has overtaken it (SN-8).
 */
export function savedChannels(cut: CutChannels): readonly SavedChannel[] {
  return cut.channels.flatMap((channel) => {
    if (channel.isBack && !channel.ended) return []
    const parcels = [...begun(channel, cut), ...(channel.before(cut.snapshot) ?? [])]
    return parcels.length === 0 ? [] : [savedChannel(channel, cut, parcels)]
  })
}

/** SN-9: of back edges, all that, and what comes over them until the barrier does. */
export function loggedChannels(cut: CutChannels): Promise<readonly SavedChannel[]> | undefined {
  const back = cut.channels.filter((channel) => channel.isBack && !channel.ended)
  if (back.length === 0) return undefined
  const logs = back.map(async (channel): Promise<SavedChannel> => {
    const first = begun(channel, cut)
    const logged = await new Promise<readonly BareParcel[]>((resolve) => {
      channel.logUntilBarrier(cut.snapshot, resolve)
    })
    return savedChannel(channel, cut, [...first, ...logged])
  })
  return Promise.all(logs).then((all) => all.filter(({ parcels }) => parcels.length > 0))
}

function begun(channel: InputChannel, { takenBack }: CutChannels): readonly BareParcel[] {
  const again = takenBack.filter((task) => task.channel === channel)
  return [
    ...channel.openParcels,
    ...again.map(({ message, group }) => ({ items: [message], group: group?.id ?? 0, control: null })),
  ]
}

function savedChannel(
  channel: InputChannel,
  { ports }: CutChannels,
  parcels: readonly BareParcel[],
): SavedChannel {
  const port = ports[channel.port]!.name
  assert(channel.name !== '', `an input channel of port "${port}" has no name`)
  const bare = parcels.map(({ items, group, control }): SavedParcel => ({ items, group, control }))
  return { name: channel.name, port, hash: channel.hash ?? null, parcels: bare }
}

/** Puts it into the channels of the same names; where a channel is no more, into one of its own, which ends. */
export function restoreChannels(saved: readonly SavedChannel[], receiver: Receiver): void {
  const { inbox } = receiver
  for (const { name, port, hash, parcels } of saved) {
    const known = inbox.all.find((channel) => channel.name === name)
    if (known !== undefined) {
      known.restore(parcels.map(parcelOf))
      continue
    }
    const channel = new InputChannel(-1, portIndex(receiver, port), { release: () => undefined })
    // It may be in the next snapshot as well.
    channel.name = name
    if (hash !== null) channel.useKey(hash.key ?? undefined)
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
