import type { NetworkOutcome } from '../protocol/index.ts'

/** What was done: a decision, or what became of a version. */
export type DecisionKind =
  | 'planned'
  | 'opened'
  | 'closed'
  | 'cleaned-up'
  | 'snapshots-failing'
  | 'snapshots-mended'
  | NetworkOutcome['state']

/** What a manager tells of itself. */
export interface ManagerEvents {
  elected(): void
  deposed(): void
  /** Something was done for a network, in words. `kind`: in one. */
  decided(network: string, what: string, kind: DecisionKind): void
  /** Something went wrong that is tried again. */
  troubled(what: string, error: Error): void
}
