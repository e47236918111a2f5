import { VertigoError } from '../base/errors.ts'
import { sameJson } from './json.ts'
import { listChange, type ListChange, mergeList } from './list-change.ts'
import type { Component, Connection, InitialPacket, Json, Network } from './network.ts'

/**
 * What leads from one network to another. A change holds what was and what is, so it can be undone (`unmerge`) and
 * notices when it does not fit (`CHANGE_CONFLICT`). It is plain data: it can be stored and sent.
 *
 * Invariants, for all networks in normal form (`normalNetwork`):
 * - DI-1: `merge(a, diff(a, b))` equals `b`.
 * - DI-2: `unmerge(merge(a, change), change)` equals `a`, wherever `merge(a, change)` does not throw and the change
 *   was made for `a`; for other networks the same components, and the same connections in another order.
 * - DI-3: `diff(a, a)` is empty.
 * - DI-4: what a change does not name, it does not touch: changes of disjoint parts can be merged and unmerged in any order.
 */
export interface NetworkChange {
  /** `name`, `description`, `guarantee`, `snapshot`, `state`, `journal`, `deadLetter`. */
  readonly fields: RecordChange<Json>
  readonly components: RecordChange<Component>
  readonly inputs: RecordChange<string>
  readonly outputs: RecordChange<string>
  readonly connections: ListChange<Connection>
  readonly initial: ListChange<InitialPacket>
}

/** By name: what was (absent: nothing) and what is. Names are in alphabetical order. */
export interface RecordChange<T> {
  readonly [name: string]: { readonly before?: T; readonly after?: T }
}

/** The change that leads from `a` to `b`. The order of components has no meaning; that of connections is kept. */
export function diff(a: Network, b: Network): NetworkChange {
  return {
    fields: recordChange(fieldsOf(a), fieldsOf(b)),
    components: recordChange(a.components, b.components),
    inputs: recordChange(a.exports?.inputs, b.exports?.inputs),
    outputs: recordChange(a.exports?.outputs, b.exports?.outputs),
    connections: listChange(a.connections, b.connections),
    initial: listChange(a.initial ?? [], b.initial ?? []),
  }
}

/**
 * Applies a change. Throws `CHANGE_CONFLICT`, with every conflict in `faults`, where something that the change replaces
 * or removes is not as it was, or something it adds is already there as something else; then nothing is applied.
 */
export function merge(network: Network, change: NetworkChange): Network {
  const conflicts: VertigoError[] = []
  const conflict = (path: string, message: string): void => {
    conflicts.push(new VertigoError('CHANGE_CONFLICT', message, { place: { path } }))
  }
  const fields = mergeRecord(fieldsOf(network), change.fields, 'field', conflict)
  const components = mergeRecord(network.components, change.components, 'component', conflict)
  const inputs = mergeRecord(network.exports?.inputs, change.inputs, 'exported input', conflict)
  const outputs = mergeRecord(network.exports?.outputs, change.outputs, 'exported output', conflict)
  const connections = mergeList(network.connections, change.connections, (item) =>
    conflict('connections', `There is no connection ${item.from} -> ${item.to} as the change expects it.`),
  )
  const initial = mergeList(network.initial ?? [], change.initial, (item) =>
    conflict('initial', `There is no initial packet to ${item.to} as the change expects it.`),
  )
  if (conflicts.length > 0)
    throw new VertigoError(
      'CHANGE_CONFLICT',
      `The change does not fit the network ${network.name}: ${conflicts.map((found) => found.message).join(' ')}`,
      { faults: conflicts },
    )
  return normalNetwork({
    ...(fields as unknown as Network),
    components,
    connections,
    initial,
    exports: { inputs, outputs },
  })
}

/** Takes a change back. Throws as `merge` does, where what the change made is no longer as it made it. */
export function unmerge(network: Network, change: NetworkChange): Network {
  return merge(network, invert(change))
}

/** The change that undoes `change`. */
export function invert(change: NetworkChange): NetworkChange {
  return {
    fields: invertRecord(change.fields),
    components: invertRecord(change.components),
    inputs: invertRecord(change.inputs),
    outputs: invertRecord(change.outputs),
    connections: { removed: change.connections.added, added: change.connections.removed },
    initial: { removed: change.initial.added, added: change.initial.removed },
  }
}

/** Whether a change changes nothing. */
export function isEmptyChange(change: NetworkChange): boolean {
  const { fields, components, inputs, outputs, connections, initial } = change
  return (
    [fields, components, inputs, outputs].every((part) => Object.keys(part).length === 0) &&
    [connections, initial].every((part) => part.removed.length === 0 && part.added.length === 0)
  )
}

/**
 * The change that deploying `part` makes to `network`: its components, exports and other fields are added or replace
 * those of the same name (a component as a whole); a connection replaces the one between the same ports, else it is
 * added at the end; initial packets are added unless the same one is there. The network keeps its name.
 */
