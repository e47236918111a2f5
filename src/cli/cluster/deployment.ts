import { extname } from 'node:path'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import { systemClock } from '../../base/clock.ts'
import { systemRandom } from '../../base/random.ts'
import type { Bundle } from '../../cluster/bundle/bundle.ts'
import type { Deployment, DeploymentSource } from '../../cluster/client/index.ts'
import { type LoadedDeployment, loadDeployment } from '../../cluster/client/load-deployment.ts'
import { networkFormat } from '../../model/format.ts'
import type { BuiltInKindsModule, Override } from '../../run/types.ts'
import { createLoader } from '../../worker/load-module.ts'
import { withUserCode } from '../run/user-code.ts'
import { builtInKindsUrl } from '../run/built-in-kinds.ts'

/** Whether an argument is the file of a network, and not the name of one in the cluster. */
export function isNetworkFile(argument: string): boolean {
  return (
    networkFormat(argument) !== undefined ||
    /^\.[cm]?[jt]s$/.test(extname(argument)) ||
    /[/\\]/.test(argument)
  )
}

export interface ReadOptions {
  readonly set?: readonly Override[]
  readonly group?: string | undefined
  /** To bundle the code; `external`: packages that stay out. */
  readonly bundle?: { readonly external: readonly string[] } | undefined
}

/** What is to be deployed, with the bundles that have to be sent first. */
export interface ReadDeployment extends LoadedDeployment {
  readonly bundles: readonly Bundle[]
}

/** Reads what is to be deployed, with all its code, in this process. Errors: those of `loadBundledDeployment`. */
export async function readDeployment(
  source: DeploymentSource,
  { set = [], group, bundle }: ReadOptions = {},
): Promise<ReadDeployment> {
  return withUserCode(async () => {
    const kinds = (await import(builtInKindsUrl)) as BuiltInKindsModule
    const load = createLoader({ builtIn: kinds.builtInKind, builtInNames: kinds.builtInNames })
    const reading = { load, builtInNames: kinds.builtInNames, set, ...(group !== undefined && { group }) }
    if (bundle === undefined) return { ...(await loadDeployment(source, reading)), bundles: [] }
    const { loadBundledDeployment } = await import('../../cluster/bundle/load-bundled.ts')
    return loadBundledDeployment(source, {
      ...reading,
      external: bundle.external,
      clock: systemClock,
      random: systemRandom,
    })
  })
}

/**
 * Asks the cluster for something about a deployment. It knows no files: faults that were found here as well, and left to it
 * to decide on, get their places in the file.
 */
export async function askWith<T>(
  { deployment, open }: LoadedDeployment,
  ask: (deployment: Deployment) => Promise<T>,
): Promise<T> {
  try {
    return await ask(deployment)
  } catch (error) {
    if (!isVertigoError(error) || error.code !== 'NETWORK_INVALID') throw error
    const faults = error.faults.map(
      (fault) => open.find(({ code, message }) => code === fault.code && message === fault.message) ?? fault,
    )
    const { message, remedy, place } = error
    throw new VertigoError('NETWORK_INVALID', message, { remedy, place, faults })
  }
}
