import type { ModuleAddress } from '../../worker/assignment.ts'
import type { FlatComponent, FlatConnection, FlatNetwork } from '../../model/flatten.ts'

/**
 * The field of the configuration of built-in kinds that holds the address of a function. Kinds of users may hold addresses
 * as well, which nobody else knows of.
 */
export const addressField = 'function'

type Change = (address: string, base: string) => string

/** The network with other addresses in it, everything relative to `base`. */
export function withAddresses(network: FlatNetwork, base: string, changeAt: Change): FlatNetwork {
  const component = (written: FlatComponent): FlatComponent => {
    const { kind, hooks, config } = written
    const change = (address: string): string => changeAt(address, written.base)
    return {
      ...written,
      kind: change(kind),
      ...(hooks && { hooks: hooks.map(change) }),
      ...(config && { config: withAddress(kind, config, change) }),
      base,
    }
  }
  const connection = (written: FlatConnection): FlatConnection => {
    const { selector, hooks } = written
    const change = (address: string): string => changeAt(address, written.base)
    const isCustom = typeof selector === 'object' && selector.type === 'custom'
    return {
      ...written,
      ...(isCustom && { selector: { ...selector, kind: change(selector.kind) } }),
      ...(hooks && {
        hooks: {
          ...(hooks.send && { send: hooks.send.map(change) }),
          ...(hooks.receive && { receive: hooks.receive.map(change) }),
        },
      }),
      base,
    }
  }
  return {
    ...network,
    components: Object.fromEntries(
      Object.entries(network.components).map(([name, written]) => [name, component(written)]),
    ),
    connections: network.connections.map(connection),
  }
}

/** Every address in a network. */
export function addressesIn(network: FlatNetwork): readonly ModuleAddress[] {
  const found = new Map<string, ModuleAddress>()
  withAddresses(network, '', (address, base) => {
    found.set(JSON.stringify([base, address]), { address, base })
    return address
  })
  return [...found.values()]
}

/** `kind` is complete: what is no URL is the name of a built-in kind. */
function withAddress<C extends { readonly [field: string]: unknown }>(
  kind: string,
  config: C,
  change: (address: string) => string,
): C {
  const value = config[addressField]
  if (kind.includes(':') || typeof value !== 'string') return config
  return { ...config, [addressField]: change(value) }
}
