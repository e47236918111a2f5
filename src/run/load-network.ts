import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { ErrorCode } from '../base/error-codes.ts'
import { VertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { type BuiltNetwork, isNetworkBuilder } from '../component/builder-types.ts'
import { kindDefinition, kindInfo, type KindDefinition } from '../component/kind.ts'
import { type FlatNetwork, flattenNetwork, type Subnet } from '../model/flatten.ts'
import { guaranteeInCluster } from '../model/guarantee.ts'
import type { KindLookup } from '../model/kind-info.ts'
import { networkFormat } from '../model/format.ts'
import type { Network } from '../model/network.ts'
import { tooLarge } from '../model/document.ts'
import { networkBytesMax } from '../model/limits.ts'
import { parseNetwork, parseNetworkValue } from '../model/parse.ts'
import { matchPortCase } from '../model/port-case.ts'
import { networkInvalid, type Places, placesOfFile } from '../model/places.ts'
import { validateNetwork } from '../model/validate.ts'
import { asKind } from '../worker/make-instance.ts'
import type { Load } from '../worker/worker.ts'
import { applyOverrides } from './overrides.ts'
import type { Override } from './types.ts'

/** A network that was read, flattened and checked, with what is known of its kinds. */
export interface LoadedNetwork {
  readonly network: FlatNetwork
  readonly places: Places
  readonly kinds: ReadonlyMap<string, KindDefinition>
  /**
   * With `part`: what is wrong unless the network that it is a part of mends it. With `cluster`: what is wrong in a cluster, of a network
   * that does not say what it is to keep.
   */
  readonly open: readonly VertigoError[]
}

export interface LoadOptions {
  readonly load: Load
  readonly set?: readonly Override[]
  /** It may be a part of a network: what its surroundings could mend is no fault yet. Default false. */
  readonly part?: boolean
  /** Whether it has to keep its guarantee, as a cluster does. Default: as `part`, which is for clusters only. */
  readonly cluster?: boolean
}

/** Faults that a part of a network may have by itself: what it leads to, or what leads to it, is elsewhere. */
const mendable: ReadonlySet<ErrorCode> = new Set([
  'NETWORK_EMPTY',
  'COMPONENT_UNKNOWN',
  'INPUT_UNCONNECTED',
  'BACK_WITHOUT_CYCLE',
])

/** A network's file (path or URL), or a network that was built in code. */
export type NetworkSource = string | URL | BuiltNetwork

/** A network that was put together, as data. */
export interface WrittenNetwork {
  readonly network: Network
  /** What its addresses are relative to: the URL of a file or folder. */
  readonly base: string
}

/**
 * Reads a network and all that it refers to, and reports every fault at once.
 *
 * Errors: NETWORK_NOT_FOUND, NETWORK_SYNTAX, NETWORK_INVALID (with all `faults`), and those of loading a module.
 */
export async function loadNetwork(
  source: NetworkSource | WrittenNetwork,
  options: LoadOptions,
): Promise<LoadedNetwork> {
  const load = loadOnce(options.load)
  const { network, places, anyCase } = await readSource(source, load)
  const flattened = await flattenNetwork(network, places, (kind, { base }) => loadSubnet(kind, base, load), {
    anyCase,
  })
  if (flattened.faults.length > 0) throw networkInvalid(flattened.faults, places.file)
  const written = applyOverrides(flattened.network, options.set ?? [])
  const { lookups, definitions } = await loadKinds(written, load)
  const flat = matchPortCase(written, (component) => {
    const found = lookups.get(component)
    return found !== undefined && 'info' in found ? found.info : undefined
  })
  const { part = false, cluster = part } = options
  const guarantee = cluster ? guaranteeInCluster(flat) : undefined
  const found = await validateNetwork(flat, (one) => lookups.get(one), flattened.places, guarantee)
  // The network that a part is deployed into may have said it; and a run of one process asks for nothing.
  const isUnsaid = network.guarantee === undefined
  const isOpen = ({ code }: VertigoError): boolean =>
    (part && mendable.has(code)) || (isUnsaid && code === 'SOURCE_CANNOT_REWIND')
  const faults = found.filter((fault) => !isOpen(fault))
  if (faults.length > 0) throw networkInvalid(faults, places.file)
  return { network: flat, places: flattened.places, kinds: definitions, open: found.filter(isOpen) }
}

/** What a module gives the first time, its error as well: one that never loads is not waited for twice. */
function loadOnce(load: Load): Load {
  const loading = new Map<string, Promise<unknown>>()
  return (module) => {
    const key = JSON.stringify([module.base, module.address])
    let once = loading.get(key)
    if (once === undefined) {
      once = load(module)
      loading.set(key, once)
    }
    return once
  }
}

export async function readSource(source: NetworkSource | WrittenNetwork, load: Load): Promise<Subnet> {
  if (isNetworkBuilder(source)) {
    return { network: source.toNetwork(), places: placesOfFile(`network "${source.name}"`) }
  }
  if (isWritten(source)) return parseWritten(source)
  const file =
    source instanceof URL
      ? fileURLToPath(source)
      : source.startsWith('file:')
        ? fileURLToPath(source)
        : source
  await checkFile(file)
  if (networkFormat(file) !== undefined) return parseNetwork(await readText(file), { file })
  if (/\.[cm]?[jt]s$/.test(file)) {
    const url = pathToFileURL(file).href
    const exported = await load({ address: url, base: url })
    if (isNetworkBuilder(exported)) return { network: exported.toNetwork(), places: placesOfFile(url) }
    throw new VertigoError('NETWORK_INVALID', `The default export of ${file} is not a network.`, {
      place: { file },
      remedy: "Export what `network('name')` returned: `export default net`.",
    })
  }
  throw new VertigoError('NETWORK_SYNTAX', `The format of ${file} cannot be told from its name.`, {
    place: { file },
    remedy: 'Let the name end in .yaml, .yml, .json, .fbp, .ts or .js.',
  })
}

function isWritten(source: NetworkSource | WrittenNetwork): source is WrittenNetwork {
  return typeof source === 'object' && 'network' in source && 'base' in source
}

/** Its form is checked, as that of a file. */
function parseWritten({ network, base }: WrittenNetwork): Subnet {
  const places = placesOfFile(base)
  return { network: parseNetworkValue(network, places), places }
}

async function checkFile(file: string): Promise<void> {
  let isDirectory: boolean
  try {
    isDirectory = (await stat(file)).isDirectory()
  } catch (error) {
    throw await notFound(file, error)
  }
  if (!isDirectory) return
  const first = (await readdir(file)).find((name) => /^network\.(ya?ml|json|fbp|ts|js)$/.test(name))
  throw new VertigoError('NETWORK_NOT_FOUND', `${file} is a directory, not the file of a network.`, {
    place: { file },
    remedy: first === undefined ? 'Give the path of a file.' : `Did you mean ${join(file, first)}?`,
  })
}

async function notFound(file: string, cause: unknown): Promise<VertigoError> {
  const code = (cause as { code?: string }).code
  if (code !== 'ENOENT') {
    return new VertigoError('NETWORK_NOT_FOUND', `${file} cannot be read (${code ?? 'unknown error'}).`, {
      cause,
      place: { file },
    })
  }
  const siblings = await readdir(dirname(file)).catch(() => [])
  const near = didYouMean(basename(file), siblings)
  return new VertigoError('NETWORK_NOT_FOUND', `There is no file ${file}.${near}`, { cause, place: { file } })
}

async function readText(file: string): Promise<string> {
  try {
    // Before it is in memory.
    if ((await stat(file)).size > networkBytesMax) throw tooLarge(file)
    return await readFile(file, 'utf8')
  } catch (error) {
    throw error instanceof VertigoError ? error : await notFound(file, error)
  }
}

/** A component's kind may be a network: a file of one, or a module that exports one. */
async function loadSubnet(kind: string, base: string, load: Load): Promise<Subnet | undefined> {
  if (networkFormat(kind) !== undefined && /^(\.{1,2}\/|\/|file:)/.test(kind)) {
    const file = fileURLToPath(new URL(kind, baseUrl(base)))
    await checkFile(file)
    return parseNetwork(await readText(file), { file })
  }
  if (!kind.includes('#') && !/^\.{0,2}\//.test(kind)) return undefined
  let exported: unknown
  try {
    exported = await load({ address: kind, base })
  } catch {
    // Reported with all other faults when the kinds are looked up.
    return undefined
  }
  if (!isNetworkBuilder(exported)) return undefined
  return { network: exported.toNetwork(), places: placesOfFile(subnetBase(kind, base)) }
}

/** What a built subnet's own addresses (`#name`) are relative to. */
function subnetBase(kind: string, base: string): string {
  const url = new URL(kind.startsWith('#') ? '' : kind.replace(/#.*$/, ''), baseUrl(base))
  const inside = kind.includes('#') ? kind.slice(kind.indexOf('#') + 1) : ''
  const outer = new URL(baseUrl(base)).hash.slice(1)
  const path = [kind.startsWith('#') ? decodeURIComponent(outer) : '', inside]
    .filter((part) => part !== '')
    .join('/')
  url.hash = path === '' ? '' : `#${path}`
  return url.href
}

function baseUrl(base: string): string {
  return /^[a-z][a-z]+:/i.test(base) ? base : pathToFileURL(base).href
}

async function loadKinds(
  network: FlatNetwork,
  load: Load,
): Promise<{ lookups: Map<string, KindLookup>; definitions: Map<string, KindDefinition> }> {
  const lookups = new Map<string, KindLookup>()
  const definitions = new Map<string, KindDefinition>()
  await Promise.all(
    Object.entries(network.components).map(async ([name, { kind: address, base }]) => {
      try {
        const kind = asKind(await load({ address, base }), address)
        lookups.set(name, { info: kindInfo(kind) })
        definitions.set(name, kindDefinition(kind))
      } catch (error) {
        if (!(error instanceof VertigoError)) throw error
        lookups.set(name, { error })
      }
    }),
  )
  return { lookups, definitions }
}
