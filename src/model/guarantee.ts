import type { Component, Guarantee, Network } from './network.ts'

export const guarantees: readonly Guarantee[] = ['exactly-once', 'at-least-once', 'at-most-once']

/**
 * What a network keeps that says nothing of it, in a cluster. Whoever deploys one writes it down with the network, so that all nodes agree on
 * it, whatever their version has as its default.
 */
export const clusterGuarantee: Guarantee = 'exactly-once'

/** What versions keep in which nothing is written down: they were deployed when this was the default. */
export const guaranteeOfOld: Guarantee = 'at-most-once'

/** What a network keeps in a cluster. */
export function guaranteeInCluster({ guarantee }: Pick<Network, 'guarantee'>): Guarantee {
  return guarantee ?? clusterGuarantee
}

/**
 * What a network keeps in a run of one process, which takes no snapshots and keeps nothing past its end: what the words mean while it runs.
 * Where there are none, a source that wants to send its messages again may.
 */
export function guaranteeInRun({ guarantee }: Pick<Network, 'guarantee'>): Guarantee {
  return guarantee ?? 'at-most-once'
}

/** The same network, with its guarantee written down. */
export function withGuarantee<T extends Pick<Network, 'guarantee'>>(
  network: T,
  unsaid: Guarantee = clusterGuarantee,
): T & { readonly guarantee: Guarantee } {
  return { ...network, guarantee: network.guarantee ?? unsaid }
}

/** Whether something may be lost when a part of it fails; where not, snapshots are taken. */
export function losesNothing(guarantee: Guarantee): boolean {
  return guarantee !== 'at-most-once'
}

/** What of a kind says whether its sources have a journal. */
export interface JournalFacts {
  readonly role: string
  readonly rewinds: boolean
  readonly journal?: 'engine' | 'none'
}

/** Whether what the component gives goes through a journal of the engine's: it cannot give it again, and it is not to be lost. */
export function hasJournal(
  guarantee: Guarantee,
  { journal }: Pick<Component, 'journal'>,
  kind: JournalFacts,
): boolean {
  return losesNothing(guarantee) && lacksPositions(kind) && journal !== false && kind.journal !== 'none'
}

/** Whether the component can neither rewind nor has a journal, so that no network with it is exactly-once. */
export function cannotRepeat({ journal }: Pick<Component, 'journal'>, kind: JournalFacts): boolean {
  return lacksPositions(kind) && (journal === false || kind.journal === 'none')
}

function lacksPositions({ role, rewinds }: JournalFacts): boolean {
  return role === 'source' && !rewinds
}
