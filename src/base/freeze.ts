/**
 * Freezes a value to its depth, so that changing a message after it was sent, or a value that state holds, throws where it is
 * done. Used in development mode and by the test kit.
 */
export function deepFreeze(value: unknown): void {
  if (!isObject(value) || (Object.isFrozen(value) && done.has(value))) return
  // Bytes cannot be frozen; a change of theirs stays unnoticed.
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return
  if (value instanceof Map) {
    freezeParts(value, value.keys())
    freezeParts(value, value.values())
    refuse(value, 'Map', mapMethods)
  } else if (value instanceof Set) {
    freezeParts(value, value)
    refuse(value, 'Set', ['add', 'delete', 'clear'])
  } else if (value instanceof Date) {
    refuse(value, 'Date', dateSetters)
  }
  Object.freeze(value)
  freezeParts(value, Array.isArray(value) ? value : Object.values(value))
}

function freezeParts(whole: object, parts: Iterable<unknown>): void {
  let isKnown = false
  for (const part of parts) {
    if (!isObject(part)) continue
    // Before its parts, of which it may be one.
    if (!isKnown) done.add(whole)
    isKnown = true
    deepFreeze(part)
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/**
 * What holds other objects and is frozen to its depth, or being frozen. `Object.isFrozen` would not do: who has frozen it may have
 * left open what it holds. Objects without any are not noted, for there are many, and a note costs more than to freeze one.
 */
const done = new WeakSet<object>()

/** Those of this version of Node. */
const mapMethods = ['set', 'delete', 'clear', 'getOrInsert', 'getOrInsertComputed'].filter(
  (name) => name in Map.prototype,
)
const dateSetters = Object.getOwnPropertyNames(Date.prototype).filter((name) => name.startsWith('set'))

/** `Object.freeze` leaves the content of collections open. */
function refuse(value: object, type: string, methods: readonly string[]): void {
  // Nothing can be added to it, so that its content stays open.
  if (!Object.isExtensible(value)) return
  for (const method of methods) {
    Object.defineProperty(value, method, {
      value: () => {
        throw new TypeError(
          `Cannot ${method} on a ${type} that is (part of) a message that was sent, or of a value that state holds`,
        )
      },
    })
  }
}
