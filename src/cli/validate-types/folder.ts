import { mkdir, mkdtemp, realpath, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { asError, VertigoError } from '../../base/errors.ts'
import type { Library } from './prelude.ts'

/** A folder for the check file: among the project's caches, else beside the network. Packages must resolve from it as they do from there. */
export async function makeFolder(networkFolder: string): Promise<string> {
  const packages = await findPackages(networkFolder)
  if (packages !== undefined) {
    const cache = join(packages, '.cache', 'vertigo')
    try {
      await mkdir(cache, { recursive: true })
      return await realpath(await mkdtemp(join(cache, 'types-')))
    } catch {
      // Not writable: perhaps the network's own folder is.
    }
  }
  try {
    return await realpath(await mkdtemp(join(networkFolder, '.vertigo-types-')))
  } catch (error) {
    throw new VertigoError(
      'FILE_NOT_WRITABLE',
      `The file for checking types cannot be written in ${networkFolder}: ${asError(error).message}`,
      { cause: error },
    )
  }
}

async function findPackages(folder: string): Promise<string | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const path = join(at, 'node_modules')
    const found = await stat(path).catch(() => undefined)
    if (found?.isDirectory() === true) return path
    if (dirname(at) === at) return undefined
  }
}

/** This package as the network's kinds see it: their types are compared with its types, and two copies would differ. */
export function libraryFor(file: string, folder: string): Library {
  const isSource = import.meta.filename.endsWith('.ts')
  if (!isSource && isInstalledFor(file))
    return {
      component: 'vertigo-flow',
      operators: 'vertigo-flow/operators',
      connectors: 'vertigo-flow/connectors',
    }
  const own = (part: string): string => {
    const path = join(import.meta.dirname, '../..', part, isSource ? 'index.ts' : 'index.js')
    const found = relative(folder, path).split(sep).join('/')
    return found.startsWith('.') ? found : `./${found}`
  }
  return { component: own('component'), operators: own('operators'), connectors: own('connectors') }
}

function isInstalledFor(file: string): boolean {
  try {
    createRequire(file).resolve('vertigo-flow/package.json')
    return true
  } catch {
    return false
  }
}
