import type { VertigoError } from '../../base/errors.ts'
import {
  type AbortedSnapshot,
  type ComponentFailures,
  deathsError,
  endingVersion,
  type ErrorText,
  failingNow,
  isSnapshotsDamaged,
  type NetworkView,
  type NodeId,
  type OpenRecord,
  type Plan,
  type PlannedInstance,
  type ReadyRecord,
  type SnapshotRecord,
  standstill,
  type UndeployedFacts,
  type WaitingInstance,
} from '../protocol/index.ts'

/**
 * - `deploying`: a plan is carried out; what ran before still runs
 * - `running`: the newest plan is open
 * - `holding`: something failed; nothing is emitted until the next generation is open
 * - `waiting`: all that has a place runs; some instances cannot be placed; `waiting` says why
 * - `failed`: given up; `error` says why, or `refused` where it never ran. Deploying again tries again
 * - `finished`: all sources have ended and everything was handled
 * - `stopping`, `stopped`: undeployed
 */
export type NetworkState =
  'deploying' | 'running' | 'holding' | 'waiting' | 'failed' | 'finished' | 'stopping' | 'stopped'

export type InstanceState = 'starting' | 'ready' | 'running' | 'draining' | 'finished' | 'failed' | 'waiting'

export interface InstanceStatus {
  readonly component: string
  readonly index: number
  /** Absent while it waits for a place. */
  readonly node?: NodeId
  readonly worker?: number
  readonly state: InstanceState
  /** Why it waits, or the error that it failed with. */
  readonly reason?: string
  /** Of one that waits for a place: since when, by the wall clock. Absent where nobody has noted it. */
  readonly sinceMs?: number
  /**
   * Of one that waits and has a journal on a node: what it acknowledged until then is in the last snapshot; what it acknowledged later is in that
   * journal only, so nobody else knows how much that is. 0: there is no snapshot. Absent for all others, and where only what changes seldom is told.
   */
  readonly savedUntilMs?: number
}

/** Of a network that takes them. */
export interface SnapshotStatus {
  /** The last one that was committed. Absent: none yet, or where only what changes seldom is told. */
  readonly last?: Pick<SnapshotRecord, 'id' | 'committedAtMs' | 'tookMs' | 'bytes'>
  /** Since then, each has come to nothing. */
  readonly failing?: {
    readonly sinceMs: number
    readonly times: number
    readonly code: string
    readonly reason: string
    readonly remedy?: string
  }
  /** The record of the last one cannot be read: none are taken, and the network stands as soon as something of it fails or changes. */
  readonly damaged?: ErrorText
}

export interface NetworkStatus {
  readonly name: string
  readonly state: NetworkState
  /** The version that is wanted, and the generation of the newest plan. */
  readonly version: number
  readonly generation: number
  /** The newest version was refused, and the one before runs on. */
  readonly refused?: { readonly version: number; readonly error?: ErrorText }
  /**
   * What was undeployed when this version was deployed, and comes to its end before that begins (DE-9): `stopping`, or `stopped` with
   * what there is to know of its end, until the version is open. Absent: there is nothing of it any more, and nothing to know.
   */
  readonly before?: {
    readonly version: number
    readonly state: 'stopping' | 'stopped'
    readonly error?: ErrorText
  }
  /** Why it has failed; or what there is to know of the end of one that was stopped. */
  readonly error?: ErrorText
  readonly failures: readonly ComponentFailures[]
  /** Absent: none are taken. */
  readonly snapshots?: SnapshotStatus
  readonly instances: readonly InstanceStatus[]
}

/** What the store holds of a network. */
export interface NetworkRecords extends UndeployedFacts {
  readonly name: string
  readonly open: OpenRecord | undefined
  /** Of the plan's generation. */
  readonly ready: readonly ReadyRecord[]
  readonly committed?: SnapshotRecord | undefined
  /** What is wrong with it. */
  readonly damaged?: VertigoError | undefined
  readonly aborted?: AbortedSnapshot | undefined
}

