import type { Random } from '../../src/base/random.ts'
import type { Deployment } from '../../src/cluster/client/index.ts'
import type { FlatComponent, FlatConnection, FlatNetwork } from '../../src/model/flatten.ts'
import { kindFacts } from './kinds.ts'

const base = 'sim:net'
const selectors = ['round-robin', 'random', 'fair', 'all', 'hash'] as const

/** A deployment of a network out of components and connections. */
export function deployment(
  name: string,
  components: Readonly<Record<string, Omit<FlatComponent, 'base'>>>,
  connections: readonly Omit<FlatConnection, 'base'>[],
): Deployment {
  const part: FlatNetwork = {
    name,
    // What is lost is reckoned up; networks that lose nothing have simulations of their own (`snapshots/`).
    guarantee: 'at-most-once',
    components: Object.fromEntries(
      Object.entries(components).map(([id, component]) => [id, { ...component, base }]),
    ),
    connections: connections.map((connection) => ({ ...connection, base })),
  }
  const kinds = Object.fromEntries(Object.entries(components).map(([id, { kind }]) => [id, kindFacts[kind]!]))
  return { part, kinds }
}

/** A small random graph without cycles: sources, what passes on, sinks. Everything is connected. */
export function randomNetwork(name: string, random: Random, groups: readonly string[]): Deployment {
  const components: Record<string, Omit<FlatComponent, 'base'>> = {}
  const connections: Omit<FlatConnection, 'base'>[] = []
  const layers = [1 + random.int(2), random.int(3), 1 + random.int(2)]
  const names = layers.map((count, layer) =>
    Array.from({ length: count }, (_, i) => `${['source', 'pass', 'sink'][layer]}${i}`),
  )
  for (const [layer, list] of names.entries())
    for (const id of list) {
      const kind = ['source', 'pass', 'sink'][layer]!
      components[id] = randomComponent(layer === 2 && random.next() < 0.25 ? 'keyed' : kind, random, groups)
    }
  const before = (layer: number): string[] => names.slice(0, layer).flat()
  const connect = (from: string, to: string): void => {
    if (connections.some((known) => known.from === `${from}.out` && known.to === `${to}.in`)) return
    const selector = randomSelector(random, components[to]!.kind)
    connections.push({ from: `${from}.out`, to: `${to}.in`, selector })
  }
  const pick = (list: readonly string[]): string => list[random.int(list.length)]!
  for (const layer of [1, 2]) for (const id of names[layer]!) connect(pick(before(layer)), id)
  for (const id of before(2))
    if (!connections.some(({ from }) => from === `${id}.out`)) connect(id, pick(names[2]!))
  for (let more = random.int(3); more > 0; more--) connect(pick(before(2)), pick(names[2]!))
  return deployment(name, components, connections)
}

/** A source, and a few that send round what the source has sent, until its hops are over. */
export function cyclicNetwork(name: string, random: Random, groups: readonly string[]): Deployment {
  const components = {
    source0: randomComponent('source', random, groups),
    relay0: randomComponent('relay', random, groups),
    relay1: randomComponent('relay', random, groups),
    sink0: randomComponent(random.next() < 0.5 ? 'keyed' : 'sink', random, groups),
  }
  const connect = (from: keyof typeof components, to: keyof typeof components) => ({
    from: `${from}.out`,
    to: `${to}.in`,
    selector: randomSelector(random, components[to].kind),
  })
  return deployment(name, components, [
    connect('source0', 'relay0'),
    connect('relay0', 'relay1'),
    { ...connect('relay1', 'relay0'), back: true },
    connect('relay1', 'sink0'),
  ])
}

export function randomSelector(random: Random, target: string): FlatConnection['selector'] {
  if (target === 'keyed') return { type: 'hash', key: 'key' }
  const type = selectors[random.int(selectors.length)]!
  return type === 'hash' ? { type: 'hash', key: 'key' } : type
}

export function randomComponent(
  kind: string,
  random: Random,
  groups: readonly string[],
): Omit<FlatComponent, 'base'> {
  return {
    kind,
    instances: 1 + random.int(3),
    ...(groups.length > 0 && random.next() < 0.2 && { group: groups[random.int(groups.length)]! }),
    ...(random.next() < 0.15 && { placement: { spread: 'node' as const } }),
  }
}
