import { sleep } from '../base/clock.ts'
import { builtInKind, defineComponent, type Kind, port, type Port } from '../component/index.ts'
import { configObject, positiveNumber } from '../component/built-in-config.ts'

/** How far behind its rate it may catch up at once: timers are coarse, and at high rates several messages share one. */
const catchUpMs = 20

const throttleConfig = configObject({
  /** Messages per second, over all instances. */
  perSecond: positiveNumber(),
})

/** Kind `throttle`: see `throttle()`. */
export const throttleKind = builtInKind(
  'throttle',
  defineComponent({
    description: 'Sends messages on at a rate that is not exceeded; those before it are slowed down.',
    inputs: { in: port() },
    outputs: { out: port() },
    config: throttleConfig,
    setup({ config, clock, signal, instances }) {
      const gapMs = (1000 * instances) / config.perSecond
      let dueMs = clock.monotonic()
      return {
        on: {
          in(message, { emit }) {
            const nowMs = clock.monotonic()
            const waitMs = dueMs - nowMs
            dueMs = Math.max(dueMs, nowMs - catchUpMs) + gapMs
            if (waitMs > 0) return sleep(clock, waitMs, signal).then(() => emit.out(message))
            emit.out(message)
            return undefined
          },
        },
      }
    },
  }),
)

/** Sends on at most `config.perSecond` messages a second, over all instances; drops none. */
export function throttle<T>(): Kind<
  { readonly in: Port<T> },
  { readonly out: Port<T> },
  typeof throttleConfig
> {
  return throttleKind as unknown as Kind<
    { readonly in: Port<T> },
    { readonly out: Port<T> },
    typeof throttleConfig
  >
}
