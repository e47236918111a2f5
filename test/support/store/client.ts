import type { Clock } from '../../../src/base/clock.ts'
import type { Random } from '../../../src/base/random.ts'
import type { Store } from '../../../src/store/store.ts'

/**
 * Who takes part in a scenario. Scenarios know no backend: over the memory store with a simulated clock, or over a real
 * one with the system's, in one process or with each client in a process of its own.
 */
export interface Client {
  readonly name: string
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
}
