import type { Random } from '../../../src/base/random.ts'
import type { FlatComponent, FlatConnection, FlatNetwork } from '../../../src/model/flatten.ts'
import { doubled, type Item, itemOf, type KeySpread, roundOf } from './items.ts'
import { inputsOf, keyedKinds } from './kinds.ts'

/** Random networks, and what a plain loop makes of them. */

const base = 'file:///net.yaml'
const instancesMax = 3

export interface RandomNetwork {
  readonly network: FlatNetwork
  /** Components whose number of instances can change: they have no state of the instance, and do not all get everything. */
  readonly mayRescale: ReadonlySet<string>
}

export interface NetworkSize {
  readonly itemsMin: number
  readonly itemsMax: number
  /** Beside sources and the last one. */
  readonly innerMax: number
  /** Some sources cannot rewind, some track their messages. Default false. */
  readonly hasOtherSources?: boolean
}

const mediumSize: NetworkSize = { itemsMin: 10, itemsMax: 50, innerMax: 4 }

const innerKinds = [
  'pass',
  'outlet',
  'outlet',
  'wait',
  'slow',
  'flaky',
  'sum',
  'later',
  'tally',
  'double',
  'chunk',
  'gather',
  'regroup',
  'join',
  'round',
]
/** Each makes two messages of one: there is one of them in a network, so that it stays small. */
const doubling: ReadonlySet<string> = new Set(['double', 'chunk', 'batch'])

export function randomNetwork(chance: Random, size: NetworkSize = mediumSize): RandomNetwork {
  const components: Record<string, FlatComponent> = {}
  const connections: FlatConnection[] = []
  const fixed = new Set<string>()
  const sources = 1 + chance.int(2)
  const total = sources + 1 + chance.int(size.innerMax + 1)
  let hasDoubled = false
  let hasAll = false
  for (let at = 0; at < total; at++) {
    const isSource = at < sources
    let kind = isSource ? randomSource(chance, size) : at === total - 1 ? 'sum' : pick(chance, innerKinds)
    if (doubling.has(kind)) {
      if (hasDoubled) kind = 'pass'
      hasDoubled = true
    }
    const name = `c${at}`
    components[name] = randomComponent(kind, chance, size)
    if (kind === 'tally') fixed.add(name)
    if (kind === 'round')
      connections.push({
        from: `${name}.again`,
        to: `${name}.back`,
        back: true,
        base,
        selector: 'round-robin',
      })
    if (isSource) continue
    const from = new Set([chance.int(at), chance.int(at)])
    // The last one takes what nobody else does.
    if (at === total - 1)
      for (let other = 0; other < at; other++)
        if (!connections.some((connection) => connection.from === `c${other}.out`)) from.add(other)
    const ports = inputsOf(kind)
    // All inputs are connected, if need be to the same output.
    const others = from.size < ports.length ? [...from, ...from] : [...from]
    for (const [nth, other] of others.entries()) {
      const selector = randomSelector(chance, kind, !hasAll)
      if (selector === 'all') {
        hasAll = true
        fixed.add(name)
      }
      connections.push({ from: `c${other}.out`, to: `${name}.${ports[nth % ports.length]}`, base, selector })
    }
  }
  const mayRescale = new Set(Object.keys(components).filter((name) => !fixed.has(name)))
  return { network: { name: 'net', components, connections }, mayRescale }
}

function randomSource(chance: Random, { hasOtherSources = false }: NetworkSize): string {
  return hasOtherSources ? pick(chance, ['intake', 'tracked', 'source', 'source']) : 'source'
}

