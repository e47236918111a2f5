import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ErrorCode } from '../../base/error-codes.ts'
import type { VertigoError } from '../../base/errors.ts'
import { didYouMean } from '../../base/suggest.ts'
import { findSyntaxError } from './find-syntax-error.ts'
import { moduleError, pathOf, type Site, sourceOf } from './module-error.ts'
import { moduleGraph } from './module-graph.ts'
import { resolveFrom } from './resolve.ts'
import { codeOnly, jsxIn, lineOf } from './source-text.ts'
import { headSite } from './stack.ts'

interface Unsupported {
  readonly says: RegExp
  readonly code: ErrorCode
  readonly what: string
  readonly remedy?: string
}

/** What Node's type stripping says (22.18 to 26) when it meets what is more than types. */
const unsupported: readonly Unsupported[] = [
  { says: /\benum\b/, code: 'TS_ENUM', what: 'An enum' },
  { says: /\bnamespace declaration\b/, code: 'TS_NAMESPACE', what: 'A namespace' },
  {
    says: /`module` keyword/,
    code: 'TS_NAMESPACE',
    what: 'A namespace',
    remedy: 'Write `declare namespace` where it only has types; move code to a module of its own.',
  },
  { says: /parameter property/, code: 'TS_PARAMETER_PROPERTY', what: 'A field among parameters' },
  { says: /import equals/, code: 'TS_IMPORT_EQUALS', what: '`import x = ...`' },
  { says: /export assignment/, code: 'TS_IMPORT_EQUALS', what: '`export =`' },
  { says: /decorator/i, code: 'TS_DECORATOR', what: 'A decorator' },
  {
    says: /angle-bracket/,
    code: 'TS_SYNTAX_UNSUPPORTED',
    what: 'A type assertion in angle brackets',
    remedy: 'Write `value as Type`.',
  },
]

/** `ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX`: TypeScript that is valid, but more than types. */
export function explainUnsupported(cause: Error, url: string): VertigoError {
  const site = headSite(cause.stack) ?? { file: pathOf(url) }
  const known = unsupported.find(({ says }) => says.test(cause.message))
  if (known === undefined)
    return moduleError(
      'TS_SYNTAX_UNSUPPORTED',
      `Cannot be loaded (${cause.message.replace(/\.$/, '')})`,
      site,
      {
        cause,
      },
    )
  const { code, what, remedy } = known
  return moduleError(code, `${what} cannot be loaded`, site, { cause, remedy })
}

/** `ERR_INVALID_TYPESCRIPT_SYNTAX`: not TypeScript, as far as the stripping knows. JSX among it. */
export function explainInvalid(cause: Error, url: string): VertigoError {
  return byText(cause, headSite(cause.stack) ?? { file: pathOf(url) })
}

/** A syntax error that V8 found: in JavaScript, or in what was left after stripping. */
export async function explainSyntaxError(cause: SyntaxError, url: string): Promise<VertigoError> {
  const head = headSite(cause.stack)
  const missing = missingExport(cause.message)
  if (head !== undefined && missing !== undefined) return explainMissingExport(cause, head, missing)
  const site = head ?? (await findSyntaxError(await moduleGraph(url), cause.message))
  return byText(cause, site ?? { file: pathOf(url) })
}

