import { asError, isVertigoError, VertigoError } from '../../base/errors.ts'
import { explainNotFound, explainUnloadable, type NodeError } from './explain-import.ts'
import { explainedBefore, explainInvalid, explainSyntaxError, explainUnsupported } from './explain-syntax.ts'
import { isInPackage, moduleError, pathOf } from './module-error.ts'
import { moduleGraph } from './module-graph.ts'
import { codeOnly, positionAt } from './source-text.ts'
import { isThrownByCode, userSite } from './stack.ts'

/**
 * Says why the module at `url` could not be loaded: what of it or of a module that it imports is wrong, where that
 * is, and what to do. The original error is the `cause`.
 */
export async function explainLoadError(thrown: unknown, url: string): Promise<VertigoError> {
  if (isVertigoError(thrown)) return withPlace(thrown, url)
  const cause = asError(thrown)
  switch (codeOf(cause)) {
    case 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX':
      return explainUnsupported(cause, url)
    case 'ERR_INVALID_TYPESCRIPT_SYNTAX':
      return explainInvalid(cause, url)
    case 'ERR_MODULE_NOT_FOUND':
    case 'MODULE_NOT_FOUND':
    case 'ERR_UNSUPPORTED_DIR_IMPORT':
    case 'ERR_PACKAGE_PATH_NOT_EXPORTED':
    case 'ERR_PACKAGE_IMPORT_NOT_DEFINED':
    case 'ERR_INVALID_MODULE_SPECIFIER':
      return explainNotFound(cause as NodeError, url)
    case 'ERR_VM_MODULE_LINK_FAILURE':
      return (await explainedBefore(url)) ?? loadFailed(thrown, cause, url)
    case 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING':
    case 'ERR_UNKNOWN_FILE_EXTENSION':
    case 'ERR_IMPORT_ATTRIBUTE_MISSING':
      return explainUnloadable(cause as NodeError, url)
    default:
      if (cause instanceof SyntaxError && !isThrownByCode(cause.stack)) return explainSyntaxError(cause, url)
      return loadFailed(thrown, cause, url)
  }
}

/** The module threw: its own errors stay what they are, as the cause. */
function loadFailed(thrown: unknown, cause: Error, url: string): VertigoError {
  const file = pathOf(url)
  const site = (cause === thrown ? userSite(cause.stack) : undefined) ?? { file }
  const commonJs = /^(require|module|exports|__filename|__dirname) is not defined/.exec(cause.message)?.[1]
  const remedy = commonJs === undefined ? undefined : commonJsRemedies[commonJs]
  return moduleError(
    'KIND_LOAD_FAILED',
    `${file} failed while it was loaded (${firstLine(cause.message)})`,
    site,
    {
      cause: thrown,
      remedy,
    },
  )
}

const commonJsRemedies: Readonly<Record<string, string>> = {
  require: 'Use `import`; a module that ends in `.cts` or `.cjs` may use `require`.',
  module: 'Use `export`; a module that ends in `.cts` or `.cjs` may use `module.exports`.',
  exports: 'Use `export`; a module that ends in `.cts` or `.cjs` may use `exports`.',
  __filename: 'Use `import.meta.filename`.',
  __dirname: 'Use `import.meta.dirname`.',
}

/** The module misused this package, which said so: `network()` in it has a fault, say. */
function withPlace(error: VertigoError, url: string): VertigoError {
  const { message, remedy, faults } = error
  const site = userSite(error.stack) ?? { file: pathOf(url) }
  const place =
    error.place.line === undefined ? { ...error.place, ...site } : { file: pathOf(url), ...error.place }
  return new VertigoError(error.code, message, { cause: error, remedy, faults, place })
}

/**
 * A module that awaits something that does not come; the likeliest place is where a module awaits outside of
 * functions.
 */
export async function explainTimeout(url: string, loadMsMax: number): Promise<VertigoError> {
  const file = pathOf(url)
  const what = `${file} did not finish loading within ${loadMsMax} ms`
  // What is imported waits first.
  for (const module of (await moduleGraph(url)).toReversed()) {
    const offset = isInPackage(module.file) ? undefined : topLevelAwait(module.source)
    if (offset === undefined) continue
    const site = { file: module.file, ...positionAt(module.source, offset) }
    return moduleError('KIND_LOAD_TIMEOUT', `${what}; it may wait here`, site, { cause: undefined })
  }
  return moduleError('KIND_LOAD_TIMEOUT', what, { file }, { cause: undefined })
}

/** The first `await` outside of braces, and not in an arrow function. */
function topLevelAwait(source: string): number | undefined {
  let depth = 0
  for (const match of codeOnly(source).matchAll(/[{}]|=>.*|\bawait\b/g)) {
    if (match[0] === '{') depth++
    else if (match[0] === '}') depth--
    else if (match[0] === 'await' && depth === 0) return match.index
    else if (match[0].startsWith('=>')) depth += braces(match[0])
  }
  return undefined
}

/** How many braces a piece of code leaves open. */
function braces(code: string): number {
  return code.split('{').length - code.split('}').length
}

function codeOf(error: Error): string | undefined {
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'string' ? code : undefined
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!
}
