import * as v from 'valibot'
import { VertigoError } from '../../base/errors.ts'
import {
  type PollResult,
  type SourcePosition,
  builtInKind,
  defineSource,
  port,
} from '../../component/index.ts'
import { configObject, wholeNumber } from '../../component/built-in-config.ts'
import { Pause } from './pause.ts'

/** A message of `interval`. */
export interface Tick {
  /** 0 for the first one. */
  readonly n: number
  /** When it was sent, in milliseconds since 1970. */
  readonly timeMs: number
}

/**
 * Source `interval`: a message every `periodMs`, the first after one period, without drift. A tick for which there is no
 * room is late; those that fall due meanwhile are left out, and `n` goes on without a gap. Each instance ticks by
 * itself.
 *
 * Goes on from positions with the `n` of then, and the next tick a period later; a tick that is sent again has another time.
 */
export const interval = builtInKind(
  'interval',
  defineSource({
    description: 'Sends a message with a number and the time at regular intervals.',
    outputs: { out: port<Tick>() },
    config: configObject({
      /** In milliseconds. */
      periodMs: wholeNumber(1, 2 ** 31 - 1),
      /** Ends after so many. Default: never. */
      count: v.optional(wholeNumber(0)),
    }),
    rewinds: true,
    // One for each copy, whatever their number was.
    splits: ({ instances }) => Array.from({ length: instances }, (_, instance) => String(instance)),
    setup({ config, clock, signal, component, instance, positions }) {
      const { periodMs, count = Infinity } = config
      const pause = new Pause(clock, signal)
      const split = String(instance)
      let n = startOf(positions?.[split], component)
      let dueMs = clock.monotonic() + periodMs
      const untilDue = async (delayMs: number): Promise<PollResult> => {
        await pause.wait(delayMs)
        return pause.closed ? 'done' : 'more'
      }
      return {
        poll(_max, { emit }): PollResult | Promise<PollResult> {
          if (n >= count || pause.closed) return 'done'
          const nowMs = clock.monotonic()
          if (nowMs < dueMs) return untilDue(dueMs - nowMs)
          emit.out({ n, timeMs: clock.now() })
          n++
          dueMs += periodMs * (1 + Math.floor((nowMs - dueMs) / periodMs))
          return n >= count ? 'done' : 'more'
        },
        positions: () => ({ [split]: { version: positionVersion, position: n } }),
        close: () => pause.close(),
      }
    },
  }),
)

const positionVersion = 1

/** Of the next tick. Errors: SOURCE_POSITION_LOST. */
function startOf(given: SourcePosition | undefined, component: string): number {
  if (given === undefined) return 0
  const { version, position } = given
  if (version === positionVersion && Number.isSafeInteger(position)) return position as number
  throw new VertigoError('SOURCE_POSITION_LOST', `The position of "${component}" is none of an interval.`, {
    place: { component },
  })
}