function byText(cause: Error, site: Site): VertigoError {
  const source = sourceOf(site.file) ?? ''
  const code = codeOnly(source)
  const line = site.line === undefined ? '' : (lineOf(code, site.line) ?? '')
  if (/^\s*@|\s@[\w(]/.test(line))
    return moduleError('TS_DECORATOR', 'A decorator cannot be loaded', site, { cause })
  if (/^\s*(?:\w+\s+)*accessor\s+[\w#[]/.test(line))
    return moduleError('TS_DECORATOR', '`accessor` cannot be loaded', site, {
      cause,
      remedy:
        'Write a getter and a setter, or a plain field; else bundle the module to JavaScript and name that file.',
    })
  if (jsxIn(source) !== undefined) return moduleError('TS_JSX', 'JSX cannot be loaded', site, { cause })
  const remedy = isTakenForCommonJs(cause.message)
    ? 'Node takes the file for CommonJS, as the "type" of its package.json says: `npm pkg set type=module` in its folder changes that; or name it .mts (.mjs).'
    : undefined
  return moduleError('MODULE_SYNTAX', `Syntax error (${cause.message.replace(/\.$/, '')})`, site, {
    cause,
    remedy,
  })
}

/** `npm init` writes this type unasked. */
function isTakenForCommonJs(message: string): boolean {
  return /^Cannot use import statement outside a module|^Unexpected token 'export'/.test(message)
}

interface MissingExport {
  readonly name: string
  readonly specifier: string
}

function missingExport(message: string): MissingExport | undefined {
  const plain = /^The requested module '(.+)' does not provide an export named '(.+)'/.exec(message)
  if (plain !== null) return { specifier: plain[1]!, name: plain[2]! }
  const commonJs = /^Named export '(.+)' not found\. The requested module '(.+?)'/.exec(message)
  return commonJs === null ? undefined : { name: commonJs[1]!, specifier: commonJs[2]! }
}

function explainMissingExport(cause: Error, site: Site, missing: MissingExport): VertigoError {
  const error = missingExportError(cause, site, missing)
  linkErrors.set(site.file, error)
  return error
}

function missingExportError(cause: Error, site: Site, { name, specifier }: MissingExport): VertigoError {
  const imported = importedFile(specifier, site.file)
  const code = codeOnly((imported === undefined ? undefined : sourceOf(imported)) ?? '')
  const escaped = name.replaceAll('$', String.raw`\$`)
  const type = new RegExp(
    String.raw`\bexport\s+(?:declare\s+)?(?:interface|type)\s+${escaped}(?![\w$])|\bexport\s+type\s*\{[^}]*(?<![\w$])${escaped}(?![\w$])|\bexport\s*\{[^}]*\btype\s+${escaped}(?![\w$])`,
  )
  if (type.test(code))
    return moduleError(
      'TS_TYPE_IMPORT',
      `"${name}" of "${specifier}" is a type, which is gone when the module runs`,
      site,
      {
        cause,
        remedy: `Write \`import { type ${name} } from '${specifier}'\`; \`verbatimModuleSyntax\` in tsconfig.json lets the compiler find these.`,
      },
    )
  if (cause.message.startsWith('Named export'))
    return moduleError(
      'EXPORT_MISSING',
      `"${specifier}" is CommonJS and has no export "${name}" that Node can see`,
      site,
      {
        cause,
        remedy: `Import all of it: \`import whole from '${specifier}'\`, then \`whole.${name}\`.`,
      },
    )
  const near = didYouMean(name, exportedNames(code)).trim()
  return moduleError('EXPORT_MISSING', `"${specifier}" has no export "${name}"`, site, {
    cause,
    remedy: near === '' ? 'Correct the name, or export it there.' : near,
  })
}

/**
 * Missing exports by the file that imports them. Oldest Nodes only tell the first time: after that, modules that
 * import the same file fail with something about a cache, for as long as the thread lives (so this is as long-lived
 * as Node's cache of modules).
 */
const linkErrors = new Map<string, VertigoError>()

/**
 * `ERR_VM_MODULE_LINK_FAILURE`: the module, or one that it imports, could not be linked before; the error of that
 * time.
 */
export async function explainedBefore(url: string): Promise<VertigoError | undefined> {
  if (linkErrors.size === 0) return undefined
  const modules = await moduleGraph(url)
  return modules.map(({ file }) => linkErrors.get(file)).find((error) => error !== undefined)
}

function importedFile(specifier: string, importer: string): string | undefined {
  if (/^\.{1,2}\//.test(specifier)) return resolve(dirname(importer), specifier)
  try {
    const url = resolveFrom(specifier, pathToFileURL(importer).href)
    return url.startsWith('file:') ? pathOf(url) : undefined
  } catch {
    return undefined
  }
}

function exportedNames(code: string): string[] {
  const declared = code.matchAll(/\bexport\s+(?:async\s+)?(?:const|let|var|function\s*\*?|class)\s+([\w$]+)/g)
  const listed = code.matchAll(/\bexport\s*\{([^}]*)\}/g)
  return [
    ...Array.from(declared, (match) => match[1]!),
    ...Array.from(listed, (match) =>
      match[1]!.split(',').map((item) => item.trim().split(/\s+/).at(-1)!),
    ).flat(),
  ]
}
