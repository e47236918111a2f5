import { assert } from '../../base/assert.ts'
import { type Clock, sleep } from '../../base/clock.ts'
import { isVertigoError, VertigoError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { get, isMissing, put, wasCreatedAt } from '../../store/operations.ts'
import { backoffMs, callOptions, type LeaseHolder, type LeaseKeeper } from '../../store/recipes/index.ts'
import type { Entry, Store } from '../../store/store.ts'
import {
  bereaved,
  clusterFormat,
  type ClusterKeys,
  clusterRecord,
  ClusterView,
  deathOf,
  deathRecord,
  type NodeRecord,
  nodeRecord,
} from '../protocol/index.ts'
import { type Belonging, misfit, replaced } from './admission.ts'

/**
 * A node's place in its cluster: a record under a lease.
 *
 * - ME-1 Two living nodes never have one id: the record is made where there is none. The record of a life that has ended
 *   goes with its lease at the latest.
 * - ME-2 The record says that the node lives as long as its lease; the node stops what depends on it before that
 *   (`lease.signal`, `lease.isHeld`).
 * - ME-3 A cluster of a newer format is not touched, nor one that the node does not belong to (`admission.ts`). Of two that come at
 *   once and do not belong together, the later one goes: each looks again when its record is there.
 * - ME-4 What is there may be about to end: a node is refused by records of others only when they have outlived what a lease has.
 */
export interface Membership {
  readonly record: NodeRecord
  readonly lease: LeaseHolder
  /** Create revision of the record: what this life of the node writes is guarded by it. */
  readonly createRevision: number
  /** Of the cluster. */
  readonly incarnation: string
}

export interface JoinMeans {
  readonly store: Store
  readonly keys: ClusterKeys
  readonly leases: LeaseKeeper
  readonly clock: Clock
  readonly random: Random
  /** Whether the process of a record surely is no more: only for records of this machine. */
  readonly isGone: (record: NodeRecord) => boolean
}

export interface JoinOptions {
  readonly cluster: string
  readonly ttlMs: number
  /** Of the cluster that it was a member of before; it joins no other one. */
  readonly incarnation?: string | undefined
  readonly signal?: AbortSignal
}

const retryMsMin = 20
const retryMsMax = 250

/**
 * Joins; waits at most a lease's time and a half for a former life of the node to end, and for those of other nodes that it does
 * not belong to. That it does not belong (CLUSTER_FOREIGN) is told only of a cluster that is the one of before. Errors: NODE_EXISTS, CLUSTER_FORMAT_NEWER,
 * LINK_VERSION_UNFIT, CLUSTER_FOREIGN, CLUSTER_REPLACED, those of the store.
 */
export async function join(
  record: Omit<NodeRecord, 'joinedAtMs'>,
  means: JoinMeans,
  options: JoinOptions,
): Promise<Membership> {
  const { clock, leases } = means
  await checkIncarnation(means, options)
  await awaitPeers(record, means, options)
  const incarnation = await checkCluster(means, options)
  const lease = await leases.hold({ ttlMs: options.ttlMs, ...(options.signal && { signal: options.signal }) })
  try {
    const full = { ...record, joinedAtMs: clock.now() }
    const createRevision = await announce(full, lease, means, options)
    // Who came at the same time may have looked before this one was there.
    await checkPeers(full, means, options, createRevision)
    return { record: full, lease, createRevision, incarnation }
  } catch (error) {
    await lease.close()
    throw error
  }
}

/** Who comes again: whether it is the same cluster, before anything else of it counts. Nothing is written. */
async function checkIncarnation(
  { store, keys }: JoinMeans,
  { cluster, incarnation, signal }: JoinOptions,
): Promise<void> {
  if (incarnation === undefined) return
  const { entry } = await store.get(keys.cluster, callOptions(signal))
  const error = replaced(cluster, incarnation, entry && clusterRecord.decode(entry))
  if (error !== undefined) throw error
}

/** ME-4: all may have lost their power, and come again with other certificates, or after a start of their machine. */
async function awaitPeers(own: Belonging, means: JoinMeans, options: JoinOptions): Promise<void> {
  const { clock, random } = means
  const untilMs = clock.monotonic() + endMs(options)
  for (let attempt = 1; ; attempt++)
    try {
      await checkPeers(own, means, options)
      return
    } catch (error) {
      if (!isVertigoError(error) || error.code !== 'CLUSTER_FOREIGN') throw error
      if (clock.monotonic() >= untilMs) throw error
      await sleep(clock, backoffMs(random, attempt, retryMsMin, retryMsMax), options.signal)
    }
}

/** Half as long again as a lease lives: so long may it take the store to see that one has ended. */
function endMs({ ttlMs }: JoinOptions): number {
  return ttlMs * 1.5
}

/** `before`: only those that were there before this revision. */
async function checkPeers(
  own: Belonging,
  { store, keys, isGone }: JoinMeans,
  { cluster, signal }: JoinOptions,
  before = Infinity,
): Promise<void> {
  const { entries } = await store.range(keys.nodes, callOptions(signal))
  for (const entry of entries) {
    if (entry.createRevision >= before) continue
    const other = nodeRecord.decode(entry)
    if (other.id === own.id || isGone(other)) continue
    const error = misfit(cluster, own, other)
    if (error !== undefined) throw error
  }
}

/** The first node writes it. Gives its incarnation. */
async function checkCluster(
  { store, keys, clock, random }: JoinMeans,
  { cluster, incarnation: former, signal }: JoinOptions,
): Promise<string> {
  const call = callOptions(signal)
  let { entry } = await store.get(keys.cluster, call)
  const error = former && replaced(cluster, former, entry && clusterRecord.decode(entry))
  if (error) throw error
  if (entry === undefined) {
    const incarnation = Array.from({ length: 4 }, () =>
      random
        .int(2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    ).join('')
    const value = clusterRecord.encode({
      format: clusterFormat,
      name: cluster,
      incarnation,
      createdAtMs: clock.now(),
    })
    const { results } = await store.transact(
      {
        compare: [isMissing(keys.cluster)],
        then: [put(keys.cluster, value), get(keys.cluster)],
        otherwise: [get(keys.cluster)],
      },
      { ...call, repeat: 'harmless' },
    )
    for (const result of results) if (result.type === 'get') entry = result.entry
  }
  assert(entry !== undefined, 'it was written, or there')
  const { format, incarnation } = clusterRecord.decode(entry)
  if (format > clusterFormat)
    throw new VertigoError(
      'CLUSTER_FORMAT_NEWER',
      `The cluster "${cluster}" has format ${format}; this version of Vertigo knows formats up to ${clusterFormat}.`,
    )
  return incarnation
}

async function announce(
  record: NodeRecord,
  lease: LeaseHolder,
  means: JoinMeans,
  options: JoinOptions,
): Promise<number> {
  const { signal } = options
  const { store, keys, clock, random } = means
  const key = keys.node(record.id)
  const untilMs = clock.monotonic() + endMs(options)
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    const { succeeded, revision, results } = await store.transact(
      {
        compare: [isMissing(key)],
        then: [put(key, nodeRecord.encode(record), lease.lease)],
        otherwise: [get(key)],
      },
      { repeat: 'once', ...(signal && { signal }) },
    )
    if (succeeded) return revision
    const [found] = results
    const other = found?.type === 'get' ? found.entry : undefined
    if (other === undefined) continue
    const known = nodeRecord.decode(other)
    if (means.isGone(known)) {
      await tellDeath(known, other, lease, means)
      await remove(store, other)
      continue
    }
    if (clock.monotonic() >= untilMs) throw nodeExists(known)
    await sleep(clock, backoffMs(random, attempt, retryMsMin, retryMsMax), signal)
  }
}

/** Nobody else was there to see it: a node alone that is started again and again, each time until it meets what ends it. */
async function tellDeath(
  known: NodeRecord,
  entry: Entry,
  lease: LeaseHolder,
  { store, keys, clock }: JoinMeans,
): Promise<void> {
  const view = new ClusterView(keys)
  const { entries } = await store.range(keys.networks, { damaged: 'tell' })
  for (const one of entries) view.apply(one.key, one)
  const record = deathRecord.encode(deathOf(bereaved(view), known, clock.now()))
  await store.transact(
    {
      compare: [wasCreatedAt(entry.key, entry.createRevision)],
      then: [put(keys.death(known.id), record, lease.lease)],
    },
    { repeat: 'harmless' },
  )
}

/** Of a life that has ended: its keys go with its lease, all at once. */
async function remove(store: Store, entry: Entry): Promise<void> {
  if (entry.lease !== undefined) {
    await store.revoke(entry.lease)
    return
  }
  await store.transact(
    { compare: [wasCreatedAt(entry.key, entry.createRevision)], then: [{ type: 'delete', key: entry.key }] },
    { repeat: 'harmless' },
  )
}

function nodeExists({ id, pid, control }: NodeRecord): VertigoError {
  return new VertigoError(
    'NODE_EXISTS',
    `A node "${id}" is in the cluster already: process ${pid} at ${control.host}:${control.port}.`,
  )
}
