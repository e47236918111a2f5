import { type ErrorCode, errorCodes } from '../../base/error-codes.ts'
import { isConcerned } from '../plan/index.ts'
import type {
  ComponentFailures,
  ErrorText,
  NetworkOutcome,
  Plan,
  PlannedInstance,
} from '../protocol/index.ts'
import type { NetworkFacts } from './facts.ts'
import type { Readiness } from './readiness.ts'
import { withFailures } from './restarts.ts'
import { stateOf, type Target } from './target.ts'

/** What follows from the instances of a plan that failed. */
export interface Blame {
  /** The version is given up. */
  readonly outcome: NetworkOutcome | undefined
  /** As they are to stand in the next plan. */
  readonly failures: readonly ComponentFailures[]
}

/**
 * A failure is the change's where the change made the component what it is and the version has never run: then it is
 * refused at once, since something that works is there to go back to. So is one without a version before, if it cannot
 * be loaded: trying again would not help. Everything else is started again, up to the limit.
 */
export function blame(facts: NetworkFacts, target: Target, readiness: Readiness): Blame {
  const { plan, restarts, nowMs } = facts
  if (plan === undefined || target.goal !== 'run')
    return { outcome: undefined, failures: plan?.failures ?? [] }
  const failed = plan.instances.filter(({ id, draining }) => !draining && readiness.failed.has(id))
  const stays = (component: string): boolean => !isChanged(facts, component, plan.version, target.version)
  const errors = new Map<string, ErrorText>()
  for (const { id, component } of failed) {
    const error = readiness.failed.get(id)!
    if (stays(component) && !errors.has(component)) errors.set(component, error)
  }
  // A version that was given up, and one that can be, say nothing of what goes on.
  const isLeft = plan.version !== target.version || canGoBack(facts, target)
  const unreadable = plan.restores && failed.find(({ id }) => isUnreadable(readiness.failed.get(id)!, isLeft))
  if (unreadable !== undefined)
    return {
      outcome: outcomeOf(facts, 'failed', readiness.failed.get(unreadable.id)),
      failures: plan.failures,
    }
  const failures = withFailures(plan, errors, restarts, nowMs).filter(({ component }) => stays(component))
  if (plan.version !== target.version) return { outcome: undefined, failures }
  const culprit = failed.find((instance) => isChangesFault(facts, target, instance, readiness))
  const refused = culprit && readiness.failed.get(culprit.id)!
  const looping = failures.find(
    ({ component, count }) => errors.has(component) && count > restarts.restartsMax,
  )
  const error = refused ?? looping?.error
  if (error === undefined) return { outcome: undefined, failures }
  if (refused === undefined && !canGoBack(facts, target))
    return { outcome: outcomeOf(facts, 'failed', error), failures }
  return { outcome: refusal(facts, target, error), failures }
}

/**
 * The snapshot that is to be gone on from cannot be read: trying again would not help, and going further back is for an operator (DE-8).
 * A change that cannot read its state is a change like others that fail: what ran before it goes on.
 */
function isUnreadable({ code }: ErrorText, isLeft: boolean): boolean {
  return damageCodes.has(code) || (stateCodes.has(code) && !isLeft)
}
const damageCodes: ReadonlySet<string> = new Set<ErrorCode>([
  'SNAPSHOT_FILE_DAMAGED',
  'SNAPSHOT_FILE_MISSING',
  'SNAPSHOT_FORMAT_NEWER',
  'SNAPSHOT_FOREIGN',
])
const stateCodes: ReadonlySet<string> = new Set<ErrorCode>([
  'SNAPSHOT_NOT_DIVISIBLE',
  'STATE_VERSION_UNKNOWN',
  'STATE_CHANGED',
  'STATE_MIGRATION_FAILED',
])

export function outcomeOf(
  { desired, plan, nowMs }: Pick<NetworkFacts, 'desired' | 'plan' | 'nowMs'>,
  state: NetworkOutcome['state'],
  error?: ErrorText,
): NetworkOutcome {
  const generation = plan?.generation ?? (0 as Plan['generation'])
  const { version } = desired
  return { version, generation, state, ...(error === undefined ? {} : { error }), atMs: nowMs }
}

/** It takes the place of the outcome that says what ran before, so it says so itself. */
export function refusal(facts: NetworkFacts, { fallback }: Target, error: ErrorText): NetworkOutcome {
  return { ...outcomeOf(facts, 'refused', error), ...(fallback !== undefined && { fallback }) }
}

export function isChanged(facts: NetworkFacts, component: string, from: number, to: number): boolean {
  if (from === to) return false
  const before = facts.versions.get(from as Target['version'])
  const after = facts.versions.get(to as Target['version'])
  return before === undefined || after === undefined || isConcerned(component, before, after)
}

/** The version that is wanted has not run yet, and another has. */
export function canGoBack(facts: NetworkFacts, { version, fallback }: Target): boolean {
  const isNew = version === facts.desired.version && stateOf(facts) === undefined
  return isNew && fallback !== undefined && fallback !== version
}

function isChangesFault(
  facts: NetworkFacts,
  target: Target,
  { id, component }: PlannedInstance,
  readiness: Readiness,
): boolean {
  const { version, fallback } = target
  if (canGoBack(facts, target)) return isChanged(facts, component, fallback!, version)
  const isNew = version === facts.desired.version && stateOf(facts) === undefined
  const code = readiness.failed.get(id)!.code
  return isNew && Object.hasOwn(errorCodes, code) && errorCodes[code as ErrorCode].exit === 3
}
