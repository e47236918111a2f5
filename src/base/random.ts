/** A source of randomness, given to everything that needs one; seeded in tests and simulations. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** A whole number, uniform in [0, `below`). */
  int(below: number): number
}

/** A generator with 32 bits of state that repeats for the same seed: mulberry32 (Tommy Ettinger, public domain). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return { next, int: (below) => Math.floor(next() * below) }
}

/** 24 digits, which nobody else draws. */
export function randomKey(random: Random): string {
  return Array.from({ length: 6 }, () => random.int(0x1_0000).toString(16).padStart(4, '0')).join('')
}

export const systemRandom: Random = {
  next: () => Math.random(),
  int: (below) => Math.floor(Math.random() * below),
}
