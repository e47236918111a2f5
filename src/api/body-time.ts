import type { IncomingMessage } from 'node:http'
import type { Clock } from '../base/clock.ts'

/**
 * How long the body of a request may take. Node has one limit for all requests, from the first byte to the last; what is large
 * takes as long as its line does, and only standing still is a fault.
 */
export interface BodyTime {
  readonly clock: Clock
  readonly limitMs: number
  /** Whether the limit is for a time without any bytes, in place of the whole. */
  readonly isForPauses: boolean
}

/** Looks within one limit: a pause is noticed at most so much later. */
const looks = 4

/** Calls `cut` where the body does not come in time. What is there already, or has no body, is left alone. */
export function limitBody(
  request: IncomingMessage,
  { clock, limitMs, isForPauses }: BodyTime,
  cut: () => void,
): void {
  if (request.complete) return
  const { socket } = request
  let bytes = socket.bytesRead
  let sinceMs = clock.monotonic()
  const cancel = clock.every(
    limitMs / looks,
    () => {
      if (request.complete || socket.destroyed) {
        cancel()
        return
      }
      const nowMs = clock.monotonic()
      if (isForPauses && socket.bytesRead > bytes) {
        bytes = socket.bytesRead
        sinceMs = nowMs
      }
      if (nowMs - sinceMs < limitMs) return
      cancel()
      cut()
    },
    { background: true },
  )
  request.once('close', cancel)
}
