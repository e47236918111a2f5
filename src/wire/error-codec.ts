/**
 * Errors as messages: name, message, stack, cause, the errors of an `AggregateError`, and the error's own fields (`code`,
 * `errno`, what its author added). An error comes back as the standard class of its name, else as an `Error` with that name.
 */

const standardClasses: ReadonlyMap<string, new (message: string) => Error> = new Map([
  ['EvalError', EvalError],
  ['RangeError', RangeError],
  ['ReferenceError', ReferenceError],
  ['SyntaxError', SyntaxError],
  ['TypeError', TypeError],
  ['URIError', URIError],
])

/** What every error has; not among its own fields. */
const commonFields: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause', 'errors'])

/** Own fields of an error, beside those that every error has. */
export function ownErrorFields(error: Error): [string, unknown][] {
  const fields = Object.entries(error).filter(([field]) => !commonFields.has(field))
  // Of a DOMException it is a number of its class.
  const { code } = error as { readonly code?: unknown }
  const isInherited = !Object.hasOwn(error, 'code') && (typeof code === 'string' || typeof code === 'number')
  return isInherited ? [...fields, ['code', code]] : fields
}

/** The errors in an `AggregateError`; undefined for other errors. */
export function errorsInside(error: Error): unknown[] | undefined {
  const { errors } = error as { readonly errors?: unknown }
  return Array.isArray(errors) ? errors : undefined
}

export interface WrittenError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly cause?: unknown
  readonly errors?: unknown[]
  readonly fields?: readonly [string, unknown][]
}

function write(error: Error): WrittenError {
  const { name, message, stack } = error
  const errors = errorsInside(error)
  const fields = ownErrorFields(error)
  return {
    name,
    message,
    stack,
    ...(Object.hasOwn(error, 'cause') && { cause: error.cause }),
    ...(errors !== undefined && { errors }),
    ...(fields.length > 0 && { fields }),
  }
}

function read(written: WrittenError): Error {
  const { name, message, stack, errors } = written
  const error =
    errors === undefined
      ? new (standardClasses.get(name) ?? Error)(message)
      : new AggregateError(errors, message)
  const set = (field: string, value: unknown, enumerable: boolean): void => {
    Object.defineProperty(error, field, { value, enumerable, configurable: true, writable: true })
  }
  if (error.name !== name) set('name', name, false)
  set('stack', stack, false)
  if ('cause' in written) set('cause', written.cause, false)
  for (const [field, value] of written.fields ?? []) set(field, value, true)
  return error
}

/** In place of the encoder's own way, which keeps less. */
export const errorExtension = {
  Class: Error,
  /** Its number in MessagePack. */
  type: 2,
  write: (error: unknown): WrittenError => write(error as Error),
  read: (written: unknown): Error => read(written as WrittenError),
} as const
