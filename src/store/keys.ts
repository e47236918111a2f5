import { Buffer } from 'node:buffer'

/** Orders keys by their UTF-8 bytes, as etcd and LMDB do; JavaScript's own order differs behind U+D7FF. */
export function compareKeys(a: string, b: string): number {
  const end = Math.min(a.length, b.length)
  for (let i = 0; i < end; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** Surrogates stand for code points above all others, so behind U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

/** The first key behind all that begin with `prefix`, in bytes; undefined where there is none (the empty prefix). */
export function endOfPrefix(prefix: string): Uint8Array | undefined {
  const bytes = Buffer.from(prefix)
  let last = bytes.length - 1
  while (last >= 0 && bytes[last] === 0xff) last--
  if (last < 0) return undefined
  const end = Buffer.from(bytes.subarray(0, last + 1))
  end[last] = end[last]! + 1
  return end
}

/** Orders values as `Compare` does. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b)
}