function randomComponent(kind: string, chance: Random, { itemsMin, itemsMax }: NetworkSize): FlatComponent {
  const spread = pick(chance, ['even', 'even', 'skewed', 'one'] satisfies KeySpread[])
  return {
    kind,
    base,
    instances: 1 + chance.int(instancesMax),
    ...(kind === 'source' && { config: sourceConfig(chance, { itemsMin, itemsMax, spread }) }),
    ...((kind === 'intake' || kind === 'tracked') && {
      config: { count: itemsMin + chance.int(itemsMax - itemsMin), keys: spread },
    }),
    ...(kind === 'flaky' && {
      errors: { retry: { times: 100, delayMs: 1 + chance.int(20), delayMsMax: 20 } },
    }),
    ...(kind === 'flaky' && chance.int(2) === 0 && { concurrency: 2 }),
  }
}

/** What comes in groups is all of one key: a group goes to one copy, where the state of another key may not be. */
function sourceConfig(
  chance: Random,
  {
    itemsMin,
    itemsMax,
    spread,
  }: { readonly itemsMin: number; readonly itemsMax: number; readonly spread: KeySpread },
): NonNullable<FlatComponent['config']> {
  const count = itemsMin + chance.int(itemsMax - itemsMin)
  return chance.int(4) === 0 ? { count, keys: 'one', groupSize: 2 + chance.int(5) } : { count, keys: spread }
}

/** By `all` at one connection of a network: each makes as many messages of one as there are instances. */
function randomSelector(chance: Random, target: string, mayBeAll: boolean): FlatConnection['selector'] {
  if (keyedKinds.has(target)) return { type: 'hash', key: 'key' }
  if (mayBeAll && chance.int(8) === 0) return 'all'
  const selector = pick(chance, ['round-robin', 'random', 'fair', 'hash'] as const)
  return selector === 'hash' ? { type: 'hash', key: 'key' } : selector
}

/** With other numbers of instances. */
export function rescaled({ network, mayRescale }: RandomNetwork, chance: Random): FlatNetwork {
  const components = Object.fromEntries(
    Object.entries(network.components).map(([name, component]) => [
      name,
      mayRescale.has(name) ? { ...component, instances: 1 + chance.int(instancesMax) } : component,
    ]),
  )
  return { ...network, components }
}

/** Of each input, what comes to it: ids by key, sorted; those of a component without a name are of the input `in`. */
export type Arrivals = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>

/** `received`: what a source has given that is not the same in each run. */
export function expectedOf(
  { components, connections }: FlatNetwork,
  received: (source: string) => readonly Item[] = () => [],
): Arrivals {
  const arrived = new Map<string, Item[]>()
  for (const [name, { kind }] of Object.entries(components))
    for (const port of inputsOf(kind)) arrived.set(`${name}.${port}`, [])
  const send = (from: string, item: Item): void => {
    for (const connection of connections) {
      if (connection.from !== `${from}.out`) continue
      const copies =
        connection.selector === 'all' ? (components[connection.to.split('.')[0]!]!.instances ?? 1) : 1
      for (let copy = 0; copy < copies; copy++) receive(connection.to, item)
    }
  }
  const receive = (input: string, item: Item): void => {
    const name = input.split('.')[0]!
    const { kind } = components[name]!
    const next = kind === 'round' || kind === 'roundabout' ? roundOf(item) : undefined
    if (next !== undefined) {
      receive(input, next)
      return
    }
    arrived.get(input)!.push(item)
    for (const each of doubling.has(kind) ? doubled(item) : [item]) send(name, each)
  }
  for (const [name, { kind, config }] of Object.entries(components))
    if (kind === 'source' || kind === 'tracked')
      for (let index = 0; index < (config!['count'] as number); index++)
        send(name, itemOf(name, index, config!['keys'] as KeySpread))
    else if (kind === 'intake') for (const item of received(name)) send(name, item)
  return Object.fromEntries([...arrived].map(([input, items]) => [input, idsByKey(items)]))
}

function idsByKey(items: readonly Item[]): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    Object.entries(Object.groupBy(items, ({ key }) => key))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, some]) => [key, some!.map(({ id }) => id).toSorted()]),
  )
}

export function pick<T>(chance: Random, among: readonly T[]): T {
  return among[chance.int(among.length)]!
}
