import type { Clock } from '../../../src/base/clock.ts'

/** Over when the time has passed, or whoever waits is to end. */
export function pass(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve)
    signal.addEventListener('abort', () => (cancel(), resolve()), { once: true })
  })
}
