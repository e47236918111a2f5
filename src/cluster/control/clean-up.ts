import type { NetworkVersion } from '../protocol/index.ts'
import type { Decision } from './decision.ts'
import type { NetworkFacts } from './facts.ts'
import type { Target } from './target.ts'

/** Versions that can be looked at and gone back to. */
export const versionsKeptMax = 50
/** Generations that have left records of readiness behind, before they are deleted together. */
const staleGenerationsMax = 4
/** Of each, deleted at a time: what fits into one transaction. */
const deletedMax = 32

/** Versions beyond the bound that no plan names, and records of readiness of generations that are over. */
export function cleanUp(
  { desired, plan, open, ...facts }: NetworkFacts,
  target: Target,
): Decision | undefined {
  const named = new Set<NetworkVersion>([desired.version, target.version])
  if (target.fallback !== undefined) named.add(target.fallback)
  if (plan !== undefined) named.add(plan.version)
  if (plan?.fallback !== undefined) named.add(plan.fallback)
  // What is gone back to is of it; its code may know how its state becomes that of an older version.
  if (facts.snapshots?.committed !== undefined) named.add(facts.snapshots.committed.version)
  for (const { version } of [...(plan?.instances ?? []), ...(plan?.done ?? [])]) named.add(version)
  const versions = [...facts.versions.keys()]
    .toSorted((a, b) => b - a)
    .slice(versionsKeptMax)
    .filter((version) => !named.has(version))
    .slice(-deletedMax)
  const current = Math.min(plan?.generation ?? 0, open?.generation ?? Infinity)
  const stale = facts.readyGenerations.filter((generation) => generation < current).toSorted((a, b) => a - b)
  const ready = stale.length > staleGenerationsMax ? stale.slice(0, deletedMax) : []
  return versions.length + ready.length === 0 ? undefined : { type: 'clean-up', versions, ready }
}
