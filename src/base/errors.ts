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

/**
 * Sentences are made of others, which may have their stop already: `...: ${reason}.` Two in a row, at the end or before the next
 * sentence, are one. Three are meant, as are those of paths.
 */
function withSingleStops(message: string): string {
  return message.replaceAll(/(?<=[^\s./\\])\.\.(?=$| [A-Z])/g, '.')
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
    super(withSingleStops(message), options.cause === undefined ? undefined : { cause: options.cause })
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
  try {
    return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[brand] === true
  } catch {
    // A proxy that answers nothing.
    return false
  }
}

/** Characters of a message that are kept; people write messages with whole documents in them. */
const messageLengthMax = 20_000
/** Characters of a stack that are kept, at most. */
const stackLengthMax = 40_000
/** Causes inside each other that are kept: they may form a circle. */
const causesMax = 10
/** Errors of an `AggregateError` that are kept. */
const innerMax = 10

/**
 * What was thrown, as an `Error` whose fields can be read: people may throw anything. An error is given as it is, unless
 * its fields throw or its text is huge: then a copy with what can be kept of it.
 */
export function asError(thrown: unknown): Error {
  if (!isError(thrown)) {
    return new Error(typeof thrown === 'string' ? shortened(thrown) : `thrown value: ${safeString(thrown)}`)
  }
  return isVertigoError(thrown) || isSound(thrown) ? thrown : soundCopy(thrown)
}

function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error
  } catch {
    return false
  }
}

function isSound(error: Error): boolean {
  try {
    const { name, message, stack, cause } = error
    return (
      typeof name === 'string' &&
      typeof message === 'string' &&
      message.length <= messageLengthMax &&
      (stack === undefined || (typeof stack === 'string' && stack.length <= stackLengthMax)) &&
      (cause === undefined || cause !== error)
    )
  } catch {
    return false
  }
}

function soundCopy(error: Error): Error {
  const message = read(error, 'message')
  const cause = read(error, 'cause')
  const copy = new Error(typeof message === 'string' ? shortened(message) : safeString(message))
  const name = read(error, 'name')
  copy.name = typeof name === 'string' ? shortened(name) : 'Error'
  const stack = read(error, 'stack')
  // That of the copy tells nothing.
  copy.stack = typeof stack === 'string' ? shortenedStack(stack) : `${copy.name}: ${copy.message}`
  if (cause !== undefined && cause !== error) copy.cause = cause
  const inner = innerErrors(error)
  return inner.length === 0 ? copy : Object.assign(copy, { errors: inner })
}

/** A field of something that others made: reading it may throw. */
function read(from: object, field: string): unknown {
  try {
    return (from as Record<string, unknown>)[field]
  } catch {
    return undefined
  }
}

/** The errors inside of an `AggregateError`; empty for any other. */
export function innerErrors(error: Error): readonly unknown[] {
  try {
    const errors = read(error, 'errors')
    return Array.isArray(errors) ? errors : []
  } catch {
    return []
  }
}

function shortened(text: string): string {
  if (text.length <= messageLengthMax) return text
  return `${text.slice(0, messageLengthMax)}… (${text.length - messageLengthMax} more characters)`
}

/** The message stands at the beginning of a stack, the frames at its end. */
function shortenedStack(stack: string): string {
  if (stack.length <= stackLengthMax) return stack
  return `${stack.slice(0, stackLengthMax / 4)}…${stack.slice(-stackLengthMax / 2)}`
}

function safeString(value: unknown): string {
  try {
    return shortened(JSON.stringify(value) ?? String(value))
  } catch {
    try {
      return Object.prototype.toString.call(value)
    } catch {
      return typeof value
    }
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
  /** Those of an `AggregateError`; of many the first ones. */
  readonly errors?: readonly ErrorData[]
}

export function errorToData(thrown: unknown): ErrorData {
  return toData(thrown, [])
}

/** `around`: the errors that this one was found in. */
function toData(thrown: unknown, around: readonly unknown[]): ErrorData {
  const error = asError(thrown)
  const path = [...around, thrown]
  const isKept = (inner: unknown): boolean => path.length <= causesMax && !path.includes(inner)
  const { cause } = error
  // A tree of causes could double at each level: only those of the outermost error have errors inside of them.
  const inner = around.length > 1 ? [] : innerErrors(error).filter(isKept).slice(0, innerMax)
  const base = {
    name: error.name,
    message: shortened(error.message),
    stack: error.stack === undefined ? undefined : shortenedStack(error.stack),
    cause: cause === undefined || !isKept(cause) ? undefined : toData(cause, path),
    errors: inner.length === 0 ? undefined : inner.map((each) => toData(each, path)),
  }
  if (!isVertigoError(error)) return base
  return {
    ...base,
    code: error.code,
    place: error.place,
    remedy: error.remedy,
    faults:
      error.faults.length === 0 ? undefined : error.faults.filter(isKept).map((each) => toData(each, path)),
  }
}

export function errorFromData(data: ErrorData): Error {
  const cause = data.cause === undefined ? undefined : errorFromData(data.cause)
  const options = cause === undefined ? undefined : { cause }
  const error =
    data.code !== undefined
      ? new VertigoError(data.code, data.message, {
          cause,
          place: data.place,
          remedy: data.remedy,
          faults: data.faults?.map(errorFromData).filter(isVertigoError),
        })
      : data.errors === undefined
        ? new Error(data.message, options)
        : new AggregateError(data.errors.map(errorFromData), data.message, options)
  if (data.code === undefined) error.name = data.name
  if (data.stack !== undefined) error.stack = data.stack
  return error
}
