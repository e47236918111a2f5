import { realpath, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Network } from '../model/network.ts'
import { type Places, placesOfFile } from '../model/places.ts'
import { makeCheckFile, pathOf } from './validate-types/check-file.ts'
import { compile, compileConfig, findCompiler, findConfig } from './validate-types/compiler.ts'
import { readDiagnostics, type TypeCheckFindings } from './validate-types/findings.ts'
import { libraryFor, makeFolder } from './validate-types/folder.ts'

export type { UncheckedConnection } from './validate-types/findings.ts'

/**
 * `vertigo validate --types`: checks the message types, keys, constants and configurations of a network from a file by
 * the user's own TypeScript compiler, run as a command: no version of the compiler's interface is relied upon.
 *
 * - VT-1 Nothing is said to fit that was not compared: `unchecked` lists the connections of which no types are known.
 * - VT-2 What the compiler reports is reported once, at its place in the network's file or in the user's module.
 * - VT-3 The folder of the check file is removed, whatever happens.
 */
export interface TypeCheckOptions {
  /** Path or URL of the network's file; kinds are relative to it. */
  readonly file: string
  /** Where the parts of the network stand. Default: only the file is known. */
  readonly places?: Places
  /** Stops the compiler. */
  readonly signal?: AbortSignal
}

export interface TypeCheckResult extends TypeCheckFindings {
  /** Version of TypeScript. */
  readonly compiler: string
}

/**
 * Checks the types of a network whose form and meaning are valid; it may be flat (`flattenNetwork`).
 *
 * Throws `TYPESCRIPT_MISSING` where no compiler is installed for the network's folder, `TYPESCRIPT_FAILED` where it
 * cannot do its work, `FILE_NOT_WRITABLE` where there is no place for the check file.
 */
export async function checkTypes(network: Network, options: TypeCheckOptions): Promise<TypeCheckResult> {
  const { places = placesOfFile(options.file), signal } = options
  // The compiler names files by their real paths.
  const file = await realpath(pathOf(options.file)).catch(() => pathOf(options.file))
  const compiler = await findCompiler(dirname(file))
  const userConfig = await findConfig(dirname(file))
  const folder = await makeFolder(dirname(file))
  try {
    const check = makeCheckFile(network, { file, folder, library: libraryFor(file, folder) })
    const checkPath = join(folder, 'check.mts')
    const project = join(folder, 'tsconfig.json')
    await writeFile(checkPath, `${check.lines.map(({ text }) => text).join('\n')}\n`)
    await writeFile(project, JSON.stringify(compileConfig(compiler, userConfig, checkPath)))
    const diagnostics = await compile(compiler, project, signal)
    return { ...readDiagnostics(network, check, checkPath, diagnostics, places), compiler: compiler.version }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** One line for people: how much was checked. It never says that types fit which were not compared. */
export function typeCheckSummary({ checked, unchecked }: TypeCheckResult): string {
  const all = checked + unchecked.length
  if (checked === 0) return all === 0 ? 'no connections, so no types to check' : 'types not checked'
  if (unchecked.length === 0) return `types checked: ${all === 1 ? 'one connection' : `${all} connections`}`
  return `types checked: ${checked} of ${all} connections`
}
