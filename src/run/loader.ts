import { isNetworkBuilder } from '../component/builder.ts'
import { createLoader } from '../worker/load-module.ts'
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
  const own: Load = (module) =>
    module.address.startsWith('#')
      ? Promise.resolve(source.lookup(module.address.slice(1)))
      : load({ ...module, base: process.cwd() + '/' })
  return { load: own, kinds }
}