export function additions(part: Network, network: Network): NetworkChange {
  const ends = (connection: Connection): string => `${connection.from} -> ${connection.to}`
  const connections = [...network.connections]
  for (const added of part.connections) {
    const index = connections.findIndex((known) => ends(known) === ends(added))
    if (index < 0) connections.push(added)
    else connections[index] = added
  }
  const initial = [...(network.initial ?? [])]
  for (const added of part.initial ?? [])
    if (!initial.some((known) => sameJson(known, added))) initial.push(added)
  return diff(network, {
    ...network,
    ...part,
    name: network.name,
    components: { ...network.components, ...part.components },
    connections,
    initial,
    exports: {
      inputs: { ...network.exports?.inputs, ...part.exports?.inputs },
      outputs: { ...network.exports?.outputs, ...part.exports?.outputs },
    },
  })
}

/**
 * The change that undeploying `part` makes to `network`, for which its names count and not its contents: its components
 * go, with every connection, initial packet and export that leads to or from them; so do the connections, initial
 * packets and exports that the part itself names. To take back exactly what was deployed, `unmerge` the change instead.
 */
export function removals(part: Network, network: Network): NetworkChange {
  const gone = (name: string): boolean => Object.hasOwn(part.components, name)
  const leadsToGone = (ref: string): boolean => gone(ref.slice(0, Math.max(0, ref.lastIndexOf('.'))))
  const listed = new Set(part.connections.map(({ from, to }) => `${from} -> ${to}`))
  const keep = (side: 'inputs' | 'outputs'): { readonly [name: string]: string } =>
    Object.fromEntries(
      Object.entries(network.exports?.[side] ?? {}).filter(
        ([name, ref]) => !leadsToGone(ref) && !Object.hasOwn(part.exports?.[side] ?? {}, name),
      ),
    )
  return diff(network, {
    ...network,
    components: Object.fromEntries(Object.entries(network.components).filter(([name]) => !gone(name))),
    connections: network.connections.filter(
      ({ from, to }) => !listed.has(`${from} -> ${to}`) && !leadsToGone(from) && !leadsToGone(to),
    ),
    initial: (network.initial ?? []).filter(
      (packet) => !leadsToGone(packet.to) && !part.initial?.some((item) => sameJson(item, packet)),
    ),
    exports: { inputs: keep('inputs'), outputs: keep('outputs') },
  })
}

/** The network without what says nothing: absent fields, and empty lists and mappings of initial packets and exports. */
export function normalNetwork(network: Network): Network {
  const { components, connections, initial = [], exports = {} } = network
  const { inputs = {}, outputs = {} } = exports
  const ports = {
    ...(Object.keys(inputs).length === 0 ? {} : { inputs }),
    ...(Object.keys(outputs).length === 0 ? {} : { outputs }),
  }
  return {
    ...(fieldsOf(network) as unknown as Network),
    components,
    connections,
    ...(initial.length === 0 ? {} : { initial }),
    ...(Object.keys(ports).length === 0 ? {} : { exports: ports }),
  }
}

function fieldsOf(network: Network): { readonly [field: string]: Json } {
  const { components: _, connections: __, initial: ___, exports: ____, ...fields } = network
  const present = Object.entries(fields as { readonly [field: string]: Json | undefined })
  return Object.fromEntries(present.filter((entry): entry is [string, Json] => entry[1] !== undefined))
}

type Named<T> = { readonly [name: string]: T }

function own<T>(record: Named<T>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}

function recordChange<T>(a: Named<T> = {}, b: Named<T> = {}): RecordChange<T> {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].toSorted()
  return Object.fromEntries(
    names.flatMap((name) => {
      const before = own(a, name)
      const after = own(b, name)
      if (sameJson(before, after)) return []
      return [[name, { ...(before !== undefined && { before }), ...(after !== undefined && { after }) }]]
    }),
  )
}

function mergeRecord<T>(
  record: Named<T> = {},
  change: RecordChange<T>,
  what: string,
  conflict: (path: string, message: string) => void,
): Named<T> {
  const merged = new Map(Object.entries(record))
  for (const [name, { before, after }] of Object.entries(change)) {
    const now = own(record, name)
    if (!sameJson(now, before)) {
      const how =
        now === undefined
          ? 'is not there any more'
          : before === undefined
            ? 'is already there, and differs'
            : 'is not as it was'
      // The same addition made twice would be undone by the first `unmerge`: it is a conflict too.
      conflict(name, `The ${what} "${name}" ${sameJson(now, after) ? 'is already changed' : how}.`)
    }
    if (after === undefined) merged.delete(name)
    else merged.set(name, after)
  }
  return Object.fromEntries(merged)
}

function invertRecord<T>(change: RecordChange<T>): RecordChange<T> {
  return Object.fromEntries(
    Object.entries(change).map(([name, { before, after }]) => [
      name,
      { ...(after !== undefined && { before: after }), ...(before !== undefined && { after: before }) },
    ]),
  )
}