/**
 * The same from what an observer of the cluster knows; undefined where there is no such network. Without the last snapshot: there is another
 * one every moment.
 */
export function statusInView(view: NetworkView | undefined): NetworkStatus | undefined {
  if (view?.desired === undefined) return undefined
  const plan = view.plan?.value
  return networkStatus({
    name: view.name,
    desired: view.desired.value,
    plan,
    open: view.open?.value,
    outcome: view.outcome?.value,
    versions: new Map(Array.from(view.versions, ([number, { value }]) => [number, value])),
    ready: plan === undefined ? [] : view.readyOf(plan.generation),
    aborted: failingNow(view.snapshots),
    damaged: isSnapshotsDamaged(view) ? standstill(view) : undefined,
  })
}

export function networkStatus(records: NetworkRecords): NetworkStatus {
  const { name, desired, plan, outcome } = records
  const refused = outcome?.state === 'refused' ? outcome : undefined
  const isEnd = outcome?.state === 'failed' || isStopped(records)
  const ended = isEnd && outcome?.version === desired.version ? outcome : undefined
  return {
    name,
    state: networkState(records),
    version: desired.version,
    generation: plan?.generation ?? 0,
    ...(refused && {
      refused: { version: refused.version, ...(refused.error && { error: refused.error }) },
    }),
    ...beforeOf(records),
    ...(ended?.error && { error: ended.error }),
    failures: plan === undefined ? [] : failuresOf(plan, records.open),
    ...snapshotsOf(records),
    instances: plan === undefined ? [] : instancesOf(plan, records),
  }
}

function beforeOf(records: NetworkRecords): Pick<NetworkStatus, 'before'> {
  const version = endingVersion(records)
  if (version !== undefined) return { before: { version, state: 'stopping' } }
  const { desired, outcome } = records
  const isBefore =
    desired.goal === 'run' && outcome?.state === 'stopped' && outcome.version < (desired.begunWith ?? 0)
  return isBefore && outcome.error !== undefined
    ? { before: { version: outcome.version, state: 'stopped', error: outcome.error } }
    : {}
}

function snapshotsOf(records: NetworkRecords): Pick<NetworkStatus, 'snapshots'> {
  const { committed, aborted, damaged } = records
  const isFailing =
    aborted !== undefined && aborted.atMs > (committed?.committedAtMs ?? 0) && !isStopped(records)
  if (committed === undefined && !isFailing && damaged === undefined) return {}
  return {
    snapshots: {
      ...(committed && { last: lastOf(committed) }),
      ...(isFailing && { failing: failingOf(aborted) }),
      ...(damaged && { damaged: textOf(damaged) }),
    },
  }
}

function textOf({ code, message, remedy }: VertigoError): ErrorText {
  return { code, message, remedy }
}

function lastOf({ id, committedAtMs, tookMs, bytes }: SnapshotRecord): SnapshotStatus['last'] {
  return { id, committedAtMs, tookMs, bytes }
}

function failingOf(aborted: AbortedSnapshot): SnapshotStatus['failing'] {
  const { sinceMs, atMs, times = 1, code, reason, remedy } = aborted
  return { sinceMs: sinceMs ?? atMs, times, code, reason, ...(remedy !== undefined && { remedy }) }
}

/**
 * With the deaths of nodes, of which each counts as a failure of what is suspected, as long as that does not run: a plan may be
 * in force for weeks, and says what was when it was made.
 */
function failuresOf(
  { failures, deaths = [], generation, waiting }: Plan,
  open: OpenRecord | undefined,
): ComponentFailures[] {
  const all = [...failures]
  const isOpen = open?.generation === generation
  for (const one of deaths) {
    if (isOpen && !waiting.some(({ component }) => component === one.component)) continue
    const error = deathsError(one)
    const { component, count, lastAtMs } = one
    if (error !== undefined) all.push({ component, count, lastAtMs, error })
  }
  return all
}

