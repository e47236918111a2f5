import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { VertigoError } from '../../base/errors.ts'
import type { ModuleAddress } from '../assignment.ts'

/** What an address stands for, as far as it can be told without looking at files. URLs have no fragment. */
export type ResolvedAddress =
  /** A kind of this package. */
  | { readonly kind: 'built-in'; readonly name: string }
  /** Code of a network built in code: `url` is the network's module, `name` what to look up there. */
  | { readonly kind: 'own'; readonly url: string; readonly name: string }
  | { readonly kind: 'file'; readonly url: string; readonly exportName: string | undefined }
  /** To be found from `base`, the URL of the file that names it (`resolvePackage`). */
  | {
      readonly kind: 'package'
      readonly specifier: string
      readonly base: string
      readonly exportName: string | undefined
    }

/**
 * Tells what an address stands for. Pure: no file is looked at.
 *
 * | address | is |
 * | --- | --- |
 * | `#count`, `#selector:a.x->b.y` | code of the network that is built in the module `base` |
 * | `#outer/inner` | code of a network inside of that network |
 * | `./a.ts`, `../a.ts`, `/a.ts`, `file:///a.ts`, each with `#name` | a file, relative to the file `base`; its export |
 * | the same with `##count`, `##outer/inner` | code of the network that is built in that file: `#count` there |
 * | one of `builtInNames` | a built-in kind |
 * | `pkg`, `pkg/sub`, `@scope/pkg/sub`, each with `#name` | a package, as a module in the place of `base` sees it |
 *
 * Paths are paths: `%` and `?` in them mean themselves. A base that is a URL may have a fragment, which leads to a
 * network inside of the one that the module builds: `#inner` at `file:///net.ts#outer` is `#outer/inner` at
 * `file:///net.ts`.
 *
 * Throws `KIND_UNKNOWN` for what can be none of these.
 */
export function resolveAddress(module: ModuleAddress, builtInNames: Iterable<string> = []): ResolvedAddress {
  const { address } = module
  const base = baseUrl(module.base)
  const hash = address.indexOf('#')
  const target = hash === -1 ? address : address.slice(0, hash)
  const exportName = hash === -1 ? undefined : address.slice(hash + 1)
  if (address === '' || exportName === '' || exportName === '#') throw noAddress(module, 'it names nothing')
  if (exportName !== undefined && target === '') {
    const outer = decodeURIComponent(base.hash.slice(1))
    return { kind: 'own', url: withoutHash(base), name: outer === '' ? exportName : `${outer}/${exportName}` }
  }
  if (isPath(target)) {
    const path = resolve(fileURLToPath(new URL('.', base)), target)
    return inFile(pathToFileURL(path).href, exportName)
  }
  if (/^file:/i.test(target)) return inFile(fileUrl(target, module).href, exportName)
  if (/^[a-z][\w+.-]+:/i.test(target)) throw noAddress(module, 'modules are files and packages')
  if (exportName?.startsWith('#')) throw noAddress(module, 'networks are built in files, so "##" follows one')
  if (exportName === undefined && includes(builtInNames, target)) return { kind: 'built-in', name: target }
  return { kind: 'package', specifier: target, base: withoutHash(base), exportName }
}

/** What stands behind the `#`: an export, or behind another `#`, code of the network that the file builds. */
function inFile(url: string, exportName: string | undefined): ResolvedAddress {
  if (exportName?.startsWith('#')) return { kind: 'own', url, name: exportName.slice(1) }
  return { kind: 'file', url, exportName }
}

/** The URL of a base, which is a path or a file's URL; one that ends in a slash is a folder. */
export function baseUrl(base: string): URL {
  return isUrl(base) ? new URL(base) : pathToFileURL(resolve(base) + (/[/\\]$/.test(base) ? '/' : ''))
}

/** The path of the file that an address is relative to, as it was given: where an unknown address is written. */
export function basePath(base: string): string {
  return isUrl(base) ? fileURLToPath(withoutHash(new URL(base))) : base
}

function isUrl(base: string): boolean {
  return /^file:/i.test(base)
}

function isPath(text: string): boolean {
  return /^(?:\.{0,2}[/\\]|\.{1,2}$|[a-z]:[/\\])/i.test(text)
}

function withoutHash(url: URL): string {
  const copy = new URL(url)
  copy.hash = ''
  return copy.href
}

function fileUrl(text: string, module: ModuleAddress): URL {
  try {
    const url = new URL(text)
    fileURLToPath(url)
    return url
  } catch (cause) {
    throw noAddress(module, 'it is no URL of a file on this machine', cause)
  }
}

function includes(names: Iterable<string>, name: string): boolean {
  for (const known of names) if (known === name) return true
  return false
}

function noAddress(module: ModuleAddress, why: string, cause?: unknown): VertigoError {
  return new VertigoError('KIND_UNKNOWN', `"${module.address}" is not the address of anything: ${why}.`, {
    cause,
    place: { file: basePath(module.base) },
  })
}
