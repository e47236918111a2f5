/** The planner of a cluster: pure, from facts to the next plan. */
export { isConcerned, ownersOfKeys } from './concern.ts'
export type { BrokenLink, InventoryNode, PlanGoal, PlanningFacts } from './facts.ts'
export { nextPlan } from './next-plan.ts'
