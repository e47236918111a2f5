import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { LineLimits } from './limits.ts'
import type { Pairing } from './match.ts'

/** What all links of an endpoint use. */
export interface LinkMeans {
  readonly clock: Clock
  readonly random: Random
  readonly limits: LineLimits
  readonly pairing: Pairing
  /** Runs an action when what runs now has ended: frames of one turn leave in one write. */
  readonly defer: (action: () => void) => void
}
