import { VertigoError } from '../../base/errors.ts'
import type { ChannelLimits } from '../../messaging/limits.ts'
import type { FlatComponent, FlatConnection } from '../../model/flatten.ts'
import { guaranteeInCluster } from '../../model/guarantee.ts'
import { parsePortRef, type PortRef, selectorSpec } from '../../model/network.ts'
import { nowhere, type WorkerAssignment } from '../../worker/assignment.ts'
import {
  constantTarget,
  type Draft,
  type DraftPlace,
  makeDraft,
  makeInput,
  makeOutput,
  routingKeyOf,
  workersOf,
} from '../../worker/assignment-parts.ts'
import { withCycles } from './cycles.ts'
import { channelNumber } from '../protocol/channels.ts'
import { keyedConnections } from '../protocol/connection-key.ts'
import type { VersionRecord } from '../protocol/network-record.ts'
import { keepsJournal } from '../protocol/on-disks.ts'
import type { NetworkVersion } from '../protocol/numbers.ts'
import type { Plan, PlannedInstance } from '../protocol/plan.ts'

/**
 * What each worker of a plan is to host. Pure: every agent computes the same from the same plan.
 *
 * - AS-1 Both ends of every channel are in the assignments, and agree; its number is made of its connection and both ends.
 * - AS-2 Instances that stay are connected as the plan's version says, whatever version they were written in.
 * - AS-3 Instances that drain are connected as their own version says, which is the last one in which they stayed. Their sources are those that drain, since whoever
 *   stays has ended its channels to them. They send to those that stay, where these take it; else to those that drain.
 * - AS-5 Nobody is connected to what has drained since before itself: a channel that was ended is not made again.
 * - AS-4 A target that is not placed at the moment has a place in its sources' outputs, where what is sent to it waits.
 */
export interface AssignmentLimits {
  readonly limits?: Partial<ChannelLimits>
  readonly emitPerMessageMax?: number
}

/** `versions`: the plan's own, and those that its instances are written in. */
export function assignmentsOf(
  plan: Plan,
  versions: ReadonlyMap<NetworkVersion, VersionRecord>,
  limits: AssignmentLimits = {},
): WorkerAssignment[] {
  return new Assignments(plan, versions).make(limits)
}

interface Connected {
  readonly number: number
  readonly key: string
  readonly connection: FlatConnection
  readonly from: PortRef
  readonly to: PortRef
}

/** A version, as instances take part in it. */
interface Version {
  readonly record: VersionRecord
  readonly connections: readonly Connected[]
}

interface Member {
  readonly planned: PlannedInstance
  readonly draft: Draft
  /** By which it is connected. */
  readonly version: Version
}

class Assignments {
  private readonly plan: Plan
  private readonly versions = new Map<NetworkVersion, Version>()
  private readonly current: Version
  /** Components some of whose sources are not placed. */
  private readonly awaiting: ReadonlySet<string>
  /** Components of which some sources have finished, and have no place any more. */
  private readonly bereft: ReadonlySet<string>
  private readonly members: readonly Member[]
  /** Of each component, by the number of the copy. */
  private readonly staying = new Map<string, Map<number, Member>>()
  private readonly draining = new Map<string, Member[]>()

  constructor(plan: Plan, records: ReadonlyMap<NetworkVersion, VersionRecord>) {
    this.plan = plan
    for (const version of new Set([plan.version, ...plan.instances.map((instance) => instance.version)])) {
      this.versions.set(version, versionOf(plan, version, records.get(version)))
    }
    this.current = this.versions.get(plan.version)!
    this.awaiting = awaitingComponents(plan, this.current)
    this.bereft = bereftComponents(plan, this.current)
    this.members = plan.instances.map((planned) => this.makeMember(planned))
    for (const member of this.members) this.list(member)
  }

  make(limits: AssignmentLimits): WorkerAssignment[] {
    for (const member of this.members) this.connect(member)
    this.addInitial()
    const { network, generation, workers } = this.plan
    const drafts = this.members.map(({ draft }) => draft)
    const numbers = workers.map(({ worker }) => worker)
    const { flat } = this.current.record
    const { state } = flat
    const about = {
      network,
      generation,
      ...limits,
      guarantee: guaranteeInCluster(flat),
      ...(state && { state }),
    }
    return withCycles(workersOf(numbers, drafts, about), drafts)
  }

