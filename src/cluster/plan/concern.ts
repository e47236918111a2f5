import { guaranteeInCluster } from '../../model/guarantee.ts'
import { canonicalJson } from '../../model/json.ts'
import { type Component, parsePortRef, selectorSpec } from '../../model/network.ts'
import type { VersionRecord } from '../protocol/index.ts'

/**
 * Whether a change concerns a component, so that its instances are replaced (PN-2).
 *
 * It does where what they were made from differs: kind (its address names its code), configuration, options, what the network says for
 * all of its components, and the initial packets, which are given to an instance once, as its configuration is. It does not
 * where only connections, or only places to run differ: those are taken up by what runs.
 *
 * The number of copies is part of it where each copy has its share by number: copies that own keys, since a key's owner
 * depends on the number and state does not move in this version; and sources, which divide what they read by it. Other
 * copies take whatever comes.
 */
export function isConcerned(component: string, before: VersionRecord, after: VersionRecord): boolean {
  return before !== after && essence(component, before) !== essence(component, after)
}

/** Texts that are made once for each version, and not once for each instance. */
const essences = new WeakMap<VersionRecord, Map<string, string>>()

function essence(component: string, record: VersionRecord): string {
  let known = essences.get(record)
  if (known === undefined) essences.set(record, (known = allEssences(record)))
  return known.get(component) ?? 'absent'
}

function allEssences(record: VersionRecord): Map<string, string> {
  const { flat, kinds } = record
  const initial = new Map<string, unknown[]>()
  for (const packet of flat.initial ?? []) {
    const to = parsePortRef(packet.to)!.component
    initial.set(to, [...(initial.get(to) ?? []), packet])
  }
  const shared = sharedByNumber(record)
  const ofNetwork = [guaranteeInCluster(flat), flat.deadLetter, flat.state]
  return new Map(
    Object.entries(flat.components).map(([name, component]) => {
      const { group: _, placement: __, instances, ...made } = component
      const copies = shared.has(name) ? (instances ?? 1) : undefined
      const parts = [withDefaults(made), copies, kinds[name], initial.get(name), ofNetwork]
      return [name, canonicalJson(parts)!]
    }),
  )
}

/** So that a default that is written out is no change. */
function withDefaults(component: Component): Component {
  return {
    ...component,
    config: component.config ?? {},
    order: component.order ?? 'input',
    errors: component.errors ?? 'fail',
  }
}

/** Components whose copies have shares that depend on how many there are. */
function sharedByNumber(record: VersionRecord): ReadonlySet<string> {
  const found = new Set(ownersOfKeys(record))
  for (const [name, { role }] of Object.entries(record.kinds)) if (role === 'source') found.add(name)
  return found
}

/** Components of which each copy has keys of its own: where one is missing, its messages have nowhere to go. */
export function ownersOfKeys({ flat, kinds }: VersionRecord): ReadonlySet<string> {
  const found = new Set<string>()
  for (const [name, { keyedState }] of Object.entries(kinds)) if (keyedState) found.add(name)
  for (const { to, selector } of flat.connections)
    if (selectorSpec(selector).type === 'hash') found.add(parsePortRef(to)!.component)
  return found
}
