/**
 * Freezes a value to its depth, so that changing a message after it was sent, or a value that state holds, throws where it is
 * done. Used in development mode and by the test kit.
 */
export function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || done.has(value)) return
  // Bytes cannot be frozen; a change of theirs stays unnoticed.
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return
  done.add(value)
  if (value instanceof Map) {
    for (const [key, item] of value) {
      deepFreeze(key)
      deepFreeze(item)
    }
    refuse(value, 'Map', mapMethods)
  } else if (value instanceof Set) {
    for (const item of value) deepFreeze(item)
    refuse(value, 'Set', ['add', 'delete', 'clear'])
  } else if (value instanceof Date) {
    refuse(value, 'Date', dateSetters)
  }
  Object.freeze(value)
  for (const field of Object.keys(value)) deepFreeze((value as Readonly<Record<string, unknown>>)[field])
}

/** Frozen to their depth. `Object.isFrozen` would not do: who has frozen it may have left open what it holds. */
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
