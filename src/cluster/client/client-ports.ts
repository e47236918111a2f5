import type { FlatComponent, FlatConnection } from '../../model/flatten.ts'
import { guaranteeInCluster } from '../../model/guarantee.ts'
import { parsePortRef } from '../../model/network.ts'
import { clientPortName, isClientPort, type KindFacts, type VersionRecord } from '../protocol/index.ts'

/** What a version holds. */
type VersionContent = Pick<VersionRecord, 'flat' | 'kinds'>

/** Of the built-in kinds `client-input` and `client-output`; a test compares them. */
export const clientKindFacts: Readonly<Record<'client-input' | 'client-output', KindFacts>> = {
  'client-input': {
    role: 'source',
    inputs: [],
    outputs: ['out'],
    keyedState: false,
    instanceState: false,
    rewinds: false,
    inMain: false,
  },
  'client-output': {
    role: 'component',
    inputs: ['in'],
    outputs: [],
    keyedState: false,
    instanceState: false,
    rewinds: false,
    inMain: false,
  },
}

/**
 * The network with a component for each port that it exports, by which clients reach it: they follow from what is exported, and
 * from nothing else, so that the same network has the same ones however often it is deployed.
 *
 * As in a run from code (`attach`), an exported input that is connected within as well gets both, and clients' messages
 * are routed by the selector of its first connection.
 */
export function withClientPorts({ flat, kinds }: VersionContent): VersionContent {
  const components: Record<string, FlatComponent> = {}
  const facts: Record<string, KindFacts> = {}
  for (const [name, component] of Object.entries(flat.components))
    if (!isClientPort(name)) components[name] = component
  for (const [name, known] of Object.entries(kinds)) if (!isClientPort(name)) facts[name] = known
  const connections = flat.connections.filter(
    ({ from, to }) => !isClientPort(componentOf(from)) && !isClientPort(componentOf(to)),
  )
  const clients: FlatConnection[] = []
  for (const [port, to] of Object.entries(flat.exports?.inputs ?? {})) {
    const target = components[componentOf(to)]
    // A fault that validation names.
    if (target === undefined) continue
    const name = clientPortName('input', port)
    facts[name] = clientKindFacts['client-input']
    components[name] = {
      kind: 'client-input',
      ...placeOf(target),
      ...configOf(target, to, facts),
      base: target.base,
    }
    clients.push(inputConnection(`${name}.out`, to, target, { connections, facts }))
  }
  // What readers have seen has happened.
  const { readersMs } = flat.snapshot ?? {}
  const committed = { committed: true, ...(readersMs !== undefined && { readersMs }) }
  const config = guaranteeInCluster(flat) === 'exactly-once' ? { config: committed } : {}
  for (const [port, from] of Object.entries(flat.exports?.outputs ?? {})) {
    const source = components[componentOf(from)]
    if (source === undefined) continue
    const name = clientPortName('output', port)
    facts[name] = clientKindFacts['client-output']
    components[name] = { kind: 'client-output', ...placeOf(source), ...config, base: source.base }
    clients.push({ from, to: `${name}.in`, base: source.base })
  }
  return { flat: { ...flat, components, connections: [...connections, ...clients] }, kinds: facts }
}

function componentOf(ref: string): string {
  return parsePortRef(ref)?.component ?? ref
}

/** Where the code of the component is; it is also near. */
function placeOf({ group, placement }: FlatComponent): Pick<FlatComponent, 'group' | 'placement'> {
  return {
    ...(group !== undefined && { group }),
    ...(placement?.labels !== undefined && { placement: { labels: placement.labels } }),
  }
}

/** By what messages are checked before they are taken. */
function configOf(
  target: FlatComponent,
  to: string,
  facts: VersionContent['kinds'],
): Pick<FlatComponent, 'config'> {
  const { component, port } = parsePortRef(to)!
  const isChecked = facts[component]?.schemas?.includes(port) === true
  return isChecked ? { config: { function: target.kind, port } } : {}
}

/** Where nothing else leads to a component with keyed state, the whole message is the key. */
function inputConnection(
  from: string,
  to: string,
  target: FlatComponent,
  {
    connections,
    facts,
  }: { readonly connections: readonly FlatConnection[]; readonly facts: VersionContent['kinds'] },
): FlatConnection {
  const other = connections.find((connection) => connection.to === to)
  if (other?.selector !== undefined) return { from, to, selector: other.selector, base: other.base }
  const isKeyed = facts[componentOf(to)]?.keyedState === true
  return { from, to, ...(isKeyed && { selector: 'hash' as const }), base: target.base }
}
