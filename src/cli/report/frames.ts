import { dirname, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A place in the code of the user, from a stack. */
export interface Frame {
  /** As the stack writes it: `at splitLine (file:///home/me/split.ts:3:7)`. */
  readonly text: string
  readonly file: string
  readonly line: number
  readonly column: number
}

/** `src` or `dist` of this package. */
const ownFolder = dirname(dirname(import.meta.dirname)) + sep

/** Longer lines of a stack are no frames: matching them could take very long. */
const frameLengthMax = 4096

/** The frames of a stack that are in the user's own files, not in Node, in packages, or in Vertigo. */
export function userFrames(stack: string | undefined): Frame[] {
  return (stack ?? '').split('\n').flatMap((line) => {
    if (line.length > frameLengthMax) return []
    const match = /^\s+at (?:.*\(|async )?((?:file:\/\/|\/|[A-Za-z]:\\).*?)(?:\?[^:]*)?:(\d+):(\d+)\)?$/.exec(
      line,
    )
    if (match === null) return []
    const file = pathOf(match[1]!)
    if (file.startsWith(ownFolder) || /[/\\]node_modules[/\\]/.test(file)) return []
    return [{ text: line.trim(), file, line: Number(match[2]), column: Number(match[3]) }]
  })
}

/** Whether Node itself made the error: a file that is missing, a package that cannot be found. */
export function isNodeError(stack: string | undefined): boolean {
  return /\(?node:[^ ]*\)?$/.test(allFrames(stack)[0] ?? '') || /^\w*Error: E[A-Z]+: /.test(stack ?? '')
}

/** All frames of a stack, as they are. */
export function allFrames(stack: string | undefined): string[] {
  return (stack ?? '').split('\n').flatMap((line) => (/^\s+at /.test(line) ? [line.trim()] : []))
}

function pathOf(urlOrPath: string): string {
  if (!urlOrPath.startsWith('file:')) return urlOrPath
  try {
    return fileURLToPath(urlOrPath)
  } catch {
    return urlOrPath
  }
}
