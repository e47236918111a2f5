import { errorsInside, ownErrorFields } from './error-codec.ts'

/**
 * Which values may travel in a message. The encoder would turn an instance of an unknown class into a plain object
 * without a word; a message would then mean something else in another thread than in this one. So every value is
 * walked before it is encoded. The walk answers yes or no; only a refusal pays for finding the path.
 */

/** Deepest nesting of a message. Deeper values are cyclic or would overflow the stack of a decoder. */
export const messageDepthMax = 256

/** Classes that have a codec of their own. */
export type KnownClasses = ReadonlySet<unknown>

export interface MessageFault {
  /** Path from the message to the value, such as `.user.tags[3]`; empty for the message itself. */
  readonly path: string
  readonly problem: string
}

/** True where every value in `value` can be encoded and decoded to an equal one. */
export function isEncodable(value: unknown, known: KnownClasses, depth = 0): boolean {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'undefined':
    case 'bigint':
      return true
    case 'object':
      return value === null || isEncodableObject(value, known, depth)
    default:
      return false
  }
}

function isEncodableObject(value: object, known: KnownClasses, depth: number): boolean {
  if (depth >= messageDepthMax) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) {
    let isEmpty = true
    for (const field in value) {
      isEmpty = false
      if (field === '__proto__') return false
      const item = (value as Readonly<Record<string, unknown>>)[field]
      if (typeof item === 'string' || typeof item === 'number') continue
      if (!isEncodable(item, known, depth + 1)) return false
    }
    // `Math` and the like would come back as `{}`. Where there are other fields, looking would cost every message.
    return !isEmpty || Reflect.ownKeys(value).length === 0
  }
  if (Array.isArray(value)) {
    if (prototype !== Array.prototype) return false
    for (let i = 0; i < value.length; i++) if (!isEncodable(value[i], known, depth + 1)) return false
    return true
  }
  return isEncodableBuiltIn(value, prototype, known, depth)
}

/** Of the built-in classes themselves: a subclass would come back as what it extends. Errors come back by name. */
function isEncodableBuiltIn(value: object, prototype: unknown, known: KnownClasses, depth: number): boolean {
  if (isBinary(value, prototype)) return true
  if (known.has(value.constructor)) return true
  if (value instanceof Error) return isEncodableError(value, known, depth)
  // A date, Map or Set comes back without fields that somebody has added.
  for (const _ in value) return false
  if (prototype === Date.prototype) return true
  if (prototype === Map.prototype) {
    for (const [key, item] of value as Map<unknown, unknown>) {
      if (!isEncodable(key, known, depth + 1) || !isEncodable(item, known, depth + 1)) return false
    }
    return true
  }
  if (prototype === Set.prototype) {
    for (const item of value as Set<unknown>) if (!isEncodable(item, known, depth + 1)) return false
    return true
  }
  return false
}

function isEncodableError(error: Error, known: KnownClasses, depth: number): boolean {
  try {
    const { name, message, stack, cause } = error
    if (typeof name !== 'string' || typeof message !== 'string') return false
    if (stack !== undefined && typeof stack !== 'string') return false
    const inside = errorsInside(error) ?? []
    return (
      isEncodable(cause, known, depth + 1) &&
      inside.every((each) => isEncodable(each, known, depth + 1)) &&
      ownErrorFields(error).every(
        ([field, item]) => field !== '__proto__' && isEncodable(item, known, depth + 1),
      )
    )
  } catch {
    // A field that throws when it is read.
    return false
  }
}

/** Of views on bytes: a subclass would come back as what it extends. A `Buffer` does, as the codec says. */
const viewPrototypes: ReadonlySet<unknown> = new Set([
  Buffer.prototype,
  DataView.prototype,
  ...Object.getOwnPropertyNames(globalThis)
    .filter((name) => /^(Int|Uint|Float|Big).*Array$/.test(name))
    .map((name) => (globalThis as unknown as Record<string, { prototype: unknown }>)[name]!.prototype),
])

/** Bytes and the typed arrays; an array on shared memory is not a message. */
function isBinary(value: object, prototype: unknown): boolean {
  if (ArrayBuffer.isView(value))
    return viewPrototypes.has(prototype) && !(value.buffer instanceof SharedArrayBuffer)
  return prototype === ArrayBuffer.prototype
}

/** Where and why `isEncodable` said no; undefined where it would say yes. */
export function findFault(value: unknown, known: KnownClasses): MessageFault | undefined {
  return search(value, '', known, [])
}

function search(
  value: unknown,
  path: string,
  known: KnownClasses,
  parents: readonly object[],
): MessageFault | undefined {
  if (typeof value === 'function') return { path, problem: 'is a function' }
  if (typeof value === 'symbol') return { path, problem: 'is a symbol' }
  if (typeof value !== 'object' || value === null) return undefined
  if (parents.includes(value)) return { path, problem: 'refers back to a value that it is in (a cycle)' }
  if (parents.length >= messageDepthMax)
    return { path, problem: `is nested deeper than ${messageDepthMax} levels` }
  const inside = [...parents, value]
  for (const [step, item] of parts(value)) {
    const fault = search(item, path + step, known, inside)
    if (fault !== undefined) return fault
  }
  if (isEncodable(value, known)) return undefined
  if (Object.hasOwn(value, '__proto__')) return { path, problem: 'has a field named "__proto__"' }
  if (value instanceof Error) return { path, problem: 'is an error with fields that cannot be read' }
  if (!isUnknownClass(value))
    return { path, problem: 'has fields that would be left out: symbols, or such as do not belong to it' }
  const name = (value.constructor as { name?: string } | undefined)?.name
  return {
    path,
    problem: `is an instance of ${name ? `class ${name}` : 'an unnamed class'}, which has no codec`,
  }
}

function parts(value: object): [string, unknown][] {
  if (Array.isArray(value)) return value.map((item, i) => [`[${i}]`, item])
  if (value instanceof Map) {
    return [...value].flatMap(([key, item], i): [string, unknown][] => [
      [`.keys()[${i}]`, key],
      [`.get(${String(key)})`, item],
    ])
  }
  if (value instanceof Set) return [...value].map((item, i) => [`.values()[${i}]`, item])
  if (value instanceof Error) return errorParts(value)
  if (!isPlain(value)) return []
  return Object.entries(value).map(([field, item]) => [`.${field}`, item])
}

function errorParts(error: Error): [string, unknown][] {
  try {
    return [
      ['.cause', error.cause],
      ...(errorsInside(error) ?? []).map((each, i): [string, unknown] => [`.errors[${i}]`, each]),
      ...ownErrorFields(error).map(([field, item]): [string, unknown] => [`.${field}`, item]),
    ]
  } catch {
    return []
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function isUnknownClass(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return !isPlain(value) && ![Date.prototype, Map.prototype, Set.prototype].includes(prototype as never)
}
