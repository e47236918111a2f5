import type { Logger } from '../component/context.ts'
import type { GroupContext } from '../messaging/group-tracker.ts'
import type { InputChannel } from '../messaging/input-channel.ts'
import type { Parcel } from '../messaging/parcel.ts'
import type { GroupHandlerSet, Invoke } from './handlers.ts'
import type { InputPort } from './setup.ts'

/** What groups and batches that are open in an input channel have to do with who handles its messages. */

export function bind(handler: Invoke, args: unknown): (context: object) => unknown {
  return (context) => handler(args, context)
}

export function hasGroupState(group: GroupContext | undefined): boolean {
  for (let at = group; at !== undefined; at = at.parent) {
    if (at.handlers !== undefined || Reflect.ownKeys(at.state).length > 0) return true
  }
  return false
}

/** In a group, the innermost handlers that take messages; in a batch, the batch's; else the port's. */
export function messageHandler(
  port: InputPort,
  channel: InputChannel,
  group: GroupContext | undefined,
): Invoke | undefined {
  for (let at = group; at !== undefined; at = at.parent) {
    const handlers = at.handlers as GroupHandlerSet | undefined
    if (handlers?.message !== undefined) return channel.observed(handlers.message)
  }
  const invoke = channel.inBatch ? (port.batch?.message ?? port.message) : port.message
  return invoke === undefined ? undefined : channel.observed(invoke)
}

/**
 * A sender ends its channels outside of groups and batches; where one is open at the end, the sender has failed. It is
 * given up without a call of its `end`, which would make what has come of it look whole. True where others, which have
 * waited for such groups, come first; the end is behind them then.
 */
export function abandonGroups(
  channel: InputChannel,
  end: Parcel,
  port: string,
  receiver: { readonly logger: object; readonly place: string },
): boolean {
  const { abandoned, resumed } = channel.groups.abandon()
  const log = receiver.logger as Logger
  const where = `at port "${port}" of ${receiver.place} is given up: its sender is gone`
  for (const { name } of abandoned) log.warn(`group "${name ?? ''}" ${where}`)
  if (channel.inBatch) log.warn(`a batch ${where}`)
  channel.inBatch = false
  if (resumed.length === 0) return false
  for (const group of resumed) channel.resume(group)
  channel.push({ ...end, released: true })
  return true
}
