import { dirname, join, resolve } from 'node:path'
import { isRecord } from '../../base/values.ts'
import { isFile, nearFile } from './near-file.ts'
import { sourceOf } from './module-error.ts'
import { withoutComments } from './source-text.ts'

export interface PathAlias {
  /** The tsconfig.json that makes the specifier mean something to the compiler. */
  readonly config: string
  /** The file that it means there, where that exists. */
  readonly target: string | undefined
}

interface CompilerPaths {
  readonly config: string
  readonly baseUrl: string | undefined
  readonly paths: ReadonlyMap<string, readonly string[]>
}

/** A chain of `extends` longer than this has a cycle. */
const extendsMax = 8

/** The alias of tsconfig.json that an import in `importer` uses; undefined where it uses none. */
export function pathAlias(specifier: string, importer: string): PathAlias | undefined {
  const found = nearestConfig(dirname(importer))
  const known = found === undefined ? undefined : readPaths(found, extendsMax)
  if (known === undefined) return undefined
  const { config, baseUrl, paths } = known
  for (const [pattern, targets] of paths) {
    const star = matched(pattern, specifier)
    if (star === undefined) continue
    const base = baseUrl ?? dirname(config)
    const target = targets
      .map((path) => fileAt(resolve(base, path.replace('*', star))))
      .find((path) => path !== undefined)
    // The pattern "*" fits every package as well.
    if (target !== undefined || pattern !== '*') return { config, target }
  }
  const target = baseUrl === undefined ? undefined : fileAt(join(baseUrl, specifier))
  return target === undefined ? undefined : { config, target }
}

/** What the star of a pattern stands for; empty where the pattern has none. */
function matched(pattern: string, specifier: string): string | undefined {
  const star = pattern.indexOf('*')
  if (star === -1) return pattern === specifier ? '' : undefined
  const start = pattern.slice(0, star)
  const end = pattern.slice(star + 1)
  const fits =
    specifier.length >= start.length + end.length && specifier.startsWith(start) && specifier.endsWith(end)
  return fits ? specifier.slice(start.length, specifier.length - end.length) : undefined
}

function fileAt(path: string): string | undefined {
  if (isFile(path)) return path
  const near = nearFile(path, '/')
  return near?.isExact === true ? near.address : undefined
}

function nearestConfig(folder: string): string | undefined {
  for (const name of ['tsconfig.json', 'jsconfig.json'])
    if (isFile(join(folder, name))) return join(folder, name)
  const above = dirname(folder)
  return above === folder ? undefined : nearestConfig(above)
}

/** `paths` and `baseUrl` of a tsconfig.json, or of the one that it extends, each with what it is relative to. */
function readPaths(config: string, depth: number): CompilerPaths | undefined {
  const json = parseJsonc(sourceOf(config) ?? '')
  if (!isRecord(json) || depth === 0) return undefined
  const options = isRecord(json.compilerOptions) ? json.compilerOptions : {}
  const baseUrl = typeof options.baseUrl === 'string' ? resolve(dirname(config), options.baseUrl) : undefined
  if (isRecord(options.paths)) return { config, baseUrl, paths: pathsOf(options.paths) }
  for (const name of [json.extends].flat().toReversed()) {
    if (typeof name !== 'string' || !/^\.{0,2}\//.test(name)) continue
    const path = resolve(dirname(config), name)
    const inherited = readPaths(isFile(path) ? path : `${path}.json`, depth - 1)
    if (inherited !== undefined) return { ...inherited, baseUrl: baseUrl ?? inherited.baseUrl }
  }
  return baseUrl === undefined ? undefined : { config, baseUrl, paths: new Map() }
}

function pathsOf(paths: Readonly<Record<string, unknown>>): Map<string, string[]> {
  return new Map(
    Object.entries(paths).map(([pattern, targets]) => [
      pattern,
      [targets].flat().filter((target): target is string => typeof target === 'string'),
    ]),
  )
}

/** JSON with comments and commas at the end of lists, as tsconfig.json may be; undefined for anything else. */
function parseJsonc(text: string): unknown {
  try {
    return JSON.parse(withoutComments(text).replace(/,(\s*[}\]])/g, '$1')) as unknown
  } catch {
    return undefined
  }
}
