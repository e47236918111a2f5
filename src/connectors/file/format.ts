import { VertigoError } from '../../base/errors.ts'
import { jsonText, plainText } from '../json-text.ts'

export type FileFormat = 'text' | 'json-lines' | 'csv'

/** By the ending of the name; without a known one, text. */
export function formatOf(path: string): FileFormat {
  const name = path.toLowerCase()
  if (name.endsWith('.jsonl') || name.endsWith('.ndjson')) return 'json-lines'
  return name.endsWith('.csv') ? 'csv' : 'text'
}

/** Makes the text of a message, line end included. */
export type FormatMessage = (message: unknown) => string

export function textFormat(component: string): FormatMessage {
  return (message) => `${written(plainText, message, component)}\n`
}

export function jsonLinesFormat(component: string): FormatMessage {
  return (message) => `${written(jsonText, message, component)}\n`
}

function written(write: (message: unknown) => string, message: unknown, component: string): string {
  try {
    return write(message)
  } catch (error) {
    throw unfit(component, 'it cannot be written as JSON (does it contain itself?)', error)
  }
}

function unfit(component: string, what: string, cause?: unknown, remedy?: string): VertigoError {
  return new VertigoError('MESSAGE_UNFIT', `${component}: a message does not fit the file: ${what}`, {
    cause,
    remedy,
    place: { component, port: 'in' },
  })
}

/**
 * Records as CSV by RFC 4180, with a header line; lines end in `\n`, as most tools of Unix write and all readers take.
 *
 * With `columns`, each record gives the fields named there: what it lacks stays empty, what it has besides is left
 * out. Without, the first record's keys are the columns, and a record with other keys is refused, since a column
 * would be lost or shifted silently.
 */
export class CsvFormat {
  readonly #component: string
  readonly #selected: boolean
  #columns: readonly string[] | undefined
  #headerWritten: boolean

  /** With `headerWritten`, the file begins with these columns already. */
  constructor(options: {
    readonly component: string
    readonly columns: readonly string[] | undefined
    readonly selected: boolean
    readonly headerWritten: boolean
  }) {
    this.#component = options.component
    this.#columns = options.columns
    this.#selected = options.selected
    this.#headerWritten = options.headerWritten
  }

  /** Undefined as long as nothing says them. */
  get columns(): readonly string[] | undefined {
    return this.#columns
  }

  /** The header line where it is known and not written yet; to be written before a file without messages ends. */
  header(): string {
    if (this.#headerWritten || this.#columns === undefined) return ''
    this.#headerWritten = true
    return csvLine(this.#columns)
  }

  line(message: unknown): string {
    if (typeof message !== 'object' || message === null || Array.isArray(message)) {
      const got = message === null ? 'null' : Array.isArray(message) ? 'an array' : `a ${typeof message}`
      const remedy = 'Send objects, whose keys are the columns, or choose the format `text` or `json-lines`.'
      throw unfit(this.#component, `CSV takes objects, and this is ${got}`, undefined, remedy)
    }
    const record = message as Readonly<Record<string, unknown>>
    this.#columns ??= Object.keys(record)
    if (!this.#selected) this.#checkKeys(record, this.#columns)
    const cells = this.#columns.map((column) => (Object.hasOwn(record, column) ? record[column] : undefined))
    return this.header() + written((values) => csvLine(values as unknown[]), cells, this.#component)
  }

  #checkKeys(record: Readonly<Record<string, unknown>>, columns: readonly string[]): void {
    const keys = Object.keys(record)
    if (keys.length === columns.length && keys.every((key, index) => key === columns[index])) return
    const remedy =
      'Name the wanted columns in the config field `columns`; what a message lacks then stays empty.'
    const added = keys.find((key) => !columns.includes(key))
    if (added !== undefined) {
      throw unfit(
        this.#component,
        `it has the column "${added}", which the header of the CSV file lacks`,
        undefined,
        remedy,
      )
    }
    const missing = columns.find((column) => !keys.includes(column))
    if (missing !== undefined) {
      throw unfit(
        this.#component,
        `it lacks the column "${missing}" of the header of the CSV file`,
        undefined,
        remedy,
      )
    }
  }
}

/** One line of CSV with its line end. */
export function csvLine(values: readonly unknown[]): string {
  // A single empty cell would be an empty line, which readers skip.
  if (values.length === 1 && cellText(values[0]) === '') return '""\n'
  let line = ''
  for (let i = 0; i < values.length; i++) line += i === 0 ? cell(values[i]) : `,${cell(values[i])}`
  return `${line}\n`
}

const needsQuotes = /[",\r\n]/

function cell(value: unknown): string {
  const text = cellText(value)
  return needsQuotes.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Empty for `undefined` and `null`; dates in ISO form; other objects as JSON. */
function cellText(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '' : value.toISOString()
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value)
  return jsonText(value)
}

/** The first record of CSV: the cells of its header. Reads what `csvLine` and other RFC 4180 writers write. */
export function csvHeader(text: string): string[] {
  const cells: string[] = []
  let at = 0
  for (;;) {
    if (text[at] === '"') {
      let value = ''
      let end = text.indexOf('"', at + 1)
      while (end !== -1 && text[end + 1] === '"') {
        value += text.slice(at + 1, end + 1)
        at = end + 1
        end = text.indexOf('"', at + 1)
      }
      if (end === -1) end = text.length
      cells.push(value + text.slice(at + 1, end))
      at = end + 1
    } else {
      const rest = text.slice(at)
      const length = rest.search(/[,\r\n]/)
      cells.push(length === -1 ? rest : rest.slice(0, length))
      at = length === -1 ? text.length : at + length
    }
    if (text[at] !== ',') return cells
    at++
  }
}
