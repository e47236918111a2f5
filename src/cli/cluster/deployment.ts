import { extname } from 'node:path'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import type { Deployment } from '../../cluster/client/index.ts'
import { type LoadedDeployment, loadDeployment } from '../../cluster/client/load-deployment.ts'
import { networkFormat } from '../../model/format.ts'
import { loaderFor } from '../../run/loader.ts'
import type { Override } from '../../run/types.ts'
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

/** Reads what is to be deployed, with all its code, in this process. Errors: those of `loadDeployment`. */
export async function readDeployment(file: string, set: readonly Override[]): Promise<LoadedDeployment> {
  return withUserCode(async () => {
    const { load, kinds } = await loaderFor(file, builtInKindsUrl)
    return loadDeployment(file, { load, builtInNames: kinds.builtInNames, set })
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
