import { assert } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import { VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { didYouMean } from '../../base/suggest.ts'
import type { FlatNetwork } from '../../model/flatten.ts'
import type { Network } from '../../model/network.ts'
import { get, isMissing, isUnchanged, put, removeRange } from '../../store/operations.ts'
import { compareAndSet, conflict } from '../../store/recipes/index.ts'
import type { Entry, Store } from '../../store/store.ts'
import {
  asVersion,
  type ClusterKeys,
  DecodedRecords,
  type DesiredNetwork,
  begunWith,
  desiredRecord,
  endingVersion,
  isHeldBack,
  type NetworkVersion,
  openRecord,
  outcomeRecord,
  planRecord,
  readyRecord,
  type VersionRecord,
  versionRecord,
} from '../protocol/index.ts'
import { ChangeChecks } from './change-checks.ts'
import { deployed, type Deployment, scaled, undeployed, type VersionContent } from './deployment.ts'
import { readUndeployed, undeployedFacts } from './ending.ts'
import { ImportedSnapshots } from './imported-snapshots.ts'
import { lastAborted, lineageFault } from './snapshot-records.ts'
import type { GoOnFrom } from './going-on.ts'
import { Snapshots } from './snapshots.ts'
import { type NetworkRecords, type NetworkStatus, networkStatus } from './status.ts'

/** Who looks at a status looks again and again, and plans are large. */
const plansKept = 16

/**
 * Everything that users ask of a cluster about its networks, as changes of what is desired, in the store. It works without
 * any node: the manager finds what was written when there is one.
 *
 * - MA-1 A change is one transaction: the new version, and that it is wanted. Nobody sees one without the other.
 * - MA-2 Versions of a network are numbered without gaps, in the store's order; a change is made for the version that was
 *   read, or is made anew for the one that came in between.
 * - MA-3 What does not fit is refused before anything is written.
 */
export class Management {
  private readonly store: Store
  private readonly keys: ClusterKeys
  private readonly clock: Clock
  private readonly random: Random
  readonly snapshots: Snapshots
  readonly imports: ImportedSnapshots
  private readonly checks: ChangeChecks
  private readonly plans = new DecodedRecords(planRecord, plansKept)

  constructor(store: Store, keys: ClusterKeys, { clock, random }: { clock: Clock; random: Random }) {
    this.store = store
    this.keys = keys
    this.clock = clock
    this.random = random
    this.snapshots = new Snapshots(store, keys, { clock, random })
    this.imports = new ImportedSnapshots(store, keys, { clock, random })
    this.checks = new ChangeChecks(store, keys, this.snapshots)
  }

  /** Gives the version that holds it: a new one, or the current one where nothing changes. */
  deploy(deployment: Deployment, options: DeployOptions): Promise<NetworkVersion> {
    const { mode = 'merge', bare = false, ...call } = options
    const { name } = deployment.part
    return this.change(
      name,
      { ...call, change: mode === 'merge' ? 'deploy' : 'deploy (replace)' },
      (current) => deployed(current, deployment, { mode, bare }),
    )
  }

  /** Takes a part out; the rest runs on. Errors: NETWORK_UNKNOWN, NETWORK_INVALID, CLUSTER_CHANGE_CONFLICT. */
  undeployPart(part: Network, options: ChangeOptions): Promise<NetworkVersion> {
    return this.change(part.name, { ...options, change: 'undeploy a part' }, async (current) =>
      undeployed(await this.there(part.name, current), part),
    )
  }

  /** Ends a network: sources end, what is on its way is handled, then everything stops. Errors: NETWORK_UNKNOWN. */
  async undeploy(name: string, options: CallOptions = {}): Promise<void> {
    await this.setGoal(name, 'stop', options)
  }

  /** Errors: NETWORK_UNKNOWN, COMPONENT_UNKNOWN, USAGE, NETWORK_TOO_LARGE. */
  scale(name: string, component: string, instances: number, options: ChangeOptions): Promise<NetworkVersion> {
    return this.change(name, { ...options, change: `scale ${component} to ${instances}` }, async (current) =>
      scaled(await this.there(name, current), component, instances),
    )
  }

  /** Makes a new version with the content of an older one. Errors: NETWORK_UNKNOWN, VERSION_UNKNOWN. */
  async rollback(name: string, to: NetworkVersion, options: PlacedOptions): Promise<NetworkVersion> {
    const older = await this.version(name, to)
    return this.change(name, { ...options, change: `roll back to version ${to}` }, async (current) => {
      await this.there(name, current)
      return current?.version === to ? undefined : { flat: older.flat, kinds: older.kinds }
    })
  }

  /** Names of all networks, in their order. */
  async list(options: CallOptions = {}): Promise<readonly string[]> {
    const { entries } = await this.store.range(this.keys.networks, { ...options, damaged: 'tell' })
    const names = entries
      .filter(({ key }) => key.endsWith('/desired'))
      .map(({ key }) => this.keys.networkOf(key))
    return [...new Set(names.filter((name) => name !== undefined))]
  }

  /** Errors: NETWORK_UNKNOWN. */
  async status(name: string, options: CallOptions = {}): Promise<NetworkStatus> {
    return networkStatus(await this.records(name, options))
  }

  /** Newest first. Errors: NETWORK_UNKNOWN. */
  async versions(name: string, options: CallOptions = {}): Promise<readonly VersionRecord[]> {
    const { entries } = await this.store.range(this.keys.network(name).versions, options)
    if (entries.length === 0) throw await this.unknown(name)
    return entries.map((entry) => versionRecord.decode(entry)).toReversed()
  }

  /** Errors: NETWORK_UNKNOWN, VERSION_UNKNOWN. */
  async version(name: string, version: NetworkVersion, options: CallOptions = {}): Promise<VersionRecord> {
    const { entry } = await this.store.get(this.keys.network(name).version(version), options)
    if (entry !== undefined) return versionRecord.decode(entry)
    const { version: newest } = await this.desired(name, options)
    throw new VertigoError(
      'VERSION_UNKNOWN',
      `The network "${name}" has no version ${version}; its newest is ${newest}.`,
    )
  }

  /** What is wanted of a network. Errors: NETWORK_UNKNOWN. */
  async desired(name: string, options: CallOptions = {}): Promise<DesiredNetwork> {
    const { entry } = await this.store.get(this.keys.network(name).desired, options)
    if (entry === undefined) throw await this.unknown(name)
    return desiredRecord.decode(entry)
  }

  private async records(name: string, options: CallOptions): Promise<NetworkRecords> {
    const keys = this.keys.network(name)
    const { results } = await this.store.transact(
      { then: [get(keys.desired), get(keys.plan), get(keys.open), get(keys.outcome)] },
      options,
    )
    const [desired, plan, open, outcome] = results.map((result) =>
      result.type === 'get' ? result.entry : undefined,
    )
    if (desired === undefined) throw await this.unknown(name)
    const decodedPlan = plan && this.plans.decode(plan)
    const ready =
      decodedPlan === undefined
        ? []
        : (await this.store.range(keys.readyOf(decodedPlan.generation), options)).entries
    const { committed, damaged } = await this.snapshots.last(name, options)
    const facts = {
      desired: desiredRecord.decode(desired),
      plan: decodedPlan,
      outcome: outcome && outcomeRecord.decode(outcome),
    }
    return {
      name,
      ...(await undeployedFacts(this.store, keys, facts, options)),
      open: open && openRecord.decode(open),
      ready: ready.map((entry) => readyRecord.decode(entry)),
      committed,
      damaged: damaged ?? (await lineageFault(this.store, keys.snapshots, options)),
      aborted: await lastAborted(this.store, keys.snapshots, options),
    }
  }

  private change(
    name: string,
    options: PlacedOptions & { readonly change: string; readonly from?: DeployOptions['from'] },
    next: (current: VersionRecord | undefined) => Promise<VersionContent | undefined>,
  ): Promise<NetworkVersion> {
    const { by, change, expected, from, discardState = [], anew: isAsked = false, place, ...call } = options
    const keys = this.keys.network(name)
    const contention = {
      clock: this.clock,
      random: this.random,
      signal: call.signal,
      what: `The network "${name}"`,
    }
    return compareAndSet(contention, async () => {
      const { current, desired, isOver, isAtEnd, isHeld, isEnding, outcome } = await this.current(name, call)
      if (expected !== undefined && expected !== (current?.version ?? 0))
        throw notCurrent(name, expected, current?.version)
      const before = desired && desiredRecord.decode(desired)
      const isStopped = before?.goal === 'stop'
      const changed = await next(isStopped ? undefined : current)
      const isGoneBack = from !== undefined || discardState.length > 0
      const isAnew = isOver || isHeld || isAsked || isGoneBack
      if (changed === undefined && current !== undefined && !isAnew) return current.version
      // The same as a new version is how one tries again what was refused, has failed, was finished or is held back.
      const content = changed ?? current
      assert(content !== undefined, 'nothing changes only where something is')
      await place?.(content.flat)
      const version = asVersion((current?.version ?? 0) + 1)
      const goneBack = isGoneBack
        ? await this.snapshots.goingOnFrom(
            name,
            { ...content, version },
            { from, discardState, beginsAfresh: isStopped || isEnding },
            call,
          )
        : undefined
      const chosen = goneBack?.snapshot
      // What begins afresh has nothing to do with where it was; what failed, or goes on from a snapshot, does.
      const isAfresh = (isStopped || isEnding || isAtEnd) && chosen === undefined
      await this.checks.files(content, isAfresh ? undefined : current, call)
      const followsEnd = isEnding && chosen === undefined
      if (!isStopped && !followsEnd) await this.checks.snapshot(name, content, { chosen, discardState }, call)
      const nowMs = this.clock.now()
      const wanted: DesiredNetwork = {
        version,
        goal: 'run',
        changedAtMs: nowMs,
        // Who names a snapshot does not wait for what goes on from another one, or from none.
        ...(chosen === undefined && begunWith({ before, version, isUndeployed: isStopped })),
        ...((isAsked || (isHeld && changed === undefined)) && { anew: true }),
      }
      const record = versionRecord.encode({
        version,
        flat: content.flat,
        kinds: content.kinds,
        createdAtMs: nowMs,
        by,
        change,
      })
      const { succeeded } = await this.store.transact(
        {
          compare: [
            isUnchanged(keys.desired, desired),
            isMissing(keys.version(version)),
            // Where the end has come meanwhile, what is deployed may have gone on from there.
            ...(followsEnd ? [isUnchanged(keys.outcome, outcome)] : []),
            ...(goneBack?.compare ?? []),
          ],
          then: [
            put(keys.version(version), record),
            put(keys.desired, desiredRecord.encode(wanted)),
            ...(goneBack?.then ?? []),
          ],
        },
        { ...call, repeat: 'once' },
      )
      return succeeded ? version : conflict
    })
  }

  private async setGoal(name: string, goal: 'run' | 'stop', call: CallOptions): Promise<void> {
    const keys = this.keys.network(name)
    const contention = {
      clock: this.clock,
      random: this.random,
      signal: call.signal,
      what: `The network "${name}"`,
    }
    await compareAndSet(contention, async () => {
      const { entry } = await this.store.get(keys.desired, call)
      if (entry === undefined) throw await this.unknown(name)
      const before = desiredRecord.decode(entry)
      const { version } = before
      if (before.goal === goal) return true
      const begun = begunWith({ before, version, isUndeployed: false })
      const value = desiredRecord.encode({ version, goal, changedAtMs: this.clock.now(), ...begun })
      const { succeeded } = await this.store.transact(
        { compare: [isUnchanged(keys.desired, entry)], then: [put(keys.desired, value)] },
        { ...call, repeat: 'once' },
      )
      return succeeded ? true : conflict
    })
  }

  /** Takes all traces of a network that has stopped out of the store. Errors: NETWORK_UNKNOWN, NETWORK_RUNS. */
  async forget(name: string, call: CallOptions = {}): Promise<void> {
    const keys = this.keys.network(name)
    // Read first: a change after it is in the status, or makes the transaction fail.
    const { entry } = await this.store.get(keys.desired, call)
    const { state } = await this.status(name, call)
    if (state !== 'stopped' && state !== 'finished' && state !== 'failed')
      throw new VertigoError('NETWORK_RUNS', `The network "${name}" is ${state}.`)
    const { succeeded } = await this.store.transact(
      { compare: [isUnchanged(keys.desired, entry)], then: [removeRange(keys.prefix)] },
      { ...call, repeat: 'once' },
    )
    if (!succeeded) throw new VertigoError('NETWORK_RUNS', `The network "${name}" was changed meanwhile.`)
  }

  private async current(name: string, call: CallOptions): Promise<Current> {
    const keys = this.keys.network(name)
    const read = await readUndeployed(this.store, keys, call, (plan) => this.plans.decode(plan))
    if (read.facts === undefined) return nothingThere
    const { desired, outcome, plan } = read.facts
    const { version } = desired
    const isEnding = endingVersion(read.facts) !== undefined
    const isOver = outcome?.version === version && outcome.state !== 'running'
    return {
      current: await this.version(name, version, call),
      desired: read.desired,
      isOver,
      isAtEnd: isOver && (outcome.state === 'stopped' || outcome.state === 'finished'),
      isHeld: !isEnding && plan !== undefined && isHeldBack(plan),
      isEnding,
      outcome: read.outcome,
    }
  }

  private async there(name: string, current: VersionRecord | undefined): Promise<VersionRecord> {
    if (current === undefined) throw await this.unknown(name)
    return current
  }

  private async unknown(name: string): Promise<VertigoError> {
    const near = didYouMean(name, await this.list())
    return new VertigoError('NETWORK_UNKNOWN', `There is no network "${name}" in the cluster.${near}`)
  }
}

interface Current {
  readonly current: VersionRecord | undefined
  readonly desired: Entry | undefined
  /** The current version was refused, or has ended. */
  readonly isOver: boolean
  /** It was stopped, or has finished: what is deployed now begins afresh, unless it goes on from a snapshot. */
  readonly isAtEnd: boolean
  /** Something of it is, until somebody says that it may be tried again. */
  readonly isHeld: boolean
  /** It has not begun: what was undeployed before it still comes to its end (DE-9). */
  readonly isEnding: boolean
  readonly outcome: Entry | undefined
}

const nothingThere: Current = {
  current: undefined,
  desired: undefined,
  isOver: false,
  isAtEnd: false,
  isHeld: false,
  isEnding: false,
  outcome: undefined,
}

export interface CallOptions {
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface ChangeOptions extends CallOptions {
  /** Who asks, for the list of versions: a user's or a program's name. */
  readonly by: string
  /** Only if this is the current version (0: only if there is no such network). Errors: CLUSTER_CHANGE_CONFLICT. */
  readonly expected?: number
  /**
   * Components that nodes have died with are given to nodes again, as if that had not been. Default: where the same is
   * deployed again while one of them is held back.
   */
  readonly anew?: boolean
  /**
   * Components that begin afresh, without their state and what was on its way to them, while the rest goes on from the snapshot. Errors:
   * COMPONENT_UNKNOWN, SNAPSHOT_UNKNOWN where there is none.
   */
  readonly discardState?: readonly string[]
}

/** Of changes after which a network may need snapshots that needed none before. */
export interface PlacedOptions extends ChangeOptions {
  /** MA-3: rejects where the snapshots of what comes of it have no place. Default: that is for its first snapshot to find out. */
  readonly place?: (network: FlatNetwork) => Promise<void>
}

export interface DeployOptions extends PlacedOptions {
  /** Default `merge`. */
  readonly mode?: 'merge' | 'replace'
  /** A new network may be without components. Default false. */
  readonly bare?: boolean
  /**
   * Goes on from a snapshot of the network, by its name or number. Errors: SNAPSHOT_UNKNOWN; SNAPSHOT_REPEATS where it is not the last one
   * and `acceptDuplicates` is not given.
   */
  readonly from?: GoOnFrom
}

function notCurrent(name: string, expected: number, current: number | undefined): VertigoError {
  const now = current === undefined ? 'there is none' : `it is ${current}`
  return new VertigoError(
    'CLUSTER_CHANGE_CONFLICT',
    `The change of "${name}" was made for version ${expected}; ${now}.`,
  )
}
