import type { FlatNetwork } from '../model/flatten.ts'

/** The worker that stands for the caller's own thread. */
export const mainWorker = 0

/** For each component, the worker of each of its instances. */
export type Placement = ReadonlyMap<string, readonly number[]>

export interface PlacementFacts {
  /** Threads beside the main one; 0 places everything in the main thread. */
  readonly workers: number
  /** Components whose kinds run in the main thread only. */
  readonly inMain: ReadonlySet<string>
}

/**
 * Chooses workers (1 to `workers`; 0 is the main thread) for all instances. Instances of one component go to
 * different workers, since that is what they are for; components of one instance go where there are fewest instances.
 * Pure and deterministic: the same network is placed the same way in every run.
 */
export function place(network: FlatNetwork, facts: PlacementFacts): Placement {
  const load = Array.from({ length: facts.workers }, () => 0)
  const placement = new Map<string, readonly number[]>()
  const names = Object.keys(network.components)
  const instancesOf = (name: string): number => network.components[name]?.instances ?? 1
  // The widest components first: single ones then even out what is left.
  const ordered = names.toSorted(
    (a, b) => instancesOf(b) - instancesOf(a) || names.indexOf(a) - names.indexOf(b),
  )
  for (const name of ordered) {
    const count = instancesOf(name)
    if (facts.workers === 0 || facts.inMain.has(name)) {
      placement.set(
        name,
        Array.from({ length: count }, () => mainWorker),
      )
      continue
    }
    const first = leastLoaded(load)
    const workers = Array.from({ length: count }, (_, i) => ((first + i) % facts.workers) + 1)
    for (const worker of workers) load[worker - 1]!++
    placement.set(name, workers)
  }
  return placement
}

function leastLoaded(load: readonly number[]): number {
  let best = 0
  for (let i = 1; i < load.length; i++) if (load[i]! < load[best]!) best = i
  return best
}

/** How many threads a network gets by default: as many as cores, not more than instances that may use them. */
export function defaultWorkers(network: FlatNetwork, inMain: ReadonlySet<string>, cores: number): number {
  let instances = 0
  for (const [name, component] of Object.entries(network.components)) {
    if (!inMain.has(name)) instances += component.instances ?? 1
  }
  return Math.min(cores, instances)
}
