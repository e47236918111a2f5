import { asError, isVertigoError } from '../../../src/base/errors.ts'
import type { Random } from '../../../src/base/random.ts'
import type { Deployment, Management } from '../../../src/cluster/client/index.ts'
import { asVersion } from '../../../src/cluster/protocol/index.ts'
import type { ExactWorld } from './exact-world.ts'

/** Changes of a network with snapshots that change nothing of what it computes, drawn at random, as a user would ask for them. */
export class ExactChanges {
  /** That were accepted. */
  count = 0
  private readonly world: ExactWorld
  private readonly management: Management
  private readonly random: Random
  private readonly network: string
  private readonly mayRescale: readonly string[]

  constructor(
    world: ExactWorld,
    means: { readonly random: Random; readonly network: string; readonly mayRescale: ReadonlySet<string> },
  ) {
    this.world = world
    this.management = world.cluster.client().management
    this.random = means.random
    this.network = means.network
    this.mayRescale = [...means.mayRescale]
  }

  async deploy(deployment: Deployment): Promise<void> {
    await this.tell('deploy', () => this.management.deploy(deployment, { by: 'sim', mode: 'replace' }))
  }

  async next(): Promise<void> {
    const dice = this.random.next()
    if (dice < 0.5) await this.scale()
    else if (dice < 0.8) await this.reconfigure()
    else await this.rollBack()
  }

  private async scale(): Promise<void> {
    const component = this.mayRescale[this.random.int(this.mayRescale.length)]
    const instances = 1 + this.random.int(3)
    if (component === undefined) return
    await this.tell(`scale ${component} to ${instances}`, () =>
      this.management.scale(this.network, component, instances, { by: 'sim' }),
    )
  }

  /** Another configuration for a component, which makes no difference to what it does. */
  private async reconfigure(): Promise<void> {
    await this.tell('reconfigure', async () => {
      const { version } = await this.management.desired(this.network)
      const { flat, kinds } = await this.management.version(this.network, version)
      const names = Object.keys(flat.components)
      const name = names[this.random.int(names.length)]!
      const known = flat.components[name]!
      const config = { ...known.config, step: this.random.int(1000) }
      const part = { ...flat, components: { ...flat.components, [name]: { ...known, config } } }
      return this.management.deploy({ part, kinds }, { by: 'sim', mode: 'replace' })
    })
  }

  private async rollBack(): Promise<void> {
    await this.tell('roll back', async () => {
      const { version } = await this.management.desired(this.network)
      const to = 1 + this.random.int(version)
      return this.management.rollback(this.network, asVersion(to), { by: 'sim' })
    })
  }

  private async tell(what: string, act: () => Promise<number | void>): Promise<void> {
    try {
      const version = await act()
      this.count++
      this.world.note('user', `${what}${version === undefined ? '' : `: version ${version}`}`)
    } catch (error) {
      const { message } = asError(error)
      this.world.note('user', `${what}: refused: ${message}`)
      if (!isVertigoError(error) || error.code === 'INTERNAL') this.world.violate(`${what}: ${message}`)
    }
  }
}
