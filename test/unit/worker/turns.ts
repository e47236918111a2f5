import { type Clock, systemClock } from '../../../src/base/clock.ts'
import { eventLoopTurn } from '../../../src/testkit/test-clock.ts'

/** How long instances keep their thread, in turns of the event loop. */

/** The time that messages take passes at once. */
export class WorkClock implements Clock {
  workedMs = 0

  now(): number {
    return systemClock.now()
  }

  monotonic(): number {
    return this.workedMs
  }

  after(...timer: Parameters<Clock['after']>): ReturnType<Clock['after']> {
    return systemClock.after(...timer)
  }

  every(...timer: Parameters<Clock['every']>): ReturnType<Clock['every']> {
    return systemClock.every(...timer)
  }

  soon(action: () => void): void {
    systemClock.soon(action)
  }
}

/** The turns of the event loop in which something was done, until `all` messages are `got`. */
export async function turnsOf(
  clock: WorkClock,
  got: readonly unknown[],
  all: number,
  onTurn: (turn: Turn) => void = () => undefined,
): Promise<readonly Turn[]> {
  const turns: Turn[] = []
  while (got.length < all) {
    const [beganMs, before] = [clock.workedMs, got.length]
    await eventLoopTurn()
    const turn = { ms: clock.workedMs - beganMs, got: got.length - before }
    onTurn(turn)
    if (turn.ms > 0) turns.push(turn)
  }
  return turns
}

export interface Turn {
  readonly ms: number
  /** Messages. */
  readonly got: number
}
