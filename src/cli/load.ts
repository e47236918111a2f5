import type { Network } from '../model/network.ts'
import { type LoadedNetwork, loadNetwork, readSource } from '../run/load-network.ts'
import { loaderFor } from '../run/loader.ts'
import { builtInKindsUrl } from './run/built-in-kinds.ts'
import { guardUserCode } from './run/user-code.ts'

/** Loads and checks a network with all its kinds, in this process. Errors: those of `loadNetwork`. */
export async function loadChecked(file: string): Promise<LoadedNetwork> {
  return withUserCode(async () => {
    const { load } = await loaderFor(file, builtInKindsUrl)
    return loadNetwork(file, { load })
  })
}

/** Reads a network without its kinds; it need not be valid. */
export async function readOnly(file: string): Promise<Network> {
  return withUserCode(async () => {
    const { load } = await loaderFor(file, builtInKindsUrl)
    const { network } = await readSource(file, load)
    return network
  })
}

/** Modules of the user's run while they are loaded, and may do anything. */
export async function withUserCode<T>(action: () => Promise<T>): Promise<T> {
  let unguard = (): void => undefined
  const failed = new Promise<never>((_, reject) => {
    unguard = guardUserCode(reject)
  })
  try {
    return await Promise.race([action(), failed])
  } finally {
    unguard()
  }
}