function networkState({ desired, plan, open, outcome }: NetworkRecords): NetworkState {
  if (desired.goal === 'stop') return isStopped({ desired, outcome }) ? 'stopped' : 'stopping'
  if (outcome?.version === desired.version && (outcome.state === 'failed' || outcome.state === 'finished'))
    return outcome.state
  const isRefused = outcome?.version === desired.version && outcome.state === 'refused'
  // There is nothing to go back to, so nothing more comes.
  const fallback = outcome?.fallback ?? plan?.fallback
  if (isRefused && fallback === undefined && (plan === undefined || isEmpty(plan))) return 'failed'
  if (plan === undefined) return 'deploying'
  // What runs is the version before; the manager has yet to plan the one that is wanted.
  if (plan.version !== desired.version && !isRefused) return 'deploying'
  // Nothing of it is to run: it has no components yet.
  if (isEmpty(plan) && outcome?.version === desired.version && outcome.state === 'running') return 'running'
  if (isEmpty(plan) && isRefused && plan.version === fallback) return 'running'
  if (open === undefined) return plan.parent === 0 ? 'deploying' : 'holding'
  if (plan.waiting.length > 0) return 'waiting'
  return open.generation === plan.generation ? 'running' : 'deploying'
}

function isStopped({ desired, outcome }: Pick<NetworkRecords, 'desired' | 'outcome'>): boolean {
  return desired.goal === 'stop' && outcome?.state === 'stopped'
}

function isEmpty({ instances, waiting, done }: Plan): boolean {
  return instances.length + waiting.length + done.length === 0
}

function instancesOf(plan: Plan, { open, ready, ...records }: NetworkRecords): InstanceStatus[] {
  const told = new Map<number, { state: InstanceState; reason?: string }>()
  for (const record of ready) {
    for (const id of record.ready) told.set(id, { state: 'ready' })
    for (const id of record.finished) told.set(id, { state: 'finished' })
    for (const { instance, error } of record.failed)
      told.set(instance, { state: 'failed', reason: error.message })
  }
  const nodes = new Map(plan.workers.map(({ worker, node }) => [worker, node]))
  const isOpen = open?.generation === plan.generation
  const placed = plan.instances.map((instance) => {
    const node = nodes.get(instance.worker)
    const { state, reason } = stateOf(instance, told.get(instance.id), isOpen)
    return {
      component: instance.component,
      index: instance.index,
      worker: instance.worker,
      ...(node !== undefined && { node }),
      state,
      ...(reason !== undefined && { reason }),
    }
  })
  const waiting = plan.waiting.map((one) => ({
    ...one,
    state: 'waiting' as const,
    ...('committed' in records &&
      records.damaged === undefined &&
      hasJournalAway(plan, one) && { savedUntilMs: savedUntilMs(records.committed) }),
  }))
  return [...placed, ...waiting].toSorted(
    (a, b) => (a.component < b.component ? -1 : a.component > b.component ? 1 : 0) || a.index - b.index,
  )
}

/** Homes of files say whose they are. */
function hasJournalAway({ homes = [] }: Plan, { component, index }: WaitingInstance): boolean {
  return homes.some(
    (home) =>
      home.component === component &&
      home.index === index &&
      home.node !== undefined &&
      home.files === undefined,
  )
}

/** When its barriers left the sources. */
function savedUntilMs(committed: SnapshotRecord | undefined): number {
  return committed === undefined ? 0 : committed.committedAtMs - committed.tookMs
}

function stateOf(
  instance: PlannedInstance,
  told: { readonly state: InstanceState; readonly reason?: string } | undefined,
  isOpen: boolean,
): { readonly state: InstanceState; readonly reason?: string } {
  if (told === undefined) return { state: 'starting' }
  if (told.state !== 'ready') return told
  if (instance.draining) return { state: 'draining' }
  return { state: isOpen ? 'running' : 'ready' }
}
