import { isNetworkBuilder } from '../component/builder-types.ts'
import { createLoader } from '../worker/load-module.ts'
import { lookUp } from '../worker/loading/exports.ts'
import type { Load } from '../worker/worker.ts'
import type { NetworkSource } from './load-network.ts'
import type { BuiltInKindsModule } from './types.ts'

/** The loader for a network; a network that is a value is asked itself for the code of its components. */
export async function loaderFor(
  source: NetworkSource,
  builtInKinds: string,
): Promise<{ readonly load: Load; readonly kinds: BuiltInKindsModule }> {
  const kinds = (await import(builtInKinds)) as BuiltInKindsModule
  const load = createLoader({ builtIn: kinds.builtInKind, builtInNames: kinds.builtInNames })
  if (!isNetworkBuilder(source)) return { load, kinds }
  const own: Load = async (module) => {
    if (!module.address.startsWith('#')) return load({ ...module, base: `${process.cwd()}/` })
    // Inside a subnet, the base says in its fragment which one: `#outer`.
    const outer = decodeURIComponent(module.base.split('#')[1] ?? '')
    const name = module.address.slice(1)
    return lookUp(source, outer === '' ? name : `${outer}/${name}`) ?? source.lookup(name)
  }
  return { load: own, kinds }
}
