import type { ModuleAddress } from '../assignment.ts'
import { resolveAddress } from './address.ts'
import { resolveFrom } from './resolve.ts'

/**
 * The address of the same thing that does not depend on where it is written: a file's URL, also for packages, with what is
 * looked up there; a built-in name stays. Whoever reads it elsewhere, in a process with the same files, finds the same.
 *
 * Throws `KIND_UNKNOWN` for what is no address, and what Node throws for a package that cannot be found.
 */
export function completeAddress(module: ModuleAddress, builtInNames: Iterable<string>): string {
  const target = resolveAddress(module, builtInNames)
  if (target.kind === 'built-in') return target.name
  if (target.kind === 'own') return `${target.url}##${target.name}`
  const url = target.kind === 'file' ? target.url : resolveFrom(target.specifier, target.base)
  return target.exportName === undefined ? url : `${url}#${target.exportName}`
}