  private makeMember(planned: PlannedInstance): Member {
    const { id, component, index, worker, draining } = planned
    const written = this.versions.get(planned.version)!
    const definition = written.record.flat.components[component]
    if (definition === undefined) {
      throw inconsistent(this.plan, `version ${planned.version} has no component "${component}"`)
    }
    const draft = makeDraft(component, definition, {
      id,
      instance: index,
      of: definition.instances ?? 1,
      worker,
      draining,
      awaitsSources: !draining && this.awaiting.has(component),
      hasDoneSources: !draining && this.bereft.has(component),
      ...(!draining && this.journalOf(planned)),
    })
    return { planned, draft, version: draining ? written : this.current }
  }

  /** The planner knows who has one. */
  private journalOf({ component, index }: PlannedInstance): Pick<DraftPlace, 'journal'> {
    const home = this.plan.homes?.find((one) => one.component === component && one.index === index)
    if (home === undefined || !keepsJournal(this.current.record, component)) return {}
    const { components, journal } = this.current.record.flat
    const { folder, bytesMax } = journal ?? {}
    const copies = components[component]?.instances ?? 1
    const left = (this.plan.homes ?? []).filter(
      (one) => one.component === component && one.index >= copies && one.index % copies === index,
    )
    return {
      journal: {
        life: home.life,
        ...(left.length > 0 && { left: left.map((one) => ({ instance: one.index, life: one.life })) }),
        ...(folder !== undefined && { folder }),
        ...(bytesMax !== undefined && { bytesMax }),
      },
    }
  }

  private list(member: Member): void {
    const { component, index, draining } = member.planned
    if (draining) {
      const others = this.draining.get(component) ?? []
      this.draining.set(component, [...others, member])
      return
    }
    const copies = this.staying.get(component) ?? new Map<number, Member>()
    this.staying.set(component, copies.set(index, member))
  }

  private connect(source: Member): void {
    const { component, id } = source.planned
    const { record, connections } = source.version
    const isEdge = record.kinds[component]?.role === 'source'
    for (const { number, key, connection, from, to } of connections) {
      if (from.component !== component) continue
      const channels = this.targets(source, connection, to).map((target, i) => {
        if (target === undefined) return { channel: i, toWorker: nowhere }
        const channel = channelNumber(number, id, target.planned.id)
        const name = `${key} [${source.planned.index}] [${target.planned.index}]`
        const of = { worker: source.planned.worker, id, isEdge, name }
        target.draft.inputs.push(makeInput(connection, channel, to.port, of))
        return { channel, toWorker: target.planned.worker }
      })
      source.draft.outputs.push(makeOutput(connection, { number, name: key }, from.port, channels))
    }
  }

  /** AS-3, AS-4: undefined for a copy that is not placed. */
  private targets(source: Member, connection: FlatConnection, to: PortRef): readonly (Member | undefined)[] {
    const copies = this.staying.get(to.component)
    const wanted = this.current.record.flat.components[to.component]
    const mayStay =
      !source.planned.draining || [...(copies?.values() ?? [])].some((it) => this.takes(it, source, to))
    if (wanted !== undefined && mayStay) {
      const all = Array.from({ length: wanted.instances ?? 1 }, (_, i) => copies?.get(i))
      return needsEveryCopy(connection) ? all : placedOrOne(all)
    }
    return this.drainingTargets(source, to)
  }

  /** Whether an instance that stays takes what a source that drains sends to this port. */
  private takes(target: Member, source: Member, to: PortRef): boolean {
    if (target.planned.version <= source.planned.version) return true
    const { component } = to
    const before = source.version.record.flat.components[component]
    if (sameText(before, this.current.record.flat.components[component])) return true
    return this.current.connections.some(
      (connected) => connected.to.component === to.component && connected.to.port === to.port,
    )
  }

