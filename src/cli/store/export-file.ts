import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { VertigoError } from '../../base/errors.ts'
import type { Entry } from '../../store/store.ts'
import { base64Of } from './entry-text.ts'

/**
 * The file of an export: lines of JSON. A head, one line for each key with its value in base64, and a foot with the number of
 * keys and the SHA-256 of all lines before it; so a file that was cut or changed is noticed before anything is written.
 */

const format = 1
/** A line holds one value, which may have a megabyte. What is much longer is no export, and must not fill the memory. */
const lineCharactersMax = 4 * 1024 * 1024

interface Head {
  readonly vertigo: 'store-export'
  readonly format: number
  readonly revision: number
}

interface Foot {
  readonly keys: number
  readonly sha256: string
}

export interface Exported {
  readonly key: string
  readonly value: Uint8Array
}

/** What is read of a store at one time; all of one revision. */
export interface ExportedPage {
  readonly entries: readonly (Exported & Pick<Entry, 'lease'>)[]
  readonly revision: number
}

/** The lines of an export; never all of them in one text, which Node bounds. Leaves out what is under a lease. */
export async function* exportLines(
  pages: AsyncIterable<ExportedPage> | Iterable<ExportedPage>,
): AsyncGenerator<string, void, undefined> {
  const hash = createHash('sha256')
  const line = (value: object): string => {
    const text = `${JSON.stringify(value)}\n`
    hash.update(text)
    return text
  }
  let keys: number | undefined
  for await (const { entries, revision } of pages) {
    const head: Head = { vertigo: 'store-export', format, revision }
    if (keys === undefined) yield line(head)
    keys ??= 0
    for (const { key, value, lease } of entries) {
      if (lease !== undefined) continue
      keys++
      yield line({ key, value: base64Of(value) })
    }
  }
  const foot: Foot = { keys: keys ?? 0, sha256: hash.digest('hex') }
  yield `${JSON.stringify(foot)}\n`
}

/**
 * What an export holds, line by line; that it was neither cut nor changed is known at the end, so read it once before
 * anything is done with it. Errors: STORE_EXPORT_INVALID, with the line.
 */
export async function* readExport(
  chunks: AsyncIterable<string> | Iterable<string>,
  file: string,
): AsyncGenerator<Exported, void, undefined> {
  const fault = (line: number, what: string): VertigoError =>
    new VertigoError('STORE_EXPORT_INVALID', `${file} ${what}.`, { place: { file, line } })
  const tooLong = (line: number): Error =>
    fault(line, `has a line of more than ${lineCharactersMax} characters, which no export has`)
  const hash = createHash('sha256')
  let lines = 0
  let last: string | undefined
  let bad: VertigoError | undefined
  for await (const line of linesOf(chunks, tooLong)) {
    if (last !== undefined) {
      hash.update(`${last}\n`)
      lines++
      if (lines === 1) checkHead(last, fault)
      else {
        const entry = exported(last)
        // A checksum that does not fit says more, and comes first.
        if (entry === undefined) bad ??= fault(lines, 'has a line that is no key')
        else yield entry
      }
    }
    last = line
  }
  if (lines === 0) checkHead(last, fault)
  const foot: Partial<Foot> | undefined = object(last)
  if (foot?.sha256 === undefined) throw fault(lines + 1, 'was cut: its last line is missing')
  if (foot.sha256 !== hash.digest('hex') || foot.keys !== lines - 1)
    throw fault(lines + 1, 'was changed: its checksum does not fit')
  if (bad !== undefined) throw bad
}

function checkHead(line: string | undefined, fault: (line: number, what: string) => VertigoError): void {
  const head: Partial<Head> | undefined = object(line)
  if (head?.vertigo !== 'store-export') throw fault(1, 'is not an export of a store')
  if (head.format !== format)
    throw fault(1, `has format ${String(head.format)}; this version reads format ${format}`)
}

function exported(line: string): Exported | undefined {
  const { key, value } = (object(line) ?? {}) as { readonly key?: unknown; readonly value?: unknown }
  if (typeof key !== 'string' || typeof value !== 'string') return undefined
  return { key, value: Buffer.from(value, 'base64') }
}

/** Ended by `\n` alone: a key may hold what else counts as the end of a line. */
async function* linesOf(
  chunks: AsyncIterable<string> | Iterable<string>,
  tooLong: (line: number) => Error,
): AsyncGenerator<string> {
  let rest = ''
  let lines = 0
  for await (const chunk of chunks) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop()!
    lines += parts.length
    yield* parts
    if (rest.length > lineCharactersMax) throw tooLong(lines + 1)
  }
  if (rest !== '') yield rest
}

function object(line: string | undefined): object | undefined {
  try {
    const value: unknown = JSON.parse(line ?? '')
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
