/** The main module of the thread that loads a network for commands which do not run it: see `load-in-thread.ts`. */
import { enableCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../base/clock.ts'
import { errorToData, type VertigoError } from '../base/errors.ts'
import { networkInvalid } from '../model/places.ts'
import {
  aliveMs,
  type LoadReport,
  type LoadRequest,
  type LoadResults,
  type TypesResult,
} from './load-in-thread.ts'
import { type LoadedNetwork, loadNetwork, readSource } from '../run/load-network.ts'
import { loaderFor } from '../run/loader.ts'
import { outputWritten } from './output.ts'
import { builtInKindsUrl } from './run/built-in-kinds.ts'
import { guardUserCode } from './run/user-code.ts'

enableCompileCache()

function report(message: LoadReport): void {
  parentPort?.postMessage(message)
}

const isAlive = (): void => report({ type: 'alive' })
isAlive()
systemClock.every(aliveMs, isAlive, { background: true })

const request = workerData as LoadRequest
try {
  const result = await (request.task === 'read' ? read(request) : validate(request))
  await outputWritten()
  report({ type: 'result', result })
} catch (error) {
  await outputWritten()
  report({ type: 'failed', error: errorToData(error) })
}

async function read({ file }: LoadRequest): Promise<LoadResults['read']> {
  return loading(async () => {
    const { load } = await loaderFor(file, builtInKindsUrl)
    const { network } = await readSource(file, load)
    return network
  })
}

async function validate({ file, types }: LoadRequest): Promise<LoadResults['validate']> {
  const loaded = await loading(async () => {
    const { load } = await loaderFor(file, builtInKindsUrl)
    return loadNetwork(file, { load, cluster: true })
  })
  const checked = types === true ? await checkedTypes(file, loaded) : undefined
  return { name: loaded.network.name, types: checked, inCluster: inCluster(loaded).map(errorToData) }
}

/** One with kinds that talk to its process is for no cluster, and nobody has to be told. */
function inCluster({ kinds, open }: LoadedNetwork): readonly VertigoError[] {
  return [...kinds.values()].some(({ placement }) => placement === 'main') ? [] : open
}

async function checkedTypes(file: string, { network, places }: LoadedNetwork): Promise<TypesResult> {
  const { checkTypes, typeCheckSummary } = await import('./validate-types.ts')
  const result = await checkTypes(network, { file, places })
  if (result.faults.length > 0) throw networkInvalid(result.faults, file)
  return { summary: typeCheckSummary(result), unchecked: result.unchecked }
}

/** Modules of the user's run while they are loaded, and may do anything. */
async function loading<T>(action: () => Promise<T>): Promise<T> {
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