  /** Of each copy the latest, where several drain. */
  private drainingTargets(source: Member, to: PortRef): readonly Member[] {
    const latest = new Map<number, Member>()
    for (const member of this.draining.get(to.component) ?? []) {
      const takes = member.version.connections.some(
        (connected) => connected.to.component === to.component && connected.to.port === to.port,
      )
      if (!takes) continue
      if (hasLetGo(source.planned, member.planned)) continue
      const known = latest.get(member.planned.index)
      if (known === undefined || isLater(member.planned, known.planned)) {
        latest.set(member.planned.index, member)
      }
    }
    return [...latest].toSorted(([a], [b]) => a - b).map(([, member]) => member)
  }

  private addInitial(): void {
    const { flat, kinds } = this.current.record
    for (const { to: at, value } of flat.initial ?? []) {
      const to = parsePortRef(at)!
      const copies = this.staying.get(to.component)
      const key = routingKeyOf(flat, at, kinds[to.component]?.keyedState ?? false)
      const target = copies?.get(constantTarget(value, key, wantedIn(this.current, to.component)))
      target?.draft.initial.push({ port: to.port, value, ...key })
    }
  }
}

function versionOf(plan: Plan, version: NetworkVersion, record: VersionRecord | undefined): Version {
  if (record === undefined) throw inconsistent(plan, `version ${version} is not known`)
  const connections = keyedConnections(record.flat.connections).flatMap(({ key, connection }) => {
    const number = plan.connections[key]
    // Of an older version the plan has those only that what drains takes part in (PL-4).
    if (number === undefined && version !== plan.version) return []
    if (number === undefined) throw inconsistent(plan, `the connection ${key} has no number`)
    const from = parsePortRef(connection.from)!
    const to = parsePortRef(connection.to)!
    return [{ number, key, connection, from, to }]
  })
  return { record, connections }
}

function wantedIn(version: Version, component: string): number {
  return version.record.flat.components[component]?.instances ?? 1
}

function awaitingComponents(plan: Plan, current: Version): ReadonlySet<string> {
  const placed = new Map<string, number>()
  for (const { component, draining } of plan.instances) {
    if (!draining) placed.set(component, (placed.get(component) ?? 0) + 1)
  }
  // What has finished is not started again: nobody waits for it.
  for (const { component } of plan.done) placed.set(component, (placed.get(component) ?? 0) + 1)
  const awaiting = current.connections.filter(
    ({ from }) => (placed.get(from.component) ?? 0) < wantedIn(current, from.component),
  )
  return new Set(awaiting.map(({ to }) => to.component))
}

function bereftComponents({ done }: Plan, { connections }: Version): ReadonlySet<string> {
  const gone = new Set(done.map(({ component }) => component))
  return new Set(connections.filter(({ from }) => gone.has(from.component)).map(({ to }) => to.component))
}

/** Whether each message has one copy that it belongs to, or goes to all. */
function needsEveryCopy(connection: FlatConnection): boolean {
  const { type } = selectorSpec(connection.selector)
  return type === 'hash' || type === 'all' || type === 'custom'
}

/** Whoever is there takes part; where nobody is, one place is left for who comes first. */
function placedOrOne(all: readonly (Member | undefined)[]): readonly (Member | undefined)[] {
  const placed = all.filter((target) => target !== undefined)
  return placed.length > 0 ? placed : [undefined]
}

/** A component that is written as before is the same kind, with the same ports. */
function sameText(a: FlatComponent | undefined, b: FlatComponent | undefined): boolean {
  return a !== undefined && b !== undefined && JSON.stringify(a) === JSON.stringify(b)
}

function isLater(a: PlannedInstance, b: PlannedInstance): boolean {
  return a.version > b.version || (a.version === b.version && a.id > b.id)
}

/**
 * The target began to drain while the source stayed, which ended its channels to it then; it may have come to its end since
 * (AS-5).
 */
function hasLetGo(source: PlannedInstance, target: PlannedInstance): boolean {
  return (target.drainingSince ?? Infinity) < (source.drainingSince ?? 0)
}

function inconsistent(plan: Plan, what: string): VertigoError {
  return new VertigoError(
    'INTERNAL',
    `generation ${plan.generation} of network "${plan.network}" cannot be assigned: ${what}`,
  )
}
