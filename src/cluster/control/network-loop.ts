import type { Cancel, Clock } from '../../base/clock.ts'
import { unreachable } from '../../base/assert.ts'
import { asError } from '../../base/errors.ts'
import { isMissing, isUnchanged, mend, put, remove, removeRange } from '../../store/operations.ts'
import { transactionOperationsMax } from '../../store/limits.ts'
import type { Leadership } from '../../store/recipes/index.ts'
import type { Compare, Operation, Transaction } from '../../store/store.ts'
import {
  brokenPairs,
  closedRecord,
  type ClusterView,
  filesSeenBy,
  type NetworkView,
  openRecord,
  outcomeRecord,
  planRecord,
  type Recorded,
  standstill,
  type Term,
  usedBy,
  usedNumbersRecord,
} from '../protocol/index.ts'
import type { InventoryNode } from '../plan/index.ts'
import { decide } from './decide.ts'
import type { Decision } from './decision.ts'
import type { NetworkFacts, RestartPolicy } from './facts.ts'
import type { DecisionKind, ManagerEvents } from './manager-events.ts'
import { comparesCommitted, letGo } from './snapshot-transactions.ts'
import { usedNumbers } from './used-numbers.ts'

/**
 * Decides for one network as long as a manager leads, one decision at a time: the shell around `decide`.
 *
 * - NL-1 A decision is made from facts that are at least as new as what the one before it wrote, or failed at.
 * - NL-2 What a decision rests on is compared when it is written (see `decide.ts`): one made from facts that have changed
 *   writes nothing.
 * - NL-3 After an error, of the store or of ours, it tries again with growing pauses.
 */
export interface LoopMeans {
  readonly clock: Clock
  readonly restarts: RestartPolicy
  readonly events: ManagerEvents
  readonly view: ClusterView
  readonly leadership: Leadership
  readonly term: Term
  /** See `NetworkFacts`. Default false. */
  readonly isPlaceless?: boolean
}

const retryMsMin = 50
const retryMsMax = 2_000
/** So long at the most it waits for the facts that its own write made; deciding from older ones writes nothing (NL-2). */
const factsMsMax = 2_000

export class NetworkLoop {
  /** Fulfilled when it does nothing any more, after `close`. */
  ended: Promise<void> = Promise.resolve()
  private readonly network: string
  private readonly means: LoopMeans
  private phase: 'idle' | 'deciding' | 'closed' = 'idle'
  /** Of the facts in the view. */
  private revision = 0
  /** Facts that are older than this have been decided upon. */
  private neededRevision = 0
  private hasNews = false
  private failures = 0
  private cancel: Cancel = () => undefined

  constructor(network: string, means: LoopMeans) {
    this.network = network
    this.means = means
  }

  /** The view shows this revision now. */
  facts(revision: number): void {
    this.revision = revision
    this.hasNews = true
    this.wake()
  }

  close(): void {
    this.phase = 'closed'
    this.cancel()
  }

  private wake(): void {
    if (this.phase !== 'idle' || !this.hasNews || this.revision < this.neededRevision) return
    this.cancel()
    this.phase = 'deciding'
    this.hasNews = false
    this.ended = this.step().finally(() => {
      if (this.phase === 'closed') return
      this.phase = 'idle'
      this.wake()
    })
  }

  private again(afterMs: number): void {
    this.cancel()
    this.cancel = this.means.clock.after(afterMs, () => {
      this.hasNews = true
      this.neededRevision = 0
      this.wake()
    })
  }

  /** Never rejects. */
  private async step(): Promise<void> {
    const { events, leadership, view } = this.means
    const network = view.networks.get(this.network)
    if (network === undefined) return
    try {
      // A plan that is damaged must not be planned over.
      const fault = standstill(network)
      if (fault !== undefined) throw fault
      const facts = this.factsOf(network)
      if (facts === undefined) return
      const decision = decide(facts)
      if (decision.type === 'wait') {
        // By the reading that was decided by: one that went back meanwhile would make the wait longer than any pause (DE-7).
        if (decision.untilMs !== undefined) this.again(Math.max(1, decision.untilMs - facts.nowMs))
        return
      }
      const { revision, succeeded } = await leadership.transact(transactionOf(decision, network), {
        repeat: 'once',
      })
      this.failures = 0
      if (succeeded) {
        events.decided(this.network, describe(decision), kindOf(decision))
        this.neededRevision = revision
      }
      // Where it failed, somebody wrote; where it wrote, we did. The facts that say so come, or are there: but a revision at
      // which something failed may be that of anything in the store, so it is not one to wait for.
      this.hasNews ||= succeeded
      this.again(succeeded ? factsMsMax : retryMsMin)
    } catch (error) {
      if (leadership.signal.aborted) return
      this.failures++
      events.troubled(`the network "${this.network}"`, asError(error))
      this.again(Math.min(retryMsMax, retryMsMin * 2 ** Math.min(this.failures - 1, 10)))
    }
  }

  private factsOf(network: NetworkView): NetworkFacts | undefined {
    const { clock, restarts, term, view, isPlaceless } = this.means
    const { desired, plan } = network
    if (desired === undefined) return undefined
    const generations = new Set([...network.readyRecords.values()].map(({ value }) => value.generation))
    return {
      network: this.network,
      desired: desired.value,
      outcome: network.outcome?.value,
      plan: plan?.value,
      used: usedNumbers(network, view.cluster?.restoredAtMs),
      open: network.open?.value,
      lastOpen: network.open?.value.generation ?? network.closed?.value.generation,
      versions: new Map([...network.versions].map(([number, { value }]) => [number, value])),
      ready: plan === undefined ? [] : network.readyOf(plan.value.generation),
      readyGenerations: [...generations],
      nodes: inventory(view, this.network),
      deaths: [...view.deaths].map(([node, { value, entry }]) => ({
        node,
        revision: entry.modRevision,
        record: value,
      })),
      brokenLinks: brokenPairs(view).map(({ a, b }) => [a, b] as const),
      snapshots: {
        committed: network.snapshots.committed?.value,
        aborted: network.snapshots.aborted?.value,
      },
      ...(isPlaceless !== undefined && { isPlaceless }),
      quorum: view.config.quorum ?? 1,
      restarts,
      term,
      nowMs: clock.now(),
    }
  }
}

