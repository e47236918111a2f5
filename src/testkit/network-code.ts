import { isNetworkBuilder, type BuiltNetwork } from '../component/builder-types.ts'
import type { Kind } from '../component/kind.ts'
import { connectorKinds } from '../connectors/index.ts'
import { operatorKinds } from '../operators/index.ts'
import { createLoader } from '../worker/load-module.ts'
import type { Load } from '../worker/worker.ts'

export type TestedNetwork = BuiltNetwork | string | URL

const builtInKinds: Readonly<Record<string, Kind>> = { ...operatorKinds, ...connectorKinds }

/** Loads the code of a network that is tested, also of one that was built in the code of the test. */
export function codeOf(source: TestedNetwork): Load {
  const loader = createLoader({
    builtIn: async (name) => (Object.hasOwn(builtInKinds, name) ? builtInKinds[name] : undefined),
    builtInNames: Object.keys(builtInKinds),
  })
  return async (module) => {
    const { address, base } = module
    if (!address.startsWith('#') || !isNetworkBuilder(source)) return loader(module)
    // The base of a subnet of a network that was built in code ends in `#outer/inner`.
    const at = base.startsWith('file:') ? new URL(base).hash.slice(1) : ''
    const outer = decodeURIComponent(at)
      .split('/')
      .filter((name) => name !== '')
    let network: BuiltNetwork = source
    for (const name of outer) network = network.lookup(name) as BuiltNetwork
    return network.lookup(address)
  }
}
