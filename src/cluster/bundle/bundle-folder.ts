import {
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Clock } from '../../base/clock.ts'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { ownPackage } from './build.ts'
import {
  type Bundle,
  type BundleManifest,
  checkFile,
  decodeManifest,
  encodeManifest,
  isHash,
  manifestFile,
  sha256,
} from './bundle.ts'
import { cachedMsMax } from './limits.ts'

/**
 * A folder that bundles are loaded from. Several processes may share one.
 *
 * - BF-1 It is the user's own: nobody else can write into it, or it is refused.
 * - BF-2 A bundle comes into its place complete, by one renaming. Where two bring the same, the first stays.
 * - BF-3 What is found there is checked, each file, before this process loads from it for the first time; what is damaged
 *   is taken away, and brought anew.
 * - BF-4 `vertigo-flow` in a bundle is the copy that runs here, by a link.
 */
export interface BundleFolderMeans {
  readonly folder: string
  /** From where packages that are not in bundles are looked up: the node's working directory. */
  readonly packagesFrom: string
  readonly clock: Clock
  readonly random: Random
}

/** In the user's cache; where there is no home, in the folder for temporary files. */
export function defaultBundleFolder(env: Readonly<Record<string, string | undefined>>): string {
  const cache = env['XDG_CACHE_HOME']
  if (cache !== undefined && cache.startsWith('/')) return join(cache, 'vertigo', 'bundles')
  const home = homedir()
  if (home !== '' && home !== '/') return join(home, '.cache', 'vertigo', 'bundles')
  return join(tmpdir(), `vertigo-bundles-${process.getuid?.() ?? 'user'}`)
}

const ownRoot = fileURLToPath(new URL('../../../', import.meta.url)).replace(/[/\\]$/, '')

export class BundleFolder {
  private readonly means: BundleFolderMeans
  private readonly place: string
  /** What this process has checked, or is about to. */
  private readonly sound = new Map<string, Promise<string>>()

  private constructor(means: BundleFolderMeans) {
    this.means = means
    // Links differ with what they lead to: processes with another copy of the package, or other packages, have a place of their own.
    const about = new TextEncoder().encode(JSON.stringify([ownRoot, means.packagesFrom]))
    this.place = join(means.folder, sha256(about).slice(0, 16))
  }

  /** Errors: BUNDLE_CACHE_UNSAFE, BUNDLE_CACHE_FAILED. */
  static async open(means: BundleFolderMeans): Promise<BundleFolder> {
    const opened = new BundleFolder(means)
    await inFolder(means.folder, async () => {
      await mkdir(opened.place, { recursive: true, mode: 0o700 })
      for (const folder of [means.folder, opened.place]) await refuseForeign(folder)
      await opened.forgetOld()
    })
    return opened
  }

  /**
   * The folder of a bundle, which is there and sound; `fetch` brings it where it is not. Errors: those of `fetch`,
   * BUNDLE_PACKAGE_MISSING, BUNDLE_CACHE_FAILED.
   */
  ensure(hash: string, fetch: () => Promise<Bundle>): Promise<string> {
    let ensured = this.sound.get(hash)
    if (ensured === undefined) {
      ensured = this.bring(hash, fetch)
      this.sound.set(hash, ensured)
      // Tried again by the next who asks.
      ensured.catch(() => this.sound.delete(hash))
    }
    return ensured
  }

  private async bring(hash: string, fetch: () => Promise<Bundle>): Promise<string> {
    const { folder } = this.means
    const target = join(this.place, hash)
    const found = await inFolder(folder, () => this.check(target, hash))
    if (found === undefined) {
      const bundle = await fetch()
      await inFolder(folder, () => this.write(target, bundle))
    }
    return target
  }

  /** Undefined where there is none; what is damaged is taken away. */
  private async check(target: string, hash: string): Promise<BundleManifest | undefined> {
    try {
      const manifest = decodeManifest(hash, await readFile(join(target, manifestFile)), target)
      for (const file of manifest.files)
        checkFile(hash, file, await readFile(join(target, file.path)), target)
      await this.checkLinks(target, manifest)
      const now = this.means.clock.now() / 1_000
      await utimes(target, now, now)
      return manifest
    } catch (error) {
      if (!isDamage(error)) throw error
      await this.takeAway(target)
      return undefined
    }
  }

