import { pathOf, type Site, sourceOf } from './module-error.ts'
import { lineOf } from './source-text.ts'

/** Where this package's own modules are: an author is not sent there. */
const ownFolder = new URL('../../', import.meta.url).href

/** Whoever called the loader is none of the module's stack. */
const loaderFile = new URL('../load-module.', import.meta.url).href

/** The first place in a stack that is the user's: not Node's, not of a package, not Vertigo's. */
export function userSite(stack: string | undefined): Site | undefined {
  for (const frame of framesOf(stack)) if (frame.site !== undefined) return frame.site
  return undefined
}

/** Whether code of the user's (or a package's) threw this, rather than Node while it loaded a module. */
export function isThrownByCode(stack: string | undefined): boolean {
  for (const { text, site } of framesOf(stack)) {
    if (site !== undefined) return true
    if (text.includes('node:internal/modules/')) return false
  }
  return false
}

/** Whether a file is one of this package's own modules. */
export function isOwnFile(file: string): boolean {
  return file.startsWith(pathOf(ownFolder))
}

interface Frame {
  readonly text: string
  /** Set for the user's code. */
  readonly site: Site | undefined
}

function* framesOf(stack: string | undefined): Generator<Frame> {
  for (const text of stack?.split('\n') ?? []) {
    if (!/^\s+at /.test(text)) continue
    if (text.includes(loaderFile)) return
    const match = /(?:at |\(|async )((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*):(\d+):(\d+)\)?$/.exec(text)
    const file = match?.[1] === undefined ? undefined : pathOf(match[1].replace(/\?.*$/, ''))
    const isUsers = file !== undefined && !/[/\\]node_modules[/\\]/.test(file) && !isOwnFile(file)
    yield { text, site: isUsers ? { file, line: Number(match?.[2]), column: Number(match?.[3]) } : undefined }
  }
}

/**
 * The place that Node puts in front of the stacks of errors in a module's text:
 *
 * ```
 * file:///home/me/split.ts:3
 *     private readonly x: number,
 *                      ^^^^^^^^^
 * ```
 *
 * For what has several lines, these are marked by `>` instead of carets, and moved to the right.
 */
export function headSite(stack: string | undefined): Site | undefined {
  const lines = stack?.split(/\r?\n/) ?? []
  const match = /^((?:file:\/\/|\/|[A-Za-z]:\\).*):(\d+)$/.exec(lines[0] ?? '')
  if (match === null) return undefined
  const file = pathOf(match[1]!.replace(/\?.*$/, ''))
  const line = Number(match[2])
  const end = lines.findIndex((text) => /^\S*Error\b/.test(text))
  const carets = lines.slice(1, end === -1 ? undefined : end).find((text) => /^\s*\^+\s*$/.test(text))
  if (carets !== undefined) return { file, line, column: carets.indexOf('^') + 1 }
  const first = lineOf(sourceOf(file) ?? '', line)?.search(/\S/) ?? -1
  return first === -1 ? { file, line } : { file, line, column: first + 1 }
}
