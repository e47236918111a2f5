import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'
import {
  asError,
  type ErrorPlace,
  innerErrors,
  isVertigoError,
  type VertigoError,
} from '../../base/errors.ts'
import { excerpt, sourceLine } from './excerpt.ts'
import { allFrames, isNodeError, userFrames } from './frames.ts'
import { printable } from './text.ts'

export interface ReportOptions {
  readonly color?: boolean
  /** Whole stacks, and those of all causes. Default false. */
  readonly debug?: boolean
}

/** Frames of the user that are shown for one error. */
const framesMax = 5
const causesMax = 5
/** Errors of an `AggregateError` that are shown. */
const innerMax = 5
/** Lines of the message of a cause that are shown, and characters of each. */
const causeLinesMax = 21
const lineLengthMax = 2_000

/**
 * An error as one block of text:
 *
 * ```
 * error KIND_UNKNOWN: "coutner" is no built-in kind. Did you mean "counter"?
 *   at network.yaml:5:18 (components.count.kind)
 *     5 |   count: { kind: coutner }
 *       |                  ^
 *   fix: Use a built-in kind (`vertigo kinds` lists them), ...
 * ```
 *
 * Faults of a validation follow, each like this. Of stacks it shows what is in the user's files.
 */
export function errorReport(thrown: unknown, options: ReportOptions = {}): string {
  const report = new Report(options)
  const error = asError(thrown)
  if (isVertigoError(error)) report.vertigoError(error)
  else report.otherError(error)
  return `${report.lines.join('\n')}\n`
}

/** Faults as they stand below the error that has them. */
export function faultsReport(faults: readonly VertigoError[], options: ReportOptions = {}): string {
  const report = new Report(options)
  report.faults(faults)
  return `${report.lines.join('\n')}\n`
}

class Report {
  readonly lines: string[] = []
  readonly #options: ReportOptions

  constructor(options: ReportOptions) {
    this.#options = options
  }

  vertigoError(error: VertigoError): void {
    this.#head(`${this.#style('error', 'red')} ${this.#style(error.code, 'bold')}: `, error)
    if (error.faults.length === 0) {
      this.#details(error, '  ')
      return
    }
    this.faults(error.faults)
  }

  faults(faults: readonly VertigoError[]): void {
    for (const fault of faults) {
      this.lines.push('')
      this.#head(`  ${this.#style(fault.code, 'bold')}: `, fault)
      this.#details(fault, '    ')
    }
  }

  /** What no code of ours foresaw. */
  otherError(error: Error): void {
    this.lines.push(`${this.#style('error', 'red')} INTERNAL: ${cut(printable(error.message))}`)
    this.#frames(error, '  ', true)
    this.lines.push(`  ${this.#style('fix:', 'cyan')} Please report it with this text.`)
  }