  private async checkLinks(target: string, manifest: BundleManifest): Promise<void> {
    for (const [name, to] of await this.links(manifest)) {
      const found = await readlink(join(target, 'node_modules', name))
      if (found !== to) throw Object.assign(new Error(`${name} leads to ${found}`), { code: 'ENOENT' })
    }
  }

  private async write(target: string, { hash, manifest, files }: Bundle): Promise<void> {
    const fresh = join(this.place, this.temporary())
    try {
      await mkdir(fresh, { mode: 0o700 })
      for (const [path, content] of files) {
        await mkdir(dirname(join(fresh, path)), { recursive: true, mode: 0o700 })
        await writeFile(join(fresh, path), content, { mode: 0o600, flag: 'wx' })
      }
      await writeFile(join(fresh, manifestFile), encodeManifest(manifest), { mode: 0o600, flag: 'wx' })
      for (const [name, to] of await this.links(manifest)) {
        const link = join(fresh, 'node_modules', name)
        await mkdir(dirname(link), { recursive: true, mode: 0o700 })
        // Links to folders want rights on Windows, junctions do not.
        await symlink(to, link, 'junction')
      }
      await rename(fresh, target)
    } catch (error) {
      await rm(fresh, { recursive: true, force: true })
      const { code } = error as { readonly code?: string }
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'EPERM') throw error
      // Somebody else was first.
      if ((await this.check(target, hash)) === undefined) throw error
    }
  }

  /** Packages that a bundle finds beside it, and where they are. */
  private async links({ packages }: BundleManifest): Promise<readonly (readonly [string, string])[]> {
    const { packagesFrom } = this.means
    const found = await Promise.all(
      packages.map(async (name) => [name, await packageFolder(name, packagesFrom)] as const),
    )
    return [[ownPackage, ownRoot], ...found]
  }

  private async takeAway(target: string): Promise<void> {
    const aside = join(this.place, this.temporary())
    try {
      await rename(target, aside)
    } catch (error) {
      if (isMissing(error)) return
      throw error
    }
    await rm(aside, { recursive: true, force: true })
  }

  private temporary(): string {
    const { random } = this.means
    return `.new-${random.int(2 ** 32).toString(16)}${random.int(2 ** 32).toString(16)}`
  }

  /** What nobody has loaded from for long, and what was left half written. */
  private async forgetOld(): Promise<void> {
    const now = this.means.clock.now()
    for (const name of await readdir(this.place)) {
      if (!isHash(name) && !name.startsWith('.new-')) continue
      const path = join(this.place, name)
      const found = await stat(path).catch(() => undefined)
      if (found !== undefined && now - found.mtimeMs > cachedMsMax)
        await rm(path, { recursive: true, force: true })
    }
  }
}

/** The URL of a file in a bundle's folder. */
export function fileUrl(folder: string, path: string): string {
  return pathToFileURL(join(folder, path)).href
}

async function refuseForeign(folder: string): Promise<void> {
  const { uid, mode } = await lstat(folder)
  const self = process.getuid?.()
  // Windows has no such modes; folders of users are their own there.
  if (self === undefined || (uid === self && (mode & 0o022) === 0 && (mode & 0o170000) === 0o040000)) return
  throw new VertigoError('BUNDLE_CACHE_UNSAFE', `The folder ${folder} is not safe to load code from.`, {
    place: { file: folder },
  })
}

async function packageFolder(name: string, from: string): Promise<string> {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, 'node_modules', name)
    if ((await stat(join(path, 'package.json')).catch(() => undefined)) !== undefined) return path
    if (folder === dirname(folder)) break
  }
  throw new VertigoError(
    'BUNDLE_PACKAGE_MISSING',
    `The package "${name}" is not part of its bundle, and cannot be found from ${from}.`,
  )
}

async function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (isVertigoError(cause)) throw cause
    const { code = 'unknown error' } = cause as { readonly code?: string }
    throw new VertigoError(
      'BUNDLE_CACHE_FAILED',
      `The folder ${folder} for bundles cannot be used (${code}).`,
      {
        cause,
        place: { file: folder },
      },
    )
  }
}

/** Damage, or nothing there: either way it is fetched. */
function isDamage(error: unknown): boolean {
  return (isVertigoError(error) && error.code === 'BUNDLE_DAMAGED') || isMissing(error)
}

function isMissing(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown }
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR' || code === 'EINVAL'
}