/** The nodes as a network's planner sees them. */
export function inventory(
  view: ClusterView,
  network: string,
): (InventoryNode & { readonly revision: number })[] {
  const used = new Map<string, number>()
  for (const [name, { plan }] of view.networks) {
    if (name === network) continue
    for (const { node } of plan?.value.workers ?? []) used.set(node, (used.get(node) ?? 0) + 1)
  }
  return [...view.nodes.values()].map(({ value, entry }) => ({
    id: value.id,
    incarnation: value.incarnation,
    groups: value.groups,
    labels: value.labels,
    files: filesSeenBy(value),
    workers: value.workers,
    draining: view.drains.has(value.id),
    workersOfOthers: used.get(value.id) ?? 0,
    revision: entry.createRevision,
  }))
}

/** What guards a decision stands in the head of `decide.ts`. */
export function transactionOf(
  decision: Exclude<Decision, { type: 'wait' }>,
  network: NetworkView,
): Transaction {
  const { keys, plan, open, outcome, desired, snapshots } = network
  const isPlan = unchanged(keys.plan, plan)
  const isDesired = unchanged(keys.desired, desired)
  const isOutcome = unchanged(keys.outcome, outcome)
  switch (decision.type) {
    case 'plan':
      return {
        compare: [isPlan, isDesired, isOutcome, comparesCommitted(snapshots)],
        then: [
          put(keys.plan, planRecord.encode(decision.plan)),
          // Where it is damaged, all that it says is in the plan that this one follows.
          mend(keys.numbers, usedNumbersRecord.encode(usedBy(decision.plan))),
          ...(decision.endsSnapshots === true ? [remove(snapshots.keys.committed)] : []),
        ],
      }
    case 'open': {
      const rests = [...network.readyRecords.values()].filter(
        ({ value }) => value.generation === decision.open.generation,
      )
      const guards = [isPlan, isDesired, isOutcome, unchanged(keys.open, open)]
      const known =
        rests.length <= readyComparesMax ? rests.map(({ entry }) => isUnchanged(entry.key, entry)) : []
      const then = [put(keys.open, openRecord.encode(decision.open))]
      if (decision.outcome !== undefined) then.push(put(keys.outcome, outcomeRecord.encode(decision.outcome)))
      return { compare: [...guards, ...known], then }
    }
    case 'close':
      return {
        compare: [unchanged(keys.open, open)],
        then: [remove(keys.open), put(keys.closed, closedRecord.encode({ generation: decision.generation }))],
      }
    case 'outcome': {
      const { state } = decision.outcome
      const isAtEnd = state === 'stopped' || state === 'finished'
      const isOver = isAtEnd && snapshots.committed !== undefined
      return {
        compare: [isPlan, isDesired, isOutcome, ...(isOver ? [comparesCommitted(snapshots)] : [])],
        then: [
          put(keys.outcome, outcomeRecord.encode(decision.outcome)),
          // What is deployed after that begins afresh, unless somebody says from which snapshot it goes on.
          ...(isOver ? [remove(snapshots.keys.committed), ...letGo(snapshots, 1)] : []),
          // What has come to nothing says nothing of that.
          ...(isAtEnd ? [remove(snapshots.keys.aborted)] : []),
        ],
      }
    }
    case 'clean-up': {
      const then: Operation[] = [
        ...decision.versions.map((version) => remove(keys.version(version))),
        ...decision.ready.map((generation) => removeRange(keys.readyOf(generation))),
      ]
      return { compare: [isPlan, isDesired], then: then.slice(0, transactionOperationsMax - 8) }
    }
    default:
      return unreachable(decision)
  }
}

/** As many as leave room for the rest of a transaction. */
const readyComparesMax = transactionOperationsMax - 28

function unchanged(key: string, recorded: Recorded<unknown> | undefined): Compare {
  return recorded === undefined ? isMissing(key) : isUnchanged(key, recorded.entry)
}

function kindOf(decision: Exclude<Decision, { type: 'wait' }>): DecisionKind {
  switch (decision.type) {
    case 'plan':
      return 'planned'
    case 'open':
      return 'opened'
    case 'close':
      return 'closed'
    case 'outcome':
      return decision.outcome.state
    case 'clean-up':
      return 'cleaned-up'
    default:
      return unreachable(decision)
  }
}

function describe(decision: Exclude<Decision, { type: 'wait' }>): string {
  switch (decision.type) {
    case 'plan': {
      const { generation, version, instances, workers, waiting, restores } = decision.plan
      const waits = waiting.length === 0 ? '' : `, ${waiting.length} waiting`
      const from = restores === undefined ? '' : `, from snapshot ${restores.id}`
      return `planned generation ${generation} of version ${version}: ${instances.length} instances on ${workers.length} workers${waits}${from}`
    }
    case 'open':
      return `opened generation ${decision.open.generation}`
    case 'close':
      return `closed generation ${decision.generation}: ${decision.why}`
    case 'outcome': {
      const { state, version, error } = decision.outcome
      return `version ${version} ${state}${error === undefined ? '' : `: ${error.message}`}`
    }
    case 'clean-up':
      return `let ${decision.versions.length} old versions go`
    default:
      return unreachable(decision)
  }
}
