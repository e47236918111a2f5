import { VertigoError } from './errors.ts'

/** For the programmer's errors only; what the world does wrong is handled, not asserted. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new VertigoError('INTERNAL', `assertion failed: ${what}`)
}

/** Proof to the compiler that all cases are handled. */
export function unreachable(value: never): never {
  throw new VertigoError('INTERNAL', `unreachable case: ${String(value)}`)
}
