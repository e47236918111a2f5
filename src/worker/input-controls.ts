import type { GroupContext } from '../messaging/group-tracker.ts'
import type { InputChannel } from '../messaging/input-channel.ts'
import type { Control, Parcel } from '../messaging/parcel.ts'
import { settleTracks, type Tracks, tracksOfOne, type TrackSink } from '../messaging/tracks.ts'
import { type GroupHandlerSet, groupHandlers, type Invoke } from './handlers.ts'
import { bind } from './input-groups.ts'
import type { InputPort } from './setup.ts'

/** What a handler that runs alone has to do with. */
export interface Alone {
  readonly group: GroupContext | undefined
  readonly port: InputPort | undefined
  /** Of what it handles alone. */
  readonly tracks: Tracks | null
}

export const ofNothing: Alone = { group: undefined, port: undefined, tracks: null }

export interface ControlOwner {
  readonly tracking: TrackSink
  runAlone(handler: (context: object) => unknown, about: Alone, after?: () => void): void
  /** There may be more to do at the channel. */
  goOnWith(channel: InputChannel): void
}

type OpenOrClose = Exclude<Control, { readonly type: 'barrier' | 'end' }>

/** The start or end of a group or batch has its turn: everything before it is done. */
export function handleControl(
  owner: ControlOwner,
  channel: InputChannel,
  port: InputPort,
  { tracks: all, items }: Parcel,
  control: OpenOrClose,
): void {
  const tracks = tracksOfOne(all, items.length)
  switch (control.type) {
    case 'group-start': {
      const group = channel.groups.start(control, tracks)
      if (group === undefined) return
      const outer = group.parent?.handlers as GroupHandlerSet | undefined
      const handlers = groupHandlers(group.parent === undefined ? port.groups : outer?.groups, group.name)
      group.handlers = handlers
      run(owner, handlers?.start, group.args, { group, port, tracks })
      return
    }
    case 'group-end': {
      const group = channel.groups.get(control.id)
      if (group === undefined) return
      const handlers = group.handlers as GroupHandlerSet | undefined
      run(owner, handlers?.end, control.args, { group, port, tracks }, () => {
        channel.resume(channel.groups.end(group))
        owner.goOnWith(channel)
      })
      return
    }
    case 'batch-start': {
      channel.inBatch = true
      channel.batchArgs = control.args
      const start = port.batch?.start
      const batch = { resumed: control.resumed === true }
      const invoke = start && ((args: unknown, context: object) => start(args, context, batch))
      run(owner, invoke, control.args, { group: undefined, port, tracks })
      return
    }
    case 'batch-end':
      channel.inBatch = false
      run(owner, port.batch?.end, control.args, { group: undefined, port, tracks })
  }
}

/** Without a handler, the control is complete. */
function run(
  owner: ControlOwner,
  handler: Invoke | undefined,
  args: unknown,
  about: Alone,
  after?: () => void,
): void {
  if (handler !== undefined) {
    owner.runAlone(bind(handler, args), about, after)
    return
  }
  settleTracks(about.tracks, 0, 1, owner.tracking)
  after?.()
}
