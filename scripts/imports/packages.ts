import { builtinModules } from 'node:module'
import { bundledPackages } from '../lib/bundled.ts'
import type { Fault } from './fault.ts'
import { packageOf } from './resolve.ts'
import type { SourceFile } from './source-file.ts'

/** What of package.json this check needs. */
export interface PackageJson {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** Imports of packages: declared ones only in what is shipped, and nowhere the compiler's interface. */
export function checkPackages(files: readonly SourceFile[], manifest: PackageJson): Fault[] {
  const faults: Fault[] = []
  for (const { path, imports } of files) {
    for (const { specifier, line } of imports) {
      if (specifier.startsWith('./') || specifier.startsWith('../')) continue
      const message = faultOf(path, specifier, manifest)
      if (message !== undefined) faults.push({ path, line, message: `imports ${specifier}: ${message}` })
    }
  }
  return faults
}

function faultOf(path: string, specifier: string, manifest: PackageJson): string | undefined {
  const name = packageOf(specifier)
  if (name === 'typescript' || specifier.startsWith('@typescript/'))
    return 'nothing here uses the interface of the TypeScript compiler, which differs between versions; run `tsc`, or parse with oxc-parser'
  if (!path.startsWith('src/') || specifier.startsWith('node:')) return undefined
  if (builtinModules.includes(specifier)) return `write node:${specifier}`
  if (name === manifest.name) return 'inside of src, import the file itself'
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies }
  if (Object.hasOwn(declared, name) || bundledPackages.includes(name)) return undefined
  return 'neither among the dependencies in package.json nor bundled, so a user would not have it'
}
