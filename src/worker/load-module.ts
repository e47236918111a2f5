import { existsSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { fileURLToPath } from 'node:url'
import { type Clock, systemClock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import type { Kind } from '../component/kind.ts'
import { networkFormat } from '../model/format.ts'
import type { ModuleAddress } from './assignment.ts'
import { basePath, resolveAddress, type ResolvedAddress } from './loading/address.ts'
import { exportOf, type ModuleExports, ownCode } from './loading/exports.ts'
import { nearFile } from './loading/near-file.ts'
import { resolveFrom } from './loading/resolve.ts'
import type { Load } from './worker.ts'

export { type ResolvedAddress, resolveAddress } from './loading/address.ts'

export interface LoaderOptions {
  /** A built-in kind by its name. They are loaded when they are asked for, since most networks use few. */
  readonly builtIn: (name: string) => Promise<Kind | undefined>
  /** All names that `builtIn` knows: they come before packages of the same name, and misspelt ones are recognized. */
  readonly builtInNames: readonly string[]
  /**
   * How long the loading of one module, with everything it imports, may take before `KIND_LOAD_TIMEOUT`. Default
   * 30,000 ms: a large tree of packages on a slow disk takes a few seconds; who waits for longer waits for what does
   * not come. It bounds what modules await, not what they compute: a loop without end keeps the thread, and its
   * watcher has to see that.
   */
  readonly loadMsMax?: number
  readonly clock?: Clock
}

const loadMsMaxDefault = 30_000

/**
 * Makes what loads the code of a network: kinds, functions, hooks, selectors. What addresses there are says
 * `resolveAddress`.
 *
 * Files are loaded as they are, by Node's type stripping. Each thing that it cannot do (enums, JSX, aliases of
 * tsconfig.json...) has an error of its own with file, line, column, the source line, and what to do; so has whatever
 * else keeps a module from being loaded. Errors of the address itself (`KIND_UNKNOWN`, `KIND_NOT_FOUND`) have the
 * base as their place, all others the module.
 *
 * Modules are loaded once, by Node's cache: the same address gives the same value in one thread.
 */
export function createLoader(options: LoaderOptions): Load {
  const loader = new Loader(options)
  return (module) => loader.load(module)
}

class Loader {
  readonly #options: LoaderOptions
  readonly #names: ReadonlySet<string>
  readonly #clock: Clock
  readonly #loadMsMax: number
  /** By URL: many instances ask for the same module at once, and its failure is explained once. */
  readonly #pending = new Map<string, Promise<ModuleExports>>()

  constructor(options: LoaderOptions) {
    this.#options = options
    this.#names = new Set(options.builtInNames)
    this.#clock = options.clock ?? systemClock
    this.#loadMsMax = options.loadMsMax ?? loadMsMaxDefault
  }

  async load(module: ModuleAddress): Promise<unknown> {
    const target = resolveAddress(module, this.#names)
    if (target.kind === 'built-in') {
      const found = await this.#options.builtIn(target.name)
      if (found === undefined) throw this.#unknown(module, target.name)
      return found
    }
    const url = this.#url(target, module)
    const exports = await this.#import(url)
    if (target.kind === 'own') return ownCode(exports, target.name, url, module)
    return exportOf(exports, target.exportName, url)
  }

  #url(target: Exclude<ResolvedAddress, { kind: 'built-in' }>, module: ModuleAddress): string {
    const url = target.kind === 'package' ? this.#packageUrl(target, module) : target.url
    if (networkFormat(url) !== undefined) throw noModule(target, url, module)
    if (target.kind !== 'package') checkExists(url, module)
    return url
  }

  #packageUrl(target: { specifier: string; base: string }, module: ModuleAddress): string {
    const { specifier, base } = target
    // A misspelt kind must not become one of Node's modules (`stream`).
    if (isBuiltin(specifier)) throw this.#unknown(module, specifier)
    try {
      return resolveFrom(specifier, base)
    } catch (cause) {
      const { code } = cause as { readonly code?: unknown }
      if (code === 'ERR_PACKAGE_PATH_NOT_EXPORTED')
        throw new VertigoError(
          'PACKAGE_NOT_FOUND',
          `"${module.address}": the package is there, but it does not export this path (\`exports\` of its package.json).`,
          { cause, place: { file: basePath(module.base) }, remedy: 'Use a path that the package exports.' },
        )
      throw this.#unknown(module, specifier, cause)
    }
  }

  #unknown(module: ModuleAddress, name: string, cause?: unknown): VertigoError {
    const file = basePath(module.base)
    const near = nearFile(`./${name}`, file)
    const meant = near?.isExact === true ? ` Did you mean "${near.address}"?` : didYouMean(name, this.#names)
    return new VertigoError(
      'KIND_UNKNOWN',
      `"${name}" is no built-in kind, and no package of this name can be found from ${file}.${meant}`,
      { cause, place: { file } },
    )
  }

  #import(url: string): Promise<ModuleExports> {
    let pending = this.#pending.get(url)
    if (pending === undefined) {
      pending = this.#importOnce(url).finally(() => this.#pending.delete(url))
      this.#pending.set(url, pending)
    }
    return pending
  }

  async #importOnce(url: string): Promise<ModuleExports> {
    let cancel = (): void => undefined
    const late = new Promise<'late'>((resolve) => {
      cancel = this.#clock.after(this.#loadMsMax, () => resolve('late'))
    })
    try {
      const loaded = await Promise.race([import(url) as Promise<ModuleExports>, late])
      if (loaded !== 'late') return loaded
    } catch (thrown) {
      throw await (await explanations()).explainLoadError(thrown, url)
    } finally {
      cancel()
    }
    throw await (await explanations()).explainTimeout(url, this.#loadMsMax)
  }
}

/** Loaded when there is something to explain: every thread would pay for it before its first message. */
const explanations = () => import('./loading/explain.ts')

function checkExists(url: string, module: ModuleAddress): void {
  const path = fileURLToPath(url)
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return
  const file = basePath(module.base)
  const near = nearFile(module.address.replace(/#.*$/s, ''), file)
  const meant = near === undefined ? '' : ` Did you mean "${near.address}"?`
  const what = existsSync(path) ? 'is not a file' : 'does not exist'
  throw new VertigoError('KIND_NOT_FOUND', `"${module.address}": ${path} ${what}.${meant}`, {
    place: { file },
  })
}

function noModule(target: ResolvedAddress, url: string, module: ModuleAddress): VertigoError {
  const path = fileURLToPath(url)
  if (target.kind === 'own')
    return new VertigoError(
      'KIND_UNKNOWN',
      `"${module.address}" is written in ${path}, which builds no network in code.`,
      {
        place: { file: path },
        remedy:
          'Addresses that begin with "#" are for networks built in code; use a name, a path or a package.',
      },
    )
  return new VertigoError(
    'KIND_INVALID',
    `"${module.address}" is the file of a network, not a module: ${path}.`,
    {
      place: { file: basePath(module.base) },
      remedy: 'Use a network as the kind of a component; everything else needs a module.',
    },
  )
}
