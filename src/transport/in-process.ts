import type { Clock } from '../base/clock.ts'
import type { Link } from './link.ts'

/** A pair of linked ends within one thread: for several workers in one thread, and for simulations. */
export function inProcessLinks(clock: Clock): readonly [Link, Link] {
  const receivers: [((frame: Uint8Array) => void) | undefined, ((frame: Uint8Array) => void) | undefined] = [
    undefined,
    undefined,
  ]
  const early: [Uint8Array[], Uint8Array[]] = [[], []]
  let open = true
  const end = (self: 0 | 1): Link => ({
    send(frame) {
      const copy = new Uint8Array(frame)
      const other = self === 0 ? 1 : 0
      clock.soon(() => {
        if (!open) return
        const receiver = receivers[other]
        if (receiver === undefined) early[other].push(copy)
        else receiver(copy)
      })
    },
    receive(onFrame) {
      receivers[self] = onFrame
      for (const frame of early[self].splice(0)) onFrame(frame)
    },
    close() {
      open = false
    },
  })
  return [end(0), end(1)]
}
