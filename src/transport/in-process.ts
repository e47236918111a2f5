import type { Clock } from '../base/clock.ts'
import type { Link } from './link.ts'

/** A pair of linked ends within one thread: for several workers in one thread, and for simulations. */
export function inProcessLinks(clock: Clock): readonly [Link, Link] {
  const receivers: [((frame: Uint8Array) => void) | undefined, ((frame: Uint8Array) => void) | undefined] = [
    undefined,
    undefined,
  ]
  let open = true
  const end = (self: 0 | 1): Link => ({
    send(frame) {
      const copy = new Uint8Array(frame)
      clock.soon(() => {
        if (open) receivers[self === 0 ? 1 : 0]?.(copy)
      })
    },
    receive(onFrame) {
      receivers[self] = onFrame
    },
    close() {
      open = false
    },
  })
  return [end(0), end(1)]
}
