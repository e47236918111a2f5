/** The manager's decisions: pure, from what stands in the store to what is done next. */
export { versionsKeptMax } from './clean-up.ts'
export { decide } from './decide.ts'
export type { Decision } from './decision.ts'
export { defaultRestartPolicy, type NetworkFacts, type RestartPolicy } from './facts.ts'
export { Manager, type ManagerMeans, pause } from './manager.ts'
export type { DecisionKind, ManagerEvents } from './manager-events.ts'
export { DeathWatch, type DeathWatchEvents, type DeathWatchMeans } from './death-watch.ts'
