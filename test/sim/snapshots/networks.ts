import type { Random } from '../../../src/base/random.ts'
import type { FlatComponent, FlatConnection, FlatNetwork } from '../../../src/model/flatten.ts'
import { doubled, type Item, itemOf, keyedKinds, roundOf } from './kinds.ts'

/** Random networks without cycles, and what a plain loop makes of them. */

const base = 'file:///net.yaml'
const instancesMax = 3

export interface RandomNetwork {
  readonly network: FlatNetwork
  /** The number of instances can change: nobody has state of the instance. */
  readonly mayRescale: boolean
}

export function randomNetwork(chance: Random): RandomNetwork {
  const components: Record<string, FlatComponent> = {}
  const connections: FlatConnection[] = []
  const sources = 1 + chance.int(2)
  const total = sources + 2 + chance.int(4)
  const kinds = ['pass', 'wait', 'flaky', 'sum', 'later', 'tally', 'double', 'round']
  let doubles = 0
  for (let at = 0; at < total; at++) {
    const isSource = at < sources
    let kind = isSource ? 'source' : at === total - 1 ? 'sum' : pick(chance, kinds)
    if (kind === 'double' && doubles++ > 0) kind = 'pass'
    const name = `c${at}`
    components[name] = {
      kind,
      base,
      instances: 1 + chance.int(instancesMax),
      ...(isSource && { config: { count: 20 + chance.int(80) } }),
      ...(kind === 'flaky' && {
        errors: { retry: { times: 100, delayMs: 1 + chance.int(20), delayMsMax: 20 } },
      }),
      ...(kind === 'flaky' && chance.int(2) === 0 && { concurrency: 2 }),
    }
    if (kind === 'round')
      connections.push({
        from: `${name}.again`,
        to: `${name}.back`,
        back: true,
        base,
        selector: 'round-robin',
      })
    if (isSource) continue
    const isKeyed = keyedKinds.has(kind)
    const from = new Set([chance.int(at), chance.int(at)])
    // The last one takes what nobody else does.
    if (at === total - 1)
      for (let other = 0; other < at; other++)
        if (!connections.some((connection) => connection.from === `c${other}.out`)) from.add(other)
    for (const other of from)
      connections.push({
        from: `c${other}.out`,
        to: `${name}.in`,
        base,
        selector: isKeyed
          ? { type: 'hash', key: 'key' }
          : pick(chance, ['round-robin', 'random', 'fair'] as const),
      })
  }
  const mayRescale = Object.values(components).every(({ kind }) => kind !== 'tally')
  return { network: { name: 'net', components, connections }, mayRescale }
}

/** With other numbers of instances. */
export function rescaled({ network }: RandomNetwork, chance: Random): FlatNetwork {
  const components = Object.fromEntries(
    Object.entries(network.components).map(([name, component]) => [
      name,
      { ...component, instances: 1 + chance.int(instancesMax) },
    ]),
  )
  return { ...network, components }
}

/** Of each component, what comes to it: ids by key, sorted. */
export function expectedOf({
  components,
  connections,
}: FlatNetwork): Record<string, Record<string, readonly string[]>> {
  const arrived = new Map<string, Item[]>(Object.keys(components).map((name) => [name, []]))
  const send = (from: string, item: Item): void => {
    for (const connection of connections)
      if (connection.from === `${from}.out`) receive(connection.to.split('.')[0]!, item)
  }
  const receive = (name: string, item: Item): void => {
    const next = components[name]!.kind === 'round' ? roundOf(item) : undefined
    if (next !== undefined) {
      receive(name, next)
      return
    }
    arrived.get(name)!.push(item)
    for (const each of components[name]!.kind === 'double' ? doubled(item) : [item]) send(name, each)
  }
  for (const [name, { kind, config }] of Object.entries(components))
    if (kind === 'source')
      for (let index = 0; index < (config!['count'] as number); index++) send(name, itemOf(name, index))
  const expected: Record<string, Record<string, readonly string[]>> = {}
  for (const [name, items] of arrived) {
    const byKey = Object.groupBy(items, ({ key }) => key)
    expected[name] = Object.fromEntries(
      Object.entries(byKey)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, some]) => [key, some!.map(({ id }) => id).toSorted()]),
    )
  }
  return expected
}

export function pick<T>(chance: Random, among: readonly T[]): T {
  return among[chance.int(among.length)]!
}
