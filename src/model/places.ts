import { fileURLToPath } from 'node:url'
import { type ErrorPlace, VertigoError } from '../base/errors.ts'
import type { ErrorCode } from '../base/error-codes.ts'
import { faultsFoundMax, faultsMax } from './limits.ts'

/** A position in a file; line and column are 1-based, the column counts UTF-16 units. */
export interface Place {
  readonly file: string
  readonly line?: number
  readonly column?: number
}

/** Steps into a document: field names and list indices. */
export type Path = readonly (string | number)[]

/** Where the parts of a document stand in its file. */
export interface Places {
  readonly file: string
  /**
   * The position of what stands at `path`, else of its nearest ancestor that exists. For a single value, that is the
   * value's own position; for a mapping or list, its key's, since that is the line a reader looks for. With `at`
   * `'key'` it is the key's in both cases.
   */
  of(path: Path, at?: 'key' | 'value'): Place
}

/** Places for a network that was never text: only the file (or module, or any name) is known. */
export function placesOfFile(file: string): Places {
  return { file, of: () => ({ file }) }
}

/** A path as people write it: `components.count.config.ports[2]`. */
export function pathText(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (!/^[\w/-]+$/.test(step)) text += `[${JSON.stringify(step)}]`
    else text += text === '' ? step : `.${step}`
  }
  return text
}

/** What an error says about where: file, position, path, and the component the path leads into. */
export function errorPlace(places: Places, path: Path, at?: 'key' | 'value'): ErrorPlace {
  const place: { -readonly [K in keyof ErrorPlace]: ErrorPlace[K] } = { ...places.of(path, at) }
  if (path.length > 0) place.path = pathText(path)
  if (path[0] === 'components' && typeof path[1] === 'string') place.component = path[1]
  return place
}

/** One fault of a network. */
export function fault(
  code: ErrorCode,
  message: string,
  places: Places,
  path: Path,
  options: { at?: 'key' | 'value'; remedy?: string; cause?: unknown } = {},
): VertigoError {
  const { at, ...rest } = options
  return new VertigoError(code, message, { ...rest, place: errorPlace(places, path, at) })
}

/** All faults of a network as the one error that is thrown: `NETWORK_INVALID`, with the faults in the order of the file. */
export function networkInvalid(faults: readonly VertigoError[], file: string): VertigoError {
  const ordered = sortFaults(faults)
  const least = ordered.length >= faultsFoundMax ? 'at least ' : ''
  const count = ordered.length === 1 ? 'one fault' : `${least}${ordered.length} faults`
  const more = ordered.length > faultsMax ? `, of which the first ${faultsMax} are listed` : ''
  // Networks in modules are known by their URLs.
  const shown = file.startsWith('file:') ? fileURLToPath(file) : file
  return new VertigoError('NETWORK_INVALID', `The network ${shown} has ${count}${more}.`, {
    place: { file },
    faults: ordered.slice(0, faultsMax),
  })
}

/** Faults by position: those without one last, in the order in which they were found. */
export function sortFaults(faults: readonly VertigoError[]): VertigoError[] {
  const key = (n: number | undefined): number => n ?? Number.MAX_SAFE_INTEGER
  return faults.toSorted(
    (a, b) => key(a.place.line) - key(b.place.line) || key(a.place.column) - key(b.place.column),
  )
}
