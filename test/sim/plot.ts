import type { Random } from '../../src/base/random.ts'
import { asError, isVertigoError } from '../../src/base/errors.ts'
import { asVersion } from '../../src/cluster/protocol/index.ts'
import type { Management } from '../../src/cluster/client/index.ts'
import { kindFacts } from './kinds.ts'
import { cyclicNetwork, randomComponent, randomNetwork, randomSelector } from './networks.ts'
import type { World } from './world.ts'

const cyclicPart = 0.15

/** A change of networks, drawn at random, as a user would ask for it. */
export class Changes {
  /** That were accepted. */
  count = 0
  private readonly world: World
  private readonly management: Management
  private readonly random: Random
  private readonly names: readonly string[]
  private readonly groups: readonly string[]
  private readonly mayFail: boolean

  constructor(
    world: World,
    means: {
      readonly random: Random
      readonly names: readonly string[]
      readonly groups: readonly string[]
      /** Some versions have components that cannot be set up. */
      readonly mayFail: boolean
    },
  ) {
    this.world = world
    this.management = world.cluster.client().management
    this.random = means.random
    this.names = means.names
    this.groups = means.groups
    this.mayFail = means.mayFail
  }

  /** Of a network, from nothing: now and then one with a cycle. */
  async deploy(name: string): Promise<void> {
    const { random, groups } = this
    const isCyclic = random.next() < cyclicPart
    const make = isCyclic ? cyclicNetwork : randomNetwork
    await this.tell(name, isCyclic ? 'deploy a cycle' : 'deploy', () =>
      this.management.deploy(make(name, random, groups), { by: 'sim', mode: 'replace' }),
    )
  }

  async next(): Promise<void> {
    const { random } = this
    const name = this.names[random.int(this.names.length)]!
    const dice = random.next()
    if (dice < 0.3) await this.scale(name)
    else if (dice < 0.45) await this.rewire(name)
    else if (dice < 0.6) await this.reconfigure(name)
    else if (dice < 0.75) await this.deploy(name)
    else if (dice < 0.85) await this.rollBack(name)
    else if (dice < 0.92) await this.add(name)
    else await this.tell(name, 'undeploy', () => this.management.undeploy(name))
  }

  private async scale(name: string): Promise<void> {
    const component = await this.component(name)
    const instances = 1 + this.random.int(4)
    if (component === undefined) return
    await this.tell(name, `scale ${component} to ${instances}`, () =>
      this.management.scale(name, component, instances, { by: 'sim' }),
    )
  }

  /** Another selector for one connection. */
  private async rewire(name: string): Promise<void> {
    await this.edit(name, 'rewire', (flat) => {
      const at = this.random.int(flat.connections.length)
      const connections = flat.connections.map((connection, i) =>
        i === at
          ? { ...connection, selector: randomSelector(this.random, kindOf(flat, connection.to)) }
          : connection,
      )
      return { ...flat, connections }
    })
  }

  /** Another configuration for a component: a new life for its copies; now and then one that cannot be set up. */
  private async reconfigure(name: string): Promise<void> {
    const component = await this.component(name)
    if (component === undefined) return
    const isBad = this.mayFail && this.random.next() < 0.3
    await this.edit(name, `reconfigure ${component}${isBad ? ', badly' : ''}`, (flat) => {
      const known = flat.components[component]
      if (known === undefined) return flat
      const config = { step: this.random.int(1000), ...(isBad && { isBad: true }) }
      return { ...flat, components: { ...flat.components, [component]: { ...known, config } } }
    })
  }

  /** One more sink; in a cycle, now and then, one more that sends round. */
  private async add(name: string): Promise<void> {
    const { random } = this
    const [sink, relay] = [`sink${2 + random.int(3)}`, random.next() < 0.5]
    await this.edit(name, `add ${sink}${relay ? ' or relay2' : ''}`, (flat) => {
      const isCycle = Object.hasOwn(flat.components, 'relay1')
      if (isCycle && relay) return this.added(flat, 'relay2', { from: 'relay1', backTo: 'relay0' })
      const from = Object.keys(flat.components).find((one) => one.startsWith('source'))!
      return this.added(flat, sink, { from })
    })
  }

  private added(
    flat: Flat,
    id: string,
    { from, backTo }: { readonly from: string; readonly backTo?: string },
  ): Flat {
    if (Object.hasOwn(flat.components, id)) return flat
    const { random } = this
    const kind = id.replace(/\d/g, '')
    const { base } = flat.components[from]!
    const component = { ...randomComponent(kind, random, this.groups), base }
    const into = { from: `${from}.out`, to: `${id}.in`, base, selector: randomSelector(random, kind) }
    const back = { from: `${id}.out`, to: `${backTo}.in`, base, selector: randomSelector(random, 'relay') }
    return {
      ...flat,
      components: { ...flat.components, [id]: component },
      connections: [
        ...flat.connections,
        into,
        ...(backTo === undefined ? [] : [{ ...back, back: true as const }]),
      ],
    }
  }

  private async rollBack(name: string): Promise<void> {
    await this.tell(name, 'roll back', async () => {
      const { version } = await this.management.desired(name)
      const to = 1 + this.random.int(version)
      return this.management.rollback(name, asVersion(to), { by: 'sim' })
    })
  }

  private async edit(name: string, what: string, change: (flat: Flat) => Flat): Promise<void> {
    await this.tell(name, what, async () => {
      const { version } = await this.management.desired(name)
      const { flat, kinds } = await this.management.version(name, version)
      const all = {
        ...kinds,
        ...Object.fromEntries(['sink2', 'sink3', 'sink4'].map((id) => [id, kindFacts['sink']!])),
        relay2: kindFacts['relay']!,
      }
      return this.management.deploy({ part: change(flat), kinds: all }, { by: 'sim', mode: 'replace' })
    })
  }

  private async component(name: string): Promise<string | undefined> {
    try {
      const { version } = await this.management.desired(name)
      const names = Object.keys((await this.management.version(name, version)).flat.components)
      return names[this.random.int(names.length)]
    } catch (error) {
      if (isVertigoError(error)) return undefined
      throw error
    }
  }

  private async tell(name: string, what: string, act: () => Promise<number | void>): Promise<void> {
    try {
      const version = await act()
      this.count++
      this.world.note('user', `${name}: ${what}${version === undefined ? '' : `: version ${version}`}`)
    } catch (error) {
      const { message } = asError(error)
      this.world.note('user', `${name}: ${what}: refused: ${message}`)
      if (!isVertigoError(error) || error.code === 'INTERNAL') this.world.violate(`${what}: ${message}`)
    }
  }
}

type Flat = Awaited<ReturnType<Management['version']>>['flat']

function kindOf({ components }: Flat, to: string): string {
  return components[to.slice(0, to.lastIndexOf('.'))]!.kind
}
