import type { ImportTable } from '../import-table.ts'
import type { Fault } from './fault.ts'
import { resolveImport } from './resolve.ts'
import type { SourceFile } from './source-file.ts'

const table = 'scripts/import-table.ts'

/** Imports between the folders of `src` against the table. */
export function checkLayers(files: readonly SourceFile[], imports: ImportTable): Fault[] {
  const faults: Fault[] = []
  for (const file of files) {
    if (!file.path.startsWith('src/')) continue
    const from = placeOf(file.path, imports)
    if (from === undefined) {
      faults.push({ path: file.path, message: `belongs to no row of ${table}; give its folder one` })
      continue
    }
    for (const { specifier, line } of file.imports) {
      const target = resolveImport(file.path, specifier)
      if (target === undefined) continue
      const message = target.startsWith('src/')
        ? faultBetween(from, placeOf(target, imports), imports)
        : 'nothing in src imports from outside of src'
      if (message !== undefined)
        faults.push({ path: file.path, line, message: `imports ${specifier}: ${message}` })
    }
  }
  return faults
}

/** Where a file of `src` stands: its row, and the backend of an interface that it is part of. */
export interface Place {
  readonly row: string
  readonly backend?: string
}

export function placeOf(path: string, { rows, interfaces, layers = [] }: ImportTable): Place | undefined {
  const inside = path.slice('src/'.length)
  const row = longestPrefix(Object.keys(rows), inside)
  if (row === undefined) return undefined
  const owner = longestPrefix(interfaces, inside)
  if (owner === undefined || longestPrefix(layers, inside) !== undefined) return { row }
  const rest = inside.slice(owner.length + 1).split('/')
  return rest.length > 1 ? { row, backend: `${owner}/${rest[0]}` } : { row }
}

function longestPrefix(folders: readonly string[], path: string): string | undefined {
  return folders
    .filter((folder) => path === folder || path.startsWith(`${folder}/`))
    .toSorted((a, b) => b.length - a.length)[0]
}

function faultBetween(from: Place, to: Place | undefined, imports: ImportTable): string | undefined {
  if (to === undefined) return `it belongs to no row of ${table}`
  if (to.backend !== undefined && to.backend !== from.backend && !imports.composers.includes(from.row))
    return `${to.backend} is a backend; only ${imports.composers.join(', ')} may choose one (${table})`
  if (from.row === to.row) return undefined
  const allowed = imports.rows[from.row]
  if (allowed === 'everything' || allowed?.includes(to.row) === true) return undefined
  return `${from.row} may import ${list(allowed ?? [])} (${table})`
}

function list(folders: readonly string[]): string {
  return folders.length === 0 ? 'no other folder' : `only ${folders.join(', ')}`
}
