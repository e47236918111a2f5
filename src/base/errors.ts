import { type ErrorCode, errorCodes } from './error-codes.ts'

/** Where something went wrong: any of a file with its position, a component, a port, an instance. */
export interface ErrorPlace {
  /** Path or URL of the file, as the user gave it. */
  readonly file?: string
  /** 1-based. */
  readonly line?: number
  /** 1-based. */
  readonly column?: number
  /** Path inside a document, such as `components.count.kind`. */
  readonly path?: string
  /** Name of the component in the network; with the number of the instance: `count[2]`. */
  readonly component?: string
  readonly port?: string
}

export interface VertigoErrorOptions {
  readonly cause?: unknown
  readonly place?: ErrorPlace
  /** What to do in this very case; replaces the remedy of the code. */
  readonly remedy?: string
  /** Several faults found at once (validation). */
  readonly faults?: readonly VertigoError[]
}

const brand = Symbol.for('vertigo.error')

/**
 * The one class of errors. `code` is stable and documented (`docs/reference/errors.md`); `message` says what
 * happened and to whom; `remedy` says what to do; `place` says where.
 */
export class VertigoError extends Error {
  readonly code: ErrorCode
  readonly place: ErrorPlace
  readonly remedy: string
  readonly retryable: boolean
  readonly faults: readonly VertigoError[]
  readonly [brand] = true

  constructor(code: ErrorCode, message: string, options: VertigoErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'VertigoError'
    this.code = code
    this.place = options.place ?? {}
    this.remedy = options.remedy ?? errorCodes[code].remedy
    this.retryable = errorCodes[code].retryable ?? false
    this.faults = options.faults ?? []
  }

  /** The documented exit code of the command line for this error. */
  get exitCode(): number {
    return errorCodes[this.code].exit
  }
}

/** True for errors of any loaded copy of this package (a global command beside a local dependency). */
export function isVertigoError(error: unknown): error is VertigoError {
  return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[brand] === true
}

/** What was thrown, as an `Error`: people may throw anything. */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  return new Error(typeof thrown === 'string' ? thrown : `thrown value: ${safeString(thrown)}`)
}

function safeString(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/** An error as plain data, to cross a thread or process or to be printed as JSON. */
export interface ErrorData {
  readonly name: string
  readonly message: string
  readonly stack?: string
  readonly code?: ErrorCode
  readonly place?: ErrorPlace
  readonly remedy?: string
  readonly cause?: ErrorData
  readonly faults?: readonly ErrorData[]
}

export function errorToData(thrown: unknown): ErrorData {
  const error = asError(thrown)
  const cause = error.cause === undefined ? undefined : errorToData(error.cause)
  const base = { name: error.name, message: error.message, stack: error.stack, cause }
  if (!isVertigoError(error)) return base
  return {
    ...base,
    code: error.code,
    place: error.place,
    remedy: error.remedy,
    faults: error.faults.length === 0 ? undefined : error.faults.map(errorToData),
  }
}

export function errorFromData(data: ErrorData): Error {
  const cause = data.cause === undefined ? undefined : errorFromData(data.cause)
  const error =
    data.code === undefined
      ? new Error(data.message, cause === undefined ? undefined : { cause })
      : new VertigoError(data.code, data.message, {
          cause,
          place: data.place,
          remedy: data.remedy,
          faults: data.faults?.map(errorFromData).filter(isVertigoError),
        })
  if (data.code === undefined) error.name = data.name
  if (data.stack !== undefined) error.stack = data.stack
  return error
}