  #head(prefix: string, error: VertigoError): void {
    const [first = '', ...more] = printable(withoutSource(error)).split('\n').map(cut)
    this.lines.push(prefix + first, ...more.map((line) => `    ${line}`))
  }

  #details(error: VertigoError, indent: string): void {
    const { place } = error
    const site = place.line === undefined ? siteOfCause(error) : undefined
    const shown: ErrorPlace = site === undefined ? place : { ...place, ...site }
    const where = placeText(shown)
    if (where !== '') this.lines.push(`${indent}at ${where}`)
    if (shown.file !== undefined && shown.line !== undefined) {
      const source = sourceLine(shown.file, shown.line)
      if (source !== undefined)
        this.lines.push(...excerpt(source, shown.line, shown.column).map((line) => `${indent}  ${line}`))
    }
    this.#causes(error, indent)
    this.lines.push(`${indent}${this.#style('fix:', 'cyan')} ${error.remedy}`)
  }

  #causes(error: VertigoError, indent: string): void {
    const debug = this.#options.debug === true
    if (debug) this.#frames(error, indent, true)
    this.#inner(error, indent)
    const seen = new Set<unknown>([error])
    let { cause } = error
    for (let depth = 0; cause !== undefined && depth < causesMax && !seen.has(cause); depth++) {
      seen.add(cause)
      const inner = asError(cause)
      const isNews = !error.message.includes(inner.message) && !isNodeError(inner.stack)
      const hasFrames = !isVertigoError(inner) && userFrames(inner.stack).length > 0
      if (debug || isNews || hasFrames || innerErrors(inner).length > 0)
        this.#single('cause', inner, indent, debug)
      cause = inner.cause
    }
  }

  #single(title: string, error: Error, indent: string, debug: boolean): void {
    const [first = '', ...more] = shownLines(error.message)
    this.lines.push(`${indent}${title}: ${error.name}: ${first}`, ...more.map((line) => `${indent}  ${line}`))
    this.#frames(error, `${indent}  `, debug)
    this.#inner(error, `${indent}  `)
  }

  /** What an `AggregateError` holds: it says little by itself. Those have no errors inside of them shown. */
  #inner(error: Error, indent: string): void {
    const errors = innerErrors(error)
    for (const thrown of errors.slice(0, innerMax)) {
      const inner = asError(thrown)
      const [first = '', ...more] = shownLines(inner.message)
      this.lines.push(`${indent}- ${inner.name}: ${first}`, ...more.map((line) => `${indent}  ${line}`))
      this.#frames(inner, `${indent}    `, this.#options.debug === true)
    }
    if (errors.length > innerMax) this.lines.push(`${indent}- ${errors.length - innerMax} more`)
  }

  #frames(error: Error, indent: string, all: boolean): void {
    const frames = userFrames(error.stack).map(({ text }) => text)
    if (all) this.lines.push(...allFrames(error.stack).map((text) => indent + text))
    else this.lines.push(...frames.slice(0, framesMax).map((text) => indent + text))
  }

  #style(text: string, style: 'red' | 'bold' | 'cyan'): string {
    return this.#options.color === true ? styleText(style, text, { validateStream: false }) : text
  }
}

function shownLines(message: string): string[] {
  return printable(message).split('\n').slice(0, causeLinesMax).map(cut)
}

function cut(line: string): string {
  return line.length > lineLengthMax ? `${line.slice(0, lineLengthMax)}…` : line
}

/** Errors of modules quote the source line, which stands below with its caret. */
function withoutSource({ message, place: { file, line } }: VertigoError): string {
  const source = file === undefined || line === undefined ? undefined : sourceLine(file, line)?.trim()
  if (source === undefined || source === '' || !message.endsWith(`: ${source}.`)) return message
  return `${message.slice(0, -source.length - 3)}.`
}

/** Where the user's code threw what led to this error. */
function siteOfCause(error: VertigoError): ErrorPlace | undefined {
  let cause = error.cause
  for (let depth = 0; cause instanceof Error && depth < causesMax; depth++) {
    const [frame] = userFrames(cause.stack)
    if (frame !== undefined) return { file: frame.file, line: frame.line, column: frame.column }
    cause = cause.cause
  }
  return undefined
}

function placeText(place: ErrorPlace): string {
  const { file, line, column, path, component, port } = place
  const position = [line, column].filter((part) => part !== undefined).map((part) => `:${part}`)
  const inside = path ?? [component, port].filter((part) => part !== undefined).join('.')
  if (file === undefined) return inside
  return `${shownPath(file)}${position.join('')}${inside === '' ? '' : ` (${inside})`}`
}

/** A path as short as it can be opened by, from the current folder. */
export function shownPath(file: string): string {
  let path = file
  try {
    if (file.startsWith('file:')) path = fileURLToPath(file)
  } catch {
    return file
  }
  if (!path.startsWith('/')) return path
  const short = relative(process.cwd(), path)
  return short === '' || short.startsWith('..') ? path : short
}
