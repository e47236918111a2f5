import type { Clock } from '../base/clock.ts'
import { VertigoError } from '../base/errors.ts'
import type { NewKeyedState, StateSettings } from '../state/keyed-state.ts'
import type { InstanceAssignment, ModuleAddress, WorkerAssignment } from './assignment.ts'
import { loadChannelParts } from './channel-parts.ts'
import { HostedInstance, type PreparedInstance } from './hosted.ts'
import type { InstanceHost } from './host.ts'
import type { Instance } from './instance.ts'
import type { Journals } from './journal/journals.ts'
import { makeInstance } from './make-instance.ts'
import { namedError } from './named-error.ts'
import type { Secrets } from './secrets.ts'
import { runSetups } from './setups.ts'
import type { Wiring } from './wiring.ts'

export interface PreparationMeans {
  readonly clock: Clock
  readonly load: (module: ModuleAddress) => Promise<unknown>
  readonly bridge?: object
  readonly journals?: Journals
  readonly check: 'edges' | 'all' | 'none'
  readonly setupMsMax: number
  readonly secrets: Secrets
  readonly states?: (settings: StateSettings) => Promise<NewKeyedState>
  readonly host: InstanceHost
  readonly wiring: Wiring
  /** The instance has been made: who begins it may have to close it. */
  readonly made: (hosted: HostedInstance) => void
  /** Before `setup` of an instance that is new: reads what it goes on from. */
  readonly restore: (hosted: HostedInstance) => Promise<void>
  /** The instance has been set up. */
  readonly ready: (hosted: HostedInstance) => void
}

/**
 * Prepares an assignment beside what runs: loads and sets up instances that are new, loads what channels need, and makes
 * the receiving ends that are new. What runs is not touched.
 */
export class Preparation {
  readonly assignment: WorkerAssignment
  /** By id: those that run, and those that an earlier preparation has begun. */
  private readonly known: (id: number) => HostedInstance | undefined
  private readonly means: PreparationMeans
  private readonly ending = new AbortController()
  private added: { readonly hosted: HostedInstance; readonly channels: readonly number[] }[] = []

  constructor(
    assignment: WorkerAssignment,
    known: (id: number) => HostedInstance | undefined,
    means: PreparationMeans,
  ) {
    this.assignment = assignment
    this.known = known
    this.means = means
  }

  get isSuperseded(): boolean {
    return this.ending.signal.aborted
  }

  /** A later one, or the worker's close, takes its place: `run` rejects. */
  supersede(): void {
    this.ending.abort(new VertigoError('STOPPED', 'the worker was closed while it was being prepared'))
  }

  /**
   * Errors name the component; the first one ends it, whatever the other instances still do. Whatever it ends by, the
   * channels that it has added are taken away; instances are their owner's to close.
   */
  async run(): Promise<readonly PreparedInstance[]> {
    try {
      const prepared = await this.forEach(this.assignment.instances, (assigned) => this.prepare(assigned))
      for (const each of prepared) this.addInputs(each)
      await this.forEach(this.assignment.instances, async (_, i) => {
        const { hosted } = prepared[i]!
        await hosted.setup(() => this.means.restore(hosted))
        if (!this.isSuperseded) this.means.ready(hosted)
      })
      this.ending.signal.throwIfAborted()
      return prepared
    } catch (error) {
      this.undo()
      throw error
    }
  }

  private async prepare(assigned: InstanceAssignment): Promise<PreparedInstance> {
    const { means } = this
    const known = this.known(assigned.id)
    const hosted = known ?? new HostedInstance(assigned, await this.make(assigned))
    const prepared = { hosted, assigned, parts: await loadChannelParts(assigned, means) }
    // Its successor makes its own: this one has not been set up, so there is nothing to close.
    this.ending.signal.throwIfAborted()
    if (known === undefined) means.made(hosted)
    return prepared
  }

  private async make(assigned: InstanceAssignment): Promise<Instance> {
    const { means } = this
    const { state, network, generation } = this.assignment
    const newKeyed = state && (await means.states?.(state))
    return makeInstance(assigned, means.host, { ...means, newKeyed, network, generation })
  }

  private addInputs(prepared: PreparedInstance): void {
    const { hosted } = prepared
    const { wiring } = this.means
    try {
      this.added.push({ hosted, channels: wiring.addInputs(prepared) })
      if (!hosted.hasConstants) wiring.addInitial(prepared)
      hosted.hasConstants = true
    } catch (error) {
      throw namedError(hosted.instance.place, 'could not be set up', error)
    }
  }

  private undo(): void {
    for (const { hosted, channels } of this.added) this.means.wiring.removeInputs(hosted, channels)
    this.added = []
  }

  private forEach<T>(
    instances: readonly InstanceAssignment[],
    action: (assigned: InstanceAssignment, i: number) => Promise<T>,
  ): Promise<readonly T[]> {
    const steps = instances.map((assigned, i) => {
      const place = `${assigned.component}[${assigned.instance}]`
      const run = async (): Promise<T> => {
        try {
          return await action(assigned, i)
        } catch (error) {
          throw this.means.secrets.hideInError(namedError(place, 'could not be set up', error))
        }
      }
      return { place, run }
    })
    const { clock, setupMsMax } = this.means
    return runSetups(steps, clock, setupMsMax, this.ending.signal)
  }
}
