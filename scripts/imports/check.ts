import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ImportTable } from '../import-table.ts'
import { checkCycles } from './cycles.ts'
import type { Fault } from './fault.ts'
import { checkHiddenSources } from './hidden-sources.ts'
import { checkLayers } from './layers.ts'
import { checkPackages, type PackageJson } from './packages.ts'
import { checkSizes } from './sizes.ts'
import { readSourceFiles } from './source-file.ts'

/** All faults in the repository below `folder`. */
export function checkImports(folder: string, table: ImportTable): { files: number; faults: Fault[] } {
  const files = readSourceFiles(folder)
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageJson
  return {
    files: files.length,
    faults: [
      ...checkLayers(files, table),
      ...checkCycles(files, table),
      ...checkPackages(files, manifest),
      ...checkHiddenSources(files),
      ...checkSizes(files),
    ],
  }
}
