import { VertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import type { FlatComponent, FlatConnection } from '../model/flatten.ts'
import { parsePortRef } from '../model/network.ts'
import { hasKeyedState, kindDefinition } from '../component/kind.ts'
import { ownField } from '../worker/handlers.ts'
import { asKind } from '../worker/make-instance.ts'
import type { Load } from '../worker/worker.ts'
import type { LoadedNetwork } from './load-network.ts'

/**
 * Connects exported ports with the caller's code: for an input a `feeder` of the same name, for an output a
 * `collector`. Only those that the caller names: an input that nobody feeds would keep the network waiting.
 */
export async function attachExports(
  loaded: LoadedNetwork,
  names: readonly string[],
  load: Load,
): Promise<LoadedNetwork> {
  if (names.length === 0) return loaded
  const { network } = loaded
  const components: Record<string, FlatComponent> = { ...network.components }
  const connections: FlatConnection[] = [...network.connections]
  const kinds = new Map(loaded.kinds)
  const base = loaded.places.file
  for (const name of names) {
    const input = ownField(network.exports?.inputs, name)
    const output = ownField(network.exports?.outputs, name)
    if (input === undefined && output === undefined) {
      const known = [
        ...Object.keys(network.exports?.inputs ?? {}),
        ...Object.keys(network.exports?.outputs ?? {}),
      ]
      throw new VertigoError(
        'PORT_UNKNOWN',
        `The network "${network.name}" exports no port "${name}".${didYouMean(name, known)}`,
      )
    }
    if (Object.hasOwn(components, name)) {
      throw new VertigoError('PORT_UNKNOWN', `The exported port "${name}" has the name of a component.`, {
        remedy: 'Give the exported port another name.',
      })
    }
    const kind = input === undefined ? 'collector' : 'feeder'
    kinds.set(name, kindDefinition(asKind(await load({ address: kind, base }), kind)))
    components[name] = { kind, base }
    connections.push(
      input === undefined
        ? { from: output!, to: `${name}.in`, base }
        : { from: `${name}.out`, to: input, base, ...selectorOf(loaded, input) },
    )
  }
  return { ...loaded, network: { ...network, components, connections }, kinds }
}

/** A keyed port is fed by the key that its other connections use; where there is none, the whole message is the key, as in a cluster. */
function selectorOf({ network, kinds }: LoadedNetwork, to: string): Pick<FlatConnection, 'selector'> {
  const other = network.connections.find((connection) => connection.to === to)
  if (other?.selector !== undefined) return { selector: other.selector }
  const kind = kinds.get(parsePortRef(to)!.component)
  return kind !== undefined && hasKeyedState(kind) ? { selector: 'hash' } : {}
}
