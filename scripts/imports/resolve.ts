import { posix } from 'node:path'

/** The path that a relative import means, from the folder of the repository; undefined for packages. */
export function resolveImport(importer: string, specifier: string): string | undefined {
  if (!specifier.startsWith('./') && !specifier.startsWith('../')) return undefined
  return posix.join(posix.dirname(importer), specifier)
}

/** The name of the package in `@scope/name/deep/path`. */
export function packageOf(specifier: string): string {
  const parts = specifier.split('/')
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier)
}
