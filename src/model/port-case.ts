import type { FlatNetwork } from './flatten.ts'
import { implicitOutputs, type KindInfo } from './kind-info.ts'
import { parsePortRef, portOfAnyCase } from './network.ts'

/**
 * FBP graphs do not tell ports apart by case, and write them in upper case: `OUT` means the port that its kind calls `out`.
 * Gives references to components of such graphs (`anyCase`) the case that the kind has, where it has no port of the very
 * name, and one only of the name in another case. What stays is left for validation to report.
 */
export function matchPortCase(
  network: FlatNetwork,
  infoOf: (component: string) => KindInfo | undefined,
): FlatNetwork {
  if (!Object.values(network.components).some((component) => component.anyCase)) return network
  const matched = (side: 'inputs' | 'outputs', text: string): string => {
    const ref = parsePortRef(text)
    if (ref === undefined || !Object.hasOwn(network.components, ref.component)) return text
    const info = network.components[ref.component]!.anyCase ? infoOf(ref.component) : undefined
    if (info === undefined) return text
    const ports = side === 'inputs' ? info.inputs : [...new Set([...info.outputs, ...implicitOutputs])]
    return `${ref.component}.${portOfAnyCase(ref.port, ports) ?? ref.port}`
  }
  const { inputs, outputs } = network.exports ?? {}
  const exported = (
    side: 'inputs' | 'outputs',
    refs: Readonly<Record<string, string>>,
  ): Record<string, string> =>
    Object.fromEntries(Object.entries(refs).map(([name, ref]) => [name, matched(side, ref)]))
  return {
    ...network,
    connections: network.connections.map((connection) => ({
      ...connection,
      from: matched('outputs', connection.from),
      to: matched('inputs', connection.to),
    })),
    ...(network.initial && {
      initial: network.initial.map((packet) => ({ ...packet, to: matched('inputs', packet.to) })),
    }),
    ...(network.exports && {
      exports: {
        ...(inputs && { inputs: exported('inputs', inputs) }),
        ...(outputs && { outputs: exported('outputs', outputs) }),
      },
    }),
  }
}
