import { CheckedCluster, type CheckedClusterOptions } from '../../../src/testkit/cluster/checked-cluster.ts'
import type { WatchedLife } from '../../../src/testkit/cluster/life.ts'
import type { WatchedWorker } from '../../../src/testkit/cluster/watcher.ts'
import type { Kind } from '../../../src/component/kind.ts'
import type { Hooks } from '../../../src/component/hooks.ts'
import type { ChannelLimits } from '../../../src/messaging/limits.ts'
import type { PartReport, SnapshotBegin, SnapshotCommand } from '../../../src/snapshot/part.ts'
import type { InstanceAssignment, ModuleAddress, WorkerAssignment } from '../../../src/worker/assignment.ts'
import type { Outside } from './intake.ts'
import { SnapshotChecks } from './snapshot-checks.ts'
import type { Target } from './target.ts'
import type { Trees } from './trees.ts'

export interface ExactWorldOptions extends CheckedClusterOptions {
  readonly kinds: ReadonlyMap<string, Kind>
  /** What sinks publish to. */
  readonly target: Target
  /** What sources receive that cannot rewind. */
  readonly outside: Outside
  /** What sources hear that track. */
  readonly trees: Trees
  /** Of all channels; small ones are full soon. */
  readonly limits?: Partial<ChannelLimits>
  /** The violation that is looked for, where one is. */
  readonly until?: RegExp
}

const own = 'sim-hook:'
const violationsMax = 20

/** A checked cluster whose networks have snapshots. What they compute is compared at their end; what is checked meanwhile is `SnapshotChecks`. */
export class ExactWorld extends CheckedCluster {
  readonly violations: string[] = []
  readonly snapshots: SnapshotChecks
  /** What is looked for has been seen. */
  isFound = false
  readonly kinds: ReadonlyMap<string, Kind>
  readonly target: Target
  readonly outside: Outside
  readonly trees: Trees
  private readonly limits: Partial<ChannelLimits>
  private readonly until: RegExp | undefined

  constructor(options: ExactWorldOptions) {
    super({ ...options, takesSnapshots: true })
    this.kinds = options.kinds
    this.target = options.target
    this.outside = options.outside
    this.trees = options.trees
    this.limits = options.limits ?? {}
    this.until = options.until
    this.snapshots = new SnapshotChecks(this)
  }

  /** Of what runs, as far as faults are to know of it. */
  *allLives(): Iterable<WatchedLife> {
    for (const [network, { plan }] of this.checks.view.networks)
      for (const { id, component, index } of plan?.value.instances ?? [])
        yield { id, network, component, index, state: 'lives', endedBecause: '' }
  }

  /** Whatever becomes of an instance, its network goes back to its snapshot. */
  life(): undefined {
    return undefined
  }

  snapshotTold(worker: WatchedWorker, command: SnapshotCommand): void {
    this.snapshots.told(worker, command)
  }

  partTold({ end }: WatchedWorker, report: PartReport): void {
    if (report.type === 'part-late') this.snapshots.late++
    const what = report.type === 'part-failed' ? `: ${report.error.message}` : ''
    this.note(end.node, `${report.type} of snapshot ${report.snapshot}, instance ${report.instance}${what}`)
  }

  partAsked(manager: string, network: string, begin: SnapshotBegin): { readonly over: () => void } {
    return this.snapshots.asked(manager, network, begin)
  }

  protected hasWorked(): boolean {
    return false
  }

  protected livesIn(): WatchedLife[] {
    return []
  }

  protected keep(violation: string): void {
    const isWanted = this.until?.test(violation) === true
    this.isFound ||= isWanted
    if (this.violations.length < violationsMax || isWanted) this.violations.push(violation)
  }

  protected async load({ address }: ModuleAddress): Promise<unknown> {
    if (!address.startsWith(own)) return this.kinds.get(address)
    const [what, place] = address.slice(own.length).split('|') as ['life' | 'receive', string]
    if (what === 'receive') return this.receiving(place)
    if (this.unsetupable.has(place)) throw new Error(`${place} cannot be set up, on purpose`)
    return { onStart: () => undefined } satisfies Hooks
  }

  protected localize(assignment: WorkerAssignment): WorkerAssignment {
    const { network } = assignment
    return {
      ...assignment,
      limits: { ...assignment.limits, ...this.limits },
      instances: assignment.instances.map((one) => hooked(one, `${network}/${one.component}`)),
    }
  }

  private receiving(place: string): Hooks {
    return {
      onReceive: () => {
        if (this.throwing.delete(place)) throw new Error(`a message for ${place} that fails, on purpose`)
      },
    }
  }
}

function hooked(one: InstanceAssignment, place: string): InstanceAssignment {
  const hook = (what: string): ModuleAddress => ({ address: `${own}${what}|${place}`, base: own })
  return {
    ...one,
    hooks: [hook('life'), ...one.hooks],
    inputs: one.inputs.map((input) => ({ ...input, hooks: [hook('receive'), ...input.hooks] })),
  }
}
