import type { IncomingMessage } from 'node:http'
import type { Clock } from '../base/clock.ts'

/**
 * How long the body of a request may take. Node has one limit for all requests, from the first byte to the last; what is large
 * takes as long as its line does, and only standing still is a fault. To come byte by byte is not better: whoever does holds a place
 * and memory that others wait for.
 */
export interface BodyTime {
  readonly clock: Clock
  readonly limitMs: number
  /** Whether the limit is for a time in which less than `bytesMin` comes, in place of the whole. */
  readonly isForRate: boolean
}

/** Of a body that is not at its end, within each time of the limit. */
export const bytesMin = 64 * 1024
/** Looks within one limit: who is too slow is noticed at most so much later. */
const looks = 4

/** Calls `cut` where the body does not come in time. What is there already, or has no body, is left alone. */
export function limitBody(
  request: IncomingMessage,
  { clock, limitMs, isForRate }: BodyTime,
  cut: () => void,
): void {
  if (request.complete) return
  const { socket } = request
  /** What had come at the last looks, the oldest first. */
  const counts = [socket.bytesRead]
  const cancel = clock.every(
    limitMs / looks,
    () => {
      if (request.complete || socket.destroyed) {
        cancel()
        return
      }
      counts.push(socket.bytesRead)
      if (counts.length <= looks) return
      const before = counts.shift()!
      if (isForRate && socket.bytesRead - before >= bytesMin) return
      cancel()
      cut()
    },
    { background: true },
  )
  request.once('close', cancel)
}
