import type { HostedInstance } from './hosted.ts'

/** Something outside of the cycle may still send to it; it works; it is at rest. */
export const open = 0
export const working = 1
export const resting = 2

/** What is known of a part of a cycle at one moment. */
export interface CycleRest {
  readonly state: number
  /** Channels from outside that have ended, and instances that are to end. */
  readonly ends: number
  /** Parcels on channels within the cycle, since these began. */
  readonly sent: number
  readonly received: number
}

export const busy: CycleRest = { state: working, ends: 0, sent: 0, received: 0 }

export function sumOf(parts: readonly CycleRest[]): CycleRest {
  let [state, ends, sent, received] = [resting, 0, 0, 0]
  for (const part of parts) {
    state = Math.min(state, part.state)
    ends += part.ends
    sent += part.sent
    received += part.received
  }
  return { state, ends, sent, received }
}

/** `inputs` and `outputs`: channels within the cycle. */
export function restOf(
  hosted: HostedInstance,
  inputs: ReadonlySet<number>,
  outputs: ReadonlySet<number>,
): CycleRest {
  const { draining, hasDoneSources = false } = hosted.assigned
  let [isOpen, ends] = [hosted.leaving.size > 0, draining || hasDoneSources ? 1 : 0]
  for (const [number, { channel }] of hosted.inputs) {
    if (inputs.has(number)) continue
    if (channel.ended) ends++
    else isOpen = true
  }
  if (hosted.component?.awaitsSources === true && !draining) isOpen = true
  const { sent, received } = countsOf(hosted, inputs, outputs)
  if (hosted.hasFinished) return { state: resting, ends, sent, received }
  const state = isOpen ? open : isResting(hosted) ? resting : working
  return { state, ends, sent, received }
}

function countsOf(
  { assigned, inputs: ends, gone, outputs: begins }: HostedInstance,
  inputs: ReadonlySet<number>,
  outputs: ReadonlySet<number>,
): Pick<CycleRest, 'sent' | 'received'> {
  let [sent, received] = [0, 0]
  for (const { channel } of assigned.inputs)
    if (inputs.has(channel)) received += ends.get(channel)?.channel.arrived ?? gone.get(channel) ?? 0
  for (const { channel } of begins.values()) if (outputs.has(channel.id)) sent += channel.parcels
  return { sent, received }
}

/** Nothing waits, is at work, or is about to be sent. */
function isResting(hosted: HostedInstance): boolean {
  const { instance, component, outputs } = hosted
  if (component === undefined || instance.queued || !instance.isQuiet) return false
  if (hosted.hasParked || hosted.switchingPorts.length > 0) return false
  // Also what is no message: the beginning or end of a group, held up by a port that is paused.
  if (!component.inbox.all.every((channel) => channel.isEmpty)) return false
  return [...outputs.values()].every(({ channel }) => channel.count === 0)
}
