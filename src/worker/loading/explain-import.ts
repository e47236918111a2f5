import { dirname, relative, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { VertigoError } from '../../base/errors.ts'
import { isInPackage, moduleError, pathOf, type Site, sourceOf } from './module-error.ts'
import { moduleGraph } from './module-graph.ts'
import { nearFile } from './near-file.ts'
import { pathAlias } from './path-aliases.ts'
import { importsIn, jsxIn } from './source-text.ts'
import { isOwnFile } from './stack.ts'

/** An error of Node's while it resolved or read a module. */
export interface NodeError extends Error {
  readonly code: string
  /** Of the file that does not exist. */
  readonly url?: string
}

/**
 * `ERR_MODULE_NOT_FOUND` and its kin: what an import names is not there. The message names the importer; where in it the
 * import stands has to be looked up.
 */
export function explainNotFound(cause: NodeError, url: string): VertigoError {
  const importer = importerIn(cause) ?? pathOf(url)
  if (isOwnFile(importer))
    return new VertigoError('KIND_NOT_FOUND', `${pathOf(cause.url ?? url)} does not exist.`, {
      cause,
      place: { file: pathOf(url) },
    })
  return cause.url === undefined
    ? packageNotFound(cause, importer)
    : fileNotFound(cause, pathOf(cause.url), importer)
}

function importerIn(cause: NodeError): string | undefined {
  const match = /imported from (.+)$/.exec(cause.message) ?? /Require stack:\s*- (.+)/.exec(cause.message)
  return match === null ? undefined : pathOf(match[1]!)
}

function fileNotFound(cause: NodeError, wanted: string, importer: string): VertigoError {
  const parent = pathToFileURL(importer).href
  const found = importsIn(sourceOf(importer) ?? '').find(({ specifier }) => {
    const href = /^\.{0,2}\/|^file:/.test(specifier) ? new URL(specifier, parent).href : undefined
    return href !== undefined && pathOf(href) === wanted
  })
  const specifier = found?.specifier ?? relativeTo(importer, wanted)
  const site = siteIn(importer, found)
  const near = nearFile(relativeTo(importer, wanted), importer)
  if (cause.code === 'ERR_UNSUPPORTED_DIR_IMPORT' && near?.isExact !== true)
    return moduleError('IMPORT_NOT_FOUND', `"${specifier}" is a folder`, site, {
      cause,
      remedy: 'Name a file in it.',
    })
  const remedy = near === undefined ? undefined : `Did you mean "${near.address}"?`
  if (near?.isExact !== true)
    return moduleError('IMPORT_NOT_FOUND', `"${specifier}" does not exist (${wanted})`, site, {
      cause,
      remedy,
    })
  const write = `Write the name that the file has: "${near.address}".`
  if (/\.[cm]?jsx?$/.test(specifier))
    return moduleError(
      'IMPORT_EXTENSION_WRONG',
      `"${specifier}" does not exist, but "${near.address}" does`,
      site,
      {
        cause,
        remedy: `${write} With \`rewriteRelativeImportExtensions\` in tsconfig.json the compiler makes \`.js\` of it.`,
      },
    )
  return moduleError('IMPORT_EXTENSION_MISSING', `"${specifier}" is not the whole name of a file`, site, {
    cause,
    remedy: write,
  })
}

function packageNotFound(cause: NodeError, importer: string): VertigoError {
  const name = /(?:package|module|specifier) ['"](.+?)['"]/i.exec(cause.message)?.[1] ?? ''
  const path = /subpath '\.(\/.+?)'/.exec(cause.message)?.[1]
  const found = importsIn(sourceOf(importer) ?? '').find(({ specifier }) =>
    path === undefined
      ? specifier === name || specifier.startsWith(`${name}/`)
      : !/^[./]/.test(specifier) && specifier.endsWith(path),
  )
  const specifier = found?.specifier ?? name
  const site = siteIn(importer, found)
  const alias = isInPackage(importer) ? undefined : pathAlias(specifier, importer)
  if (alias !== undefined) {
    const instead =
      alias.target === undefined ? '' : `Write "${relativeTo(importer, alias.target)}", or declare`
    return moduleError(
      'TS_PATHS_ALIAS',
      `"${specifier}" is an alias of ${alias.config}, which only the compiler knows`,
      site,
      {
        cause,
        remedy: `${instead === '' ? 'Import by relative path, or declare' : instead} an alias that begins with "#" under \`imports\` of package.json.`,
      },
    )
  }
  if (path !== undefined)
    return moduleError('PACKAGE_NOT_FOUND', `The package of "${specifier}" does not export this path`, site, {
      cause,
      remedy: 'Import a path that is among `exports` in the package.json of the package.',
    })
  if (cause.code === 'ERR_PACKAGE_IMPORT_NOT_DEFINED')
    return moduleError('IMPORT_NOT_FOUND', `"${specifier}" is not declared`, site, {
      cause,
      remedy: 'Declare it under `imports` of the nearest package.json, or correct it.',
    })
  const near = nearFile(`./${specifier}`, importer)
  return moduleError('PACKAGE_NOT_FOUND', `The package of "${specifier}" cannot be found`, site, {
    cause,
    remedy:
      near?.isExact === true
        ? `Did you mean the file "${near.address}"? Paths begin with "./".`
        : `Install it beside the module (\`npm install ${packageName(specifier)}\`), or correct the name.`,
  })
}

/** A file that is there, but that Node does not load as a module: JSX, JSON without its attribute, a style sheet... */
export async function explainUnloadable(cause: NodeError, url: string): Promise<VertigoError> {
  const match = /(?:for|Module) "?((?:file:|\/|[A-Za-z]:\\).+?)"?(?: needs.*)?\s*$/.exec(cause.message)
  const file = match === null ? pathOf(url) : pathOf(match[1]!)
  const isJsx = /\.[cm]?[jt]sx$/.test(file)
  const site = (await importOf(file, url)) ?? { file, ...(isJsx ? jsxIn(sourceOf(file) ?? '') : {}) }
  if (cause.code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING')
    return moduleError(
      'TS_IN_NODE_MODULES',
      `${file} is TypeScript in a package, which Node does not load`,
      site,
      { cause },
    )
  if (isJsx)
    return moduleError('TS_JSX', `${file} cannot be loaded, since Node does not know JSX`, site, { cause })
  const isJson = cause.code === 'ERR_IMPORT_ATTRIBUTE_MISSING'
  return moduleError('IMPORT_UNSUPPORTED', `${file} is not loaded as a module`, site, {
    cause,
    remedy: isJson
      ? "Add the attribute: `import data from './data.json' with { type: 'json' }`."
      : 'Read the file when the component is set up (`setup`), or bundle the module to JavaScript and name that.',
  })
}

/** Where a module, or one that it imports, imports a file. */
async function importOf(file: string, root: string): Promise<Site | undefined> {
  const wanted = pathToFileURL(file).href
  if (wanted === root) return undefined
  for (const module of await moduleGraph(root)) {
    const found = module.imports.find(({ url }) => url === wanted)
    if (found !== undefined) return siteIn(module.file, found)
  }
  return undefined
}

function siteIn(file: string, found: { readonly line: number; readonly column: number } | undefined): Site {
  return found === undefined ? { file } : { file, line: found.line, column: found.column }
}

/** A path as an import in `importer` would write it. */
function relativeTo(importer: string, path: string): string {
  const text = relative(dirname(importer), path).split(sep).join('/')
  return text.startsWith('.') ? text : `./${text}`
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
