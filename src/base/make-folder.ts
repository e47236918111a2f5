import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/**
 * Makes a folder and those above it that are not there. The uppermost one that was made, undefined where all were there.
 *
 * Node's `mkdir` with `recursive` does the same, but tries for ever where the system says of a folder that is there that something
 * in its path is not, as Linux does below `/proc`. Errors: those of the system.
 */
export async function makeFolder(
  path: string,
  options: { readonly mode?: number } = {},
): Promise<string | undefined> {
  const missing: string[] = []
  let at = resolve(path)
  let first = await makeOne(at, options, missing)
  while (first === false) {
    at = dirname(at)
    first = await makeOne(at, options, missing)
  }
  let uppermost = first === 'made' ? at : undefined
  for (const below of missing.toReversed())
    if ((await makeOne(below, options)) === 'made') uppermost ??= below
  return uppermost
}

/** False: what is above it is to be made before, where `missing` takes it. */
async function makeOne(
  path: string,
  options: { readonly mode?: number },
  missing?: string[],
): Promise<'made' | 'there' | false> {
  try {
    await mkdir(path, options)
    return 'made'
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && missing !== undefined && dirname(path) !== path) {
      missing.push(path)
      return false
    }
    if (await isFolder(path, code)) return 'there'
    throw error
  }
}

/**
 * Whether it says that it exists or that it must not be made there, it may be what is wanted. Errors: ENOENT where somebody has removed it
 * in between.
 */
async function isFolder(path: string, code: string | undefined): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (code === 'EEXIST' && (error as NodeJS.ErrnoException).code === 'ENOENT') throw error
    return false
  }
}
