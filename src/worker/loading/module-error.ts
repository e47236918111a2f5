import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ErrorCode } from '../../base/error-codes.ts'
import { VertigoError } from '../../base/errors.ts'
import { lineOf } from './source-text.ts'

/** A place in a module of the user's. */
export interface Site {
  /** Its path. */
  readonly file: string
  readonly line?: number
  readonly column?: number
}

const sourceLineLengthMax = 160

/** An error in a module: what is wrong, and the line of the source where it is. */
export function moduleError(
  code: ErrorCode,
  what: string,
  site: Site,
  options: { readonly cause: unknown; readonly remedy?: string },
): VertigoError {
  const source = site.line === undefined ? undefined : sourceOf(site.file)
  const line = source === undefined ? '' : (lineOf(source, site.line ?? 0)?.trim() ?? '')
  const shown = line.length > sourceLineLengthMax ? `${line.slice(0, sourceLineLengthMax)}...` : line
  return new VertigoError(code, shown === '' ? `${what}.` : `${what}: ${shown}`, {
    ...options,
    place: { ...site },
  })
}

/** The text of a file; undefined where it cannot be read. */
export function sourceOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** A path, of a URL or a path. */
export function pathOf(urlOrPath: string): string {
  return urlOrPath.startsWith('file:') ? fileURLToPath(urlOrPath) : urlOrPath
}

export function isInPackage(urlOrPath: string): boolean {
  return /[/\\]node_modules[/\\]/.test(urlOrPath)
}
