import { basename } from 'node:path'
import { VertigoError } from '../../base/errors.ts'
import { didYouMean, nearest } from '../../base/suggest.ts'
import { type BuiltNetwork, isNetworkBuilder } from '../../component/builder-types.ts'
import type { ModuleAddress } from '../assignment.ts'
import { pathOf } from './module-error.ts'

/** A module as `import()` gives it. */
export interface ModuleExports {
  readonly [name: string]: unknown
}

/** An export of a module, the default one where no name is given. Throws `EXPORT_MISSING`. */
export function exportOf(exports: ModuleExports, name: string | undefined, url: string): unknown {
  const whole = defaultExport(exports, url)
  if (name === undefined) {
    if (whole === undefined) throw noDefault(exports, url)
    return whole
  }
  if (isNetworkBuilder(whole)) {
    const found = lookUp(whole, name)
    if (found !== undefined) return found
  }
  if (Object.hasOwn(exports, name)) return exports[name]
  // What a CommonJS module exports is not always found by its names.
  if (isCommonJs(exports, url) && isObject(whole) && Object.hasOwn(whole, name)) return whole[name]
  const names = exportNames(exports)
  const listed = names.length === 0 ? 'It exports nothing.' : `Its exports: ${names.join(', ')}.`
  const file = pathOf(url)
  throw new VertigoError(
    'EXPORT_MISSING',
    `${file} has no export "${name}". ${listed}${didYouMean(name, names)}`,
    { place: { file } },
  )
}

/** The code `name` of the network that a module builds and exports by default. */
export function ownCode(exports: ModuleExports, name: string, url: string, module: ModuleAddress): unknown {
  const whole = defaultExport(exports, url)
  const file = pathOf(url)
  if (whole === undefined) throw noDefault(exports, url)
  if (!isNetworkBuilder(whole))
    throw new VertigoError(
      'KIND_INVALID',
      `"${module.address}" names code of a network, but the default export of ${file} is no network.`,
      {
        place: { file },
        remedy:
          'Export the network by default: `export default net`, where `net` is what `network()` returned.',
      },
    )
  const found = lookUp(whole, name)
  // For its error, which lists what is near.
  return found === undefined ? whole.lookup(name) : found
}

/** `outer/inner` is `inner` of the network that is the component `outer`. */
export function lookUp(network: BuiltNetwork, name: string): unknown {
  const slash = name.startsWith('selector:') ? -1 : name.indexOf('/')
  const first = slash === -1 ? name : name.slice(0, slash)
  let found: unknown
  try {
    found = network.lookup(first)
  } catch {
    return undefined
  }
  if (slash === -1) return found
  return isNetworkBuilder(found) ? lookUp(found, name.slice(slash + 1)) : undefined
}

/** With regard to CommonJS that was made from an ES module, whose default export is a field of the default export. */
function defaultExport(exports: ModuleExports, url: string): unknown {
  const value = exports.default
  const isMade =
    isCommonJs(exports, url) && isObject(value) && value.__esModule === true && 'default' in value
  return isMade ? value.default : value
}

/** Whether a module may be CommonJS. Oldest Nodes do not tell, so that any `.js` may be. */
function isCommonJs(exports: ModuleExports, url: string): boolean {
  return 'module.exports' in exports || '__esModule' in exports || /\.(?:c?js|cts)$/.test(url)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function exportNames(exports: ModuleExports): string[] {
  return Object.keys(exports).filter((name) => name !== 'module.exports' && name !== '__esModule')
}

function noDefault(exports: ModuleExports, url: string): VertigoError {
  const file = pathOf(url)
  const names = exportNames(exports).filter((name) => name !== 'default')
  const stem = basename(file).replace(/\..*$/s, '')
  const meant = nearest(stem, names) ?? names[0]
  const listed = names.length === 0 ? 'It exports nothing.' : `Its exports: ${names.join(', ')}.`
  return new VertigoError('EXPORT_MISSING', `${file} has no default export. ${listed}`, {
    place: { file },
    remedy:
      meant === undefined
        ? 'Export the kind by default: `export default defineComponent(...)`.'
        : `Export it by default (\`export default ${meant}\`), or add its name to the address: "./${basename(file)}#${meant}".`,
  })
}
