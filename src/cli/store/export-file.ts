import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { VertigoError } from '../../base/errors.ts'
import { base64Of } from './entry-text.ts'

/**
 * The file of an export: lines of JSON. A head, one line for each key with its value in base64, and a foot with the number of
 * keys and the SHA-256 of all lines before it; so a file that was cut or changed is noticed before anything is written.
 */

const format = 1

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

export function exportText(entries: readonly Exported[], revision: number): string {
  const head: Head = { vertigo: 'store-export', format, revision }
  const body = [head, ...entries.map(({ key, value }) => ({ key, value: base64Of(value) }))]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('')
  const foot: Foot = { keys: entries.length, sha256: digest(body) }
  return `${body}${JSON.stringify(foot)}\n`
}

/** Errors: STORE_EXPORT_INVALID, with the line. */
export function readExport(text: string, file: string): readonly Exported[] {
  const fault = (line: number, what: string): VertigoError =>
    new VertigoError('STORE_EXPORT_INVALID', `${file} ${what}.`, { place: { file, line } })
  const end = text.lastIndexOf('\n', text.length - 2) + 1
  const lines = text.slice(0, end).split('\n').slice(0, -1)
  const head: Partial<Head> | undefined = object(lines[0])
  if (head?.vertigo !== 'store-export') throw fault(1, 'is not an export of a store')
  if (head.format !== format)
    throw fault(1, `has format ${String(head.format)}; this version reads format ${format}`)
  const foot: Partial<Foot> | undefined = object(text.slice(end))
  if (foot?.sha256 === undefined) throw fault(lines.length + 1, 'was cut: its last line is missing')
  if (foot.sha256 !== digest(text.slice(0, end)) || foot.keys !== lines.length - 1)
    throw fault(lines.length + 1, 'was changed: its checksum does not fit')
  return lines.slice(1).map((line, index) => {
    const { key, value } = (object(line) ?? {}) as { readonly key?: unknown; readonly value?: unknown }
    if (typeof key !== 'string' || typeof value !== 'string')
      throw fault(index + 2, 'has a line that is no key')
    return { key, value: Buffer.from(value, 'base64') }
  })
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function object(line: string | undefined): object | undefined {
  try {
    const value: unknown = JSON.parse(line ?? '')
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
