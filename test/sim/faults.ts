import type { Random } from '../../src/base/random.ts'
import type { SimulatedNode } from '../../src/testkit/cluster/simulated-cluster.ts'
import type { World } from './world.ts'

/** What goes wrong in a cluster, drawn from the seed. */
export class Faults {
  count = 0
  private readonly world: World
  private readonly random: Random
  private readonly isOn: boolean

  constructor(world: World, random: Random, isOn: boolean) {
    this.world = world
    this.random = random
    this.isOn = isOn
  }

  /** Gives what stops them. */
  begin(): () => void {
    return () => undefined
  }

  /** All that is broken works again. */
  end(): void {
    for (const node of this.nodes()) node.start()
  }

  private nodes(): SimulatedNode[] {
    return [...this.world.cluster.nodes.values()]
  }
}
