import type { Clock } from '../../base/clock.ts'
import { asError } from '../../base/errors.ts'
import { isMissing, put } from '../../store/operations.ts'
import type { Store } from '../../store/store.ts'
import type { Membership } from '../agent/membership.ts'
import type { ClusterObserver } from '../client/index.ts'
import { type ClusterKeys, type ClusterView, drainRecord, type NodeId } from '../protocol/index.ts'

/**
 * How a node gives up what it hosts before it leaves.
 *
 * - LV-1 The order to empty it stands under its own lease: it goes with the node, which is not drained when it comes again.
 *   An operator's order, which stays, is left as it is.
 * - LV-2 It waits until no plan has instances of it. It does not wait where nobody is there to take them, where its lease is
 *   lost, nor for longer than `graceMs`.
 */
export interface LeaveMeans {
  readonly store: Store
  readonly keys: ClusterKeys
  readonly clock: Clock
  readonly membership: Membership
  readonly observer: ClusterObserver
  readonly troubled: (what: string, error: Error) => void
}

export interface Left {
  /** Instances that it still has. */
  readonly instances: number
  /** Why nobody waited for them. */
  readonly why: string | undefined
}

/** Never rejects. */
export async function giveUpInstances(
  means: LeaveMeans,
  { graceMs, signal }: { readonly graceMs: number; readonly signal: AbortSignal },
): Promise<Left> {
  const { observer, membership } = means
  const { id } = membership.record
  const untilMs = means.clock.monotonic() + graceMs
  await order(means, graceMs, signal)
  const why = await waitUntilEmpty(means, Math.max(0, untilMs - means.clock.monotonic()), signal)
  return { instances: instancesOn(observer.view, id), why }
}

/** Over all networks, in their newest plans. */
export function instancesOn(view: ClusterView, id: NodeId): number {
  let count = 0
  for (const { plan } of view.networks.values()) {
    if (plan === undefined) continue
    const own = new Set(plan.value.workers.filter(({ node }) => node === id).map(({ worker }) => worker))
    for (const { worker } of plan.value.instances) if (own.has(worker)) count++
  }
  return count
}

async function order(means: LeaveMeans, graceMs: number, signal: AbortSignal): Promise<void> {
  const { store, keys, clock, membership, troubled } = means
  const key = keys.drain(membership.record.id)
  const value = drainRecord.encode({ by: 'the node, which leaves', atMs: clock.now() })
  try {
    await store.transact(
      { compare: [isMissing(key)], then: [put(key, value, membership.lease.lease)] },
      { repeat: 'harmless', signal, timeoutMs: Math.max(1, graceMs) },
    )
  } catch (error) {
    if (!signal.aborted) troubled('giving its instances up', asError(error))
  }
}

/** Gives why it waits no longer, where there are instances. */
function waitUntilEmpty(
  { clock, membership, observer }: LeaveMeans,
  graceMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { record, lease } = membership
  return new Promise((resolve) => {
    const done = (why: string | undefined): void => {
      cancel()
      unsubscribe()
      signal.removeEventListener('abort', look)
      lease.signal.removeEventListener('abort', look)
      resolve(why)
    }
    const look = (): void => {
      if (instancesOn(observer.view, record.id) === 0) done(undefined)
      else if (signal.aborted) done('it was told to stop')
      else if (lease.signal.aborted) done('its lease is lost')
      else if (!hasOthers(observer.view, record.id)) done('no other node is there to take them')
    }
    const cancel = clock.after(graceMs, () => done(`they did not move away within ${Math.round(graceMs)} ms`))
    const unsubscribe = observer.subscribe(look)
    signal.addEventListener('abort', look)
    lease.signal.addEventListener('abort', look)
    look()
  })
}

/** Nodes that may have instances. */
function hasOthers({ nodes, drains }: ClusterView, self: NodeId): boolean {
  for (const [id, { value }] of nodes) if (id !== self && value.workers > 0 && !drains.has(id)) return true
  return false
}
