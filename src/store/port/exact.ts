/**
 * The same data, with each value in a buffer of exactly its size. A message to another thread carries the whole buffer that a
 * value lies in, and Node puts small values in a pool that they share: a value of 5 bytes would travel, and be kept, as 8
 * or 64 kilobytes. What holds no such value is given back as it is.
 */
export function exactValues<T>(data: T): T {
  return exact(data) as T
}

function exact(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return data
  if (data instanceof Uint8Array) {
    // What lies in shared memory would not be copied at all.
    const isExact = data.buffer instanceof ArrayBuffer && data.byteLength === data.buffer.byteLength
    return isExact ? data : new Uint8Array(data)
  }
  if (Array.isArray(data)) return exactElements(data)
  return exactMembers(data)
}

function exactElements(elements: readonly unknown[]): readonly unknown[] {
  let copy: unknown[] | undefined
  for (const [index, element] of elements.entries()) {
    const own = exact(element)
    if (own === element) continue
    copy ??= [...elements]
    copy[index] = own
  }
  return copy ?? elements
}

function exactMembers(data: object): object {
  let copy: Record<string, unknown> | undefined
  for (const [name, member] of Object.entries(data) as [string, unknown][]) {
    const own = exact(member)
    if (own === member) continue
    copy ??= { ...data }
    copy[name] = own
  }
  return copy ?? data
}
