import { parsePortRef } from '../../model/network.ts'
import { keyedConnections, type PlannedInstance, type Plan, type VersionRecord } from '../protocol/index.ts'
import type { PlanningFacts } from './facts.ts'
import type { Numbers } from './numbers.ts'
import { recordOf } from './survey.ts'

/** The connections of the next plan (PL-4), each with the number that it has, or a new one (PN-6). */
export function numberConnections(
  facts: PlanningFacts,
  target: VersionRecord,
  instances: readonly PlannedInstance[],
  numbers: Numbers,
): Plan['connections'] {
  const keys = new Set<string>()
  if (facts.goal !== 'none') for (const { key } of keysOf(target)) keys.add(key)
  const draining = new Map<number, Set<string>>()
  for (const { component, version, draining: drains } of instances) {
    if (!drains || version === facts.version) continue
    draining.set(version, (draining.get(version) ?? new Set()).add(component))
  }
  for (const [version, components] of draining)
    for (const { key, from, to } of keysOf(recordOf(facts, version)))
      if (components.has(from) || components.has(to)) keys.add(key)
  const known = facts.current?.connections ?? {}
  return Object.fromEntries(
    [...keys].map((key) => [key, Object.hasOwn(known, key) ? known[key]! : numbers.connection()]),
  )
}

interface Key {
  readonly key: string
  readonly from: string
  readonly to: string
}

/** Made once for each version. */
const keysByRecord = new WeakMap<VersionRecord, readonly Key[]>()

function keysOf(record: VersionRecord): readonly Key[] {
  let keys = keysByRecord.get(record)
  if (keys === undefined) {
    keys = keyedConnections(record.flat.connections).map(({ key, connection: { from, to } }) => ({
      key,
      from: parsePortRef(from)!.component,
      to: parsePortRef(to)!.component,
    }))
    keysByRecord.set(record, keys)
  }
  return keys
}
