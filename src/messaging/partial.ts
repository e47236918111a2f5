/**
 * Errors of sending after which some receivers have the message, or may have it. Such a message can be neither repeated
 * nor rejected: somebody would have it twice, or have it although it counts as failed.
 */
const partial = new WeakSet<object>()

/** Notes it of an error that is about to be thrown on. */
export function notePartial(error: unknown): void {
  if (typeof error === 'object' && error !== null) partial.add(error)
}

/** What is no object cannot be noted; it counts as partly sent, which is the careful answer. */
export function isPartlySent(error: unknown): boolean {
  return typeof error !== 'object' || error === null || partial.has(error)
}
