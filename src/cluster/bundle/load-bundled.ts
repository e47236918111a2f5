import { mkdtemp, realpath, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../base/clock.ts'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { networkFormat } from '../../model/format.ts'
import type { ModuleAddress } from '../../worker/assignment.ts'
import { completeAddress } from '../../worker/loading/complete.ts'
import type { Load } from '../../worker/worker.ts'
import {
  loadDeployment,
  type LoadDeploymentOptions,
  type LoadedDeployment,
} from '../client/load-deployment.ts'
import type { DeploymentSource } from '../client/source.ts'
import { bundleAddress, bundleBase } from './address.ts'
import { addressesIn, withAddresses } from './addresses.ts'
import { buildBundle } from './build.ts'
import { type Bundle, bundleBytes } from './bundle.ts'
import { BundleFolder, fileUrl } from './bundle-folder.ts'
import { buildsAtOnce, deploymentBytesMax } from './limits.ts'
import { pooled } from './pooled.ts'

export interface LoadBundledOptions extends LoadDeploymentOptions {
  readonly clock: Clock
  readonly random: Random
  /** Packages that stay out of the bundles: nodes have them. Default none. */
  readonly external?: readonly string[]
}

/** A deployment that needs no files on the nodes, with the bundles that have to be in the store before it is deployed. */
export interface BundledDeployment extends LoadedDeployment {
  readonly bundles: readonly Bundle[]
}

/**
 * As `loadDeployment`, with the code in bundles: every address of a module becomes that of a bundle. The code is loaded
 * from its bundle for the checks, so that what cannot run from one is noticed here.
 *
 * Errors: those of `loadDeployment`, BUNDLE_FAILED, BUNDLE_NATIVE, BUNDLE_TOO_LARGE, BUNDLE_PACKAGE_MISSING.
 */
export async function loadBundledDeployment(
  source: DeploymentSource,
  options: LoadBundledOptions,
): Promise<BundledDeployment> {
  // Links in the path of a module would make two modules of it.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'vertigo-bundling-')))
  try {
    return await new Bundling(options, folder).load(source)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface Built {
  readonly bundle: Bundle
  /** Where it was unpacked. */
  readonly folder: string
}

class Bundling {
  private readonly options: LoadBundledOptions
  private readonly folder: string
  private readonly names: ReadonlySet<string>
  /** By URL of the module. */
  private readonly built = new Map<string, Promise<Built>>()
  private opened: Promise<BundleFolder> | undefined

  constructor(options: LoadBundledOptions, folder: string) {
    this.options = options
    this.folder = folder
    this.names = new Set(options.builtInNames)
  }

  async load(source: DeploymentSource): Promise<BundledDeployment> {
    const { deployment, open } = await loadDeployment(source, { ...this.options, load: this.loadBundled })
    const { part } = deployment
    const modules = new Map<string, ModuleAddress>()
    for (const module of addressesIn(part)) {
      const url = this.moduleUrl(module)
      if (url !== undefined && !modules.has(url)) modules.set(url, module)
    }
    // Most are built by now. Those that kinds load by their configuration are loaded here for the first time.
    const bundles = new Map<string, Bundle>()
    await pooled([...modules], buildsAtOnce, async ([url, module]) => {
      if (!this.built.has(url)) await this.loadBundled(module)
      bundles.set(url, (await this.build(url)).bundle)
    })
    const bundled = withAddresses(part, bundleBase, (address, base) =>
      this.inBundle({ address, base }, bundles),
    )
    const all = new Map([...bundles.values()].map((bundle) => [bundle.hash, bundle]))
    refuseTooMuch([...all.values()])
    return { deployment: { ...deployment, part: bundled }, open, bundles: [...all.values()] }
  }

  /** The `load` of `loadDeployment`: what it gives comes out of a bundle. */
  private readonly loadBundled: Load = async (module) => {
    const { load } = this.options
    const url = this.moduleUrl(module)
    // Not there, or no module: whoever loads files says so best.
    if (url === undefined || networkFormat(url) !== undefined || !(await isFile(url))) return load(module)
    const { bundle, folder } = await this.build(url)
    const place = fileUrl(folder, bundle.manifest.entry)
    try {
      return await load({ address: place + this.fragment(module), base: module.base })
    } catch (error) {
      throw aboutSource(error, fileURLToPath(place), fileURLToPath(url))
    }
  }

  private build(url: string): Promise<Built> {
    let building = this.built.get(url)
    if (building === undefined) {
      building = this.buildOnce(url)
      this.built.set(url, building)
    }
    return building
  }

  private async buildOnce(url: string): Promise<Built> {
    const { external = [], clock, random } = this.options
    const bundle = await buildBundle(url, { external })
    const packagesFrom = join(fileURLToPath(url), '..')
    this.opened ??= BundleFolder.open({ folder: this.folder, packagesFrom, clock, random })
    return { bundle, folder: await (await this.opened).ensure(bundle.hash, () => Promise.resolve(bundle)) }
  }

  /** The URL of a module that is to be in a bundle. */
  private moduleUrl(module: ModuleAddress): string | undefined {
    const complete = this.complete(module)
    return complete === undefined || !complete.startsWith('file:') ? undefined : complete.replace(/#.*$/s, '')
  }

  private fragment(module: ModuleAddress): string {
    const complete = this.complete(module) ?? ''
    return complete.includes('#') ? complete.slice(complete.indexOf('#')) : ''
  }

  private complete(module: ModuleAddress): string | undefined {
    try {
      return completeAddress(module, this.names)
    } catch {
      // Loading it says why.
      return undefined
    }
  }

  private inBundle(module: ModuleAddress, bundles: ReadonlyMap<string, Bundle>): string {
    const url = this.moduleUrl(module)
    const bundle = url === undefined ? undefined : bundles.get(url)
    if (bundle === undefined) return module.address
    const { hash, manifest } = bundle
    return bundleAddress({ hash, path: manifest.entry, fragment: this.fragment(module) })
  }
}

async function isFile(url: string): Promise<boolean> {
  return (await stat(new URL(url)).catch(() => undefined))?.isFile() === true
}

/** The user knows the module, and not the bundle that was made of it. */
function aboutSource(error: unknown, bundle: string, source: string): unknown {
  if (!isVertigoError(error)) return error
  const { code, message, cause, remedy, place, faults } = error
  const isThere = place.file === bundle || place.file?.endsWith(bundle) === true
  // Lines of the bundle say nothing about the source.
  const { line: _, column: __, ...rest } = place
  return new VertigoError(code, message.replaceAll(bundle, source), {
    cause,
    remedy,
    faults,
    place: isThere ? { ...rest, file: source } : place,
  })
}

function refuseTooMuch(bundles: readonly Bundle[]): void {
  const bytes = bundles.reduce((sum, { manifest }) => sum + bundleBytes(manifest), 0)
  if (bytes <= deploymentBytesMax) return
  throw new VertigoError(
    'BUNDLE_TOO_LARGE',
    `The bundles have ${Math.ceil(bytes / 1024 / 1024)} MiB together; ${deploymentBytesMax / 1024 / 1024} MiB are taken.`,
  )
}
