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
    for (const field in value) {
      if (field === '__proto__') return false
      const item = (value as Readonly<Record<string, unknown>>)[field]
      if (typeof item === 'string' || typeof item === 'number') continue
      if (!isEncodable(item, known, depth + 1)) return false
    }
    return true
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
  if (prototype === Date.prototype || isBinary(value)) return true
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
  if (known.has(value.constructor)) return true
  return value instanceof Error && (value.cause === undefined || isEncodable(value.cause, known, depth + 1))
}

/** Bytes and the typed arrays; an array on shared memory is not a message. */
function isBinary(value: object): boolean {
  if (ArrayBuffer.isView(value)) return !(value.buffer instanceof SharedArrayBuffer)
  return value instanceof ArrayBuffer
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
  if (value instanceof Error) return value.cause === undefined ? [] : [['.cause', value.cause]]
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return []
  return Object.entries(value).map(([field, item]) => [`.${field}`, item])
}
