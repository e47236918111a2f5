import type { HostedInstance } from './hosted.ts'

/** What is asked, or told, about the channels of several instances at once. */

/** Both kinds of ends by their numbers. */
export function channelsOf(all: readonly HostedInstance[]): {
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
} {
  return {
    inputs: all.flatMap(({ inputs, gone }) => [...inputs.keys(), ...gone.keys()]),
    outputs: all.flatMap(({ outputs }) => [...outputs.values()].map(({ channel }) => channel.id)),
  }
}

/** Ports that wait for an open group or batch before they follow a switch. */
export function switchingPortsOf(
  all: Iterable<HostedInstance>,
): { readonly hosted: HostedInstance; readonly port: string }[] {
  return [...all].flatMap((hosted) =>
    hosted.isOver ? [] : hosted.switchingPorts.map(({ name }) => ({ hosted, port: name })),
  )
}

export function endBackEdgesOf(all: Iterable<HostedInstance>): void {
  for (const { outputs } of all) for (const { channel, isBack } of outputs.values()) if (isBack) channel.end()
}
