import { join } from 'node:path'

/** The folder of the repository. */
export const root = join(import.meta.dirname, '../..')

/** A path inside the repository. */
export function inRoot(...parts: readonly string[]): string {
  return join(root, ...parts)
}

/** Where scripts keep what can be made again; ignored by git and kept between runs. */
export function inCache(...parts: readonly string[]): string {
  return join(root, '.cache', ...parts)
}
